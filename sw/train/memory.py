"""Memory that tensors give back, kept for the next ones."""

import ctypes
import sys

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
"""Names of glibc's ``mallopt``, malloc.h."""
MOST = 2**31 - 1
PAD = 256 << 20


def keep_freed_memory() -> bool:
    """Let the C library keep what is freed, instead of giving it back to the kernel.

    A step on a processor frees and asks for some hundred tensors of megabytes, each a mapping of
    its own otherwise, whose pages the kernel clears anew: up to half of the time of a step.

    Returns
    -------
    bool
        Whether the C library is one that can be told.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    return all(mallopt(*pair) for pair in ((MMAP_MAX, 0), (TRIM_THRESHOLD, MOST), (TOP_PAD, PAD)))
