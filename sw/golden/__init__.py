"""The integer golden model: the definition that the hardware is checked against, bit for bit."""

from sw.golden.block import run_block
from sw.golden.network import run
from sw.golden.ops import RangeError

__all__ = ["RangeError", "run", "run_block"]
