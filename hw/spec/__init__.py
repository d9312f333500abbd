"""The contract: every format, field, order and size that hardware and software share.

Standard library only.  Nothing here computes on tensor values: rounding and saturation are
*named* in :mod:`hw.spec.numerics` and written twice, in gateware and in the golden model.
"""

from hw.spec.configuration import (
    CONFIGURATIONS,
    Configuration,
    ConfigurationError,
    find_configuration,
)
from hw.spec.digest import contract_digest

__all__ = [
    "CONFIGURATIONS",
    "Configuration",
    "ConfigurationError",
    "contract_digest",
    "find_configuration",
]
