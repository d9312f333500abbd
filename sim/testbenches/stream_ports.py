"""Drivers and monitors of stream ports, one call a clock cycle.

They are plain objects called from one coroutine: one wake-up a cycle for all ports keeps cocotb
fast. Call `sample` for every port right after ``RisingEdge`` (values from before the edge), then
`drive` (applied after it).
"""

import random
import zlib

STALL_CHANCE = 0.4
BURST_CHANCE = 0.02  # of a pause long enough to fill or drain every FIFO on the way
BURST_CYCLES = 40


class Stall:
    """Decides, cycle by cycle, whether a port pauses: single cycles and now and then a burst."""

    def __init__(self, active: bool, seed: int, name: str) -> None:
        self._active = active
        self._random = random.Random(seed ^ zlib.crc32(name.encode()))
        self._left = 0

    def __call__(self) -> bool:
        """Whether to pause in the coming cycle."""
        if not self._active:
            return False
        if self._left:
            self._left -= 1
            return True
        draw = self._random.random()
        if draw < BURST_CHANCE:
            self._left = self._random.randrange(BURST_CYCLES)
        return draw < STALL_CHANCE


class Source:
    """Drives a stream into the design; a beat stays until it is accepted."""

    def __init__(self, dut, name: str, beats: list[int], stall: Stall) -> None:
        self.name, self.beats, self.cycles = name, beats, []
        self._valid = getattr(dut, f"{name}__valid")
        self._ready = getattr(dut, f"{name}__ready")
        # A payload without bits has no port.
        self._payload = getattr(dut, f"{name}__payload", None)
        self._stall, self._offered = stall, False
        self._valid.value = 0

    @property
    def done(self) -> bool:
        """Whether every beat was accepted."""
        return len(self.cycles) == len(self.beats)

    def sample(self, cycle: int) -> bool:
        """Note an accepted beat; whether there was one."""
        if self._offered and self._ready.value:
            self.cycles.append(cycle)
            self._offered = False
            return True
        return False

    def drive(self) -> None:
        """Offer the next beat, or pause."""
        if self._offered:
            return
        if not self.done and not self._stall():
            if self._payload is not None:
                self._payload.value = self.beats[len(self.cycles)]
            self._valid.value = 1
            self._offered = True
        else:
            self._valid.value = 0


class Sink:
    """Accepts a stream from the design, and checks that offered beats stay as they are."""

    def __init__(self, dut, name: str, stall: Stall) -> None:
        self.name, self.beats, self.cycles = name, [], []
        self._valid = getattr(dut, f"{name}__valid")
        self._ready = getattr(dut, f"{name}__ready")
        self._payload = getattr(dut, f"{name}__payload", None)
        self._stall, self._accepting = stall, False
        self._held: int | None = None
        self._ready.value = 0

    def sample(self, cycle: int) -> bool:
        """Note a beat that was accepted; whether there was one."""
        if not self._valid.value:
            assert self._held is None, (
                f"{self.name}: valid fell in cycle {cycle} although the beat was not accepted"
            )
            return False
        bits = 0 if self._payload is None else self._payload.value.to_unsigned()
        assert self._held in (None, bits), (
            f"{self.name}: payload changed from {self._held:#x} to {bits:#x} in cycle {cycle} "
            "although the beat was not accepted"
        )
        if not self._accepting:
            self._held = bits
            return False
        self._held = None
        self.beats.append(bits)
        self.cycles.append(cycle)
        return True

    def drive(self) -> None:
        """Be ready, or pause."""
        accepting = not self._stall()
        if accepting != self._accepting:
            self._ready.value = int(accepting)
            self._accepting = accepting
