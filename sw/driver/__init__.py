"""The driver: one handle for every backend that can run a network.

::

    with Accelerator.open("sim", configuration="4x8x64-l16", memory="ideal") as accelerator:
        accelerator.load("model.bvit")
        logits = accelerator.run(pictures)
"""

from sw.driver.accelerator import BACKENDS, Accelerator
from sw.driver.errors import DeviceError, DeviceTimeout, DriverError, IdentityError
from sw.driver.transport import Identity, Transport

__all__ = [
    "BACKENDS",
    "Accelerator",
    "DeviceError",
    "DeviceTimeout",
    "DriverError",
    "Identity",
    "IdentityError",
    "Transport",
]
