"""Control: registers, command fetch and dispatch, and everything at the memory port."""

from hw.control.arbiter import PortArbiter
from hw.control.bursts import Bursts
from hw.control.control import Control
from hw.control.dispatch import Dispatch
from hw.control.fetch import Fetch
from hw.control.loader import Loader
from hw.control.queue import Queue
from hw.control.registers import Registers
from hw.control.rings import Rings
from hw.control.store import Store
from hw.control.waiting import WaitingHead

__all__ = [
    "Bursts",
    "Control",
    "Dispatch",
    "Fetch",
    "Loader",
    "PortArbiter",
    "Queue",
    "Registers",
    "Rings",
    "Store",
    "WaitingHead",
]
