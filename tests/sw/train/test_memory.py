"""Freed memory stays with the process once it is told to keep it."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import numpy
from sw.train.memory import keep_freed_memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

def left(megabytes):
    before = resident()
    numpy.ones(megabytes << 20, numpy.uint8)
    return (resident() - before) >> 20

first = left(128)
print(first, keep_freed_memory(), left(128))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's mallopt")
def test_freed_memory_is_kept():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    before, told, after = run.stdout.split()
    assert told == "True" and int(before) < 8 and int(after) >= 120, run.stdout
