"""A conversation with a device over a line that may lose or spoil anything, but not reorder it.

Requests are sent again until their answer comes.  That is safe: see :mod:`hw.spec.link`.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from hw.spec.link import GREETING, VERSION, Request, Status
from sw.driver.errors import DeviceError, IdentityError
from sw.driver.framing import Frame, FrameReader, to_line

TRIES = 6
"""Times that a request is sent at most; the wait doubles with each silence."""
GREETING_TRIES = 3
TIMEOUT_S = 0.5
"""First wait: longer than any request of full size takes at 115,200 baud, and bridges' delays."""
WINDOW = 4
"""Requests on their way at once whose time is that of the line."""
HELD = 2
"""Requests that the device holds: one is executed, one waits.  More of those that take longer than
the line would be lost."""


class Line(Protocol):
    """Bytes to and from the device."""

    def write(self, data: bytes) -> None:
        """Sends all of it."""

    def read(self, timeout_s: float) -> bytes:
        """What has come; waits for the first byte, `timeout_s` at most (then nothing)."""


@dataclass
class _Sent:
    index: int
    frame: Frame
    tries: int = 1


class Session:
    """One conversation; begins with :meth:`greet`.

    Parameters
    ----------
    line : Line
        Errors of its own go through.
    timeout_s : float
        Wait for a first answer.
    clock : callable
        Seconds.

    Attributes
    ----------
    greeting : dict
        What the device said of itself: :data:`hw.spec.link.GREETING`.
    repeats : int
        Requests that were sent more than once, each further time counted.
    """

    def __init__(
        self,
        line: Line,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._line, self._timeout_s, self._clock = line, timeout_s, clock
        self._reader = FrameReader()
        self._sequence = int.from_bytes(os.urandom(2), "little")
        self.greeting: dict[str, int] = {}
        self.repeats = 0

    def greet(self) -> None:
        """Begins: the device answers to this session from now on, stale answers are gone.

        Raises
        ------
        DeviceError
            Nobody answers.
        IdentityError
            The device speaks another version.
        """
        number = int.from_bytes(os.urandom(4), "little")
        self._line.write(b"\0")  # ends what another program may have begun
        answer = self._ask([(Request.HELLO, number, 0, b"")], GREETING_TRIES)[0]
        version = int.from_bytes(answer.data[:4], "little")
        if version != VERSION:
            raise IdentityError(
                f"device: link version is {version}, expected {VERSION}; "
                "use gateware and software of one version"
            )
        self.greeting = GREETING.decode(int.from_bytes(answer.data, "little"))

    def ask(self, request: Request, address: int = 0, count: int = 0, data: bytes = b"") -> bytes:
        """The data of one request's answer; errors as of :meth:`ask_all`."""
        return self.ask_all([(request, address, count, data)])[0]

    def ask_all(
        self,
        requests: Iterable[tuple[Request, int, int, bytes]],
        progress: Callable[[int], None] = lambda _: None,
        window: int = WINDOW,
    ) -> list[bytes]:
        """The data of every answer, in the order of the requests; several are under way at once.

        Parameters
        ----------
        requests : iterable of (request, address, count, data)
            If more than one: of kinds that may be executed again after those behind them.
        progress : callable
            Gets the number of answers so far, after each.
        window : int
            WINDOW or HELD.

        Raises
        ------
        DeviceError
            No answer after TRIES, or a refusal.
        """
        answers = self._ask(list(requests), TRIES, progress, window)
        for answer in answers:
            if answer.status != Status.DONE:
                raise DeviceError(f"device: {answer} refused: {self._reason(answer.status)}")
        return [answer.data for answer in answers]

    def _ask(
        self,
        requests: list,
        tries: int,
        progress: Callable[[int], None] = lambda _: None,
        window: int = WINDOW,
    ) -> list[Frame]:
        answers: list[Frame | None] = [None] * len(requests)
        done = started = 0
        silent_s = self._timeout_s
        sent: deque[_Sent] = deque()
        deadline = 0.0
        while done < len(requests):
            while started < len(requests) and len(sent) < window:
                sent.append(_Sent(started, self._frame(*requests[started])))
                self._line.write(to_line(sent[-1].frame))
                deadline = self._clock() + silent_s
                started += 1
            for frame in self._receive(deadline):
                found = next((one for one in sent if frame.answers(one.frame)), None)
                if found is None:
                    continue  # of another session, or of a request that was sent twice
                while (first := sent.popleft()) is not found:
                    self._again(sent, first, tries)  # answers come in order: this one is lost
                answers[found.index] = frame
                done += 1
                progress(done)
                silent_s = self._timeout_s
                deadline = self._clock() + silent_s
            if self._clock() >= deadline:
                silent_s *= 2
                for _ in range(len(sent)):
                    self._again(sent, sent.popleft(), tries)
                deadline = self._clock() + silent_s
        return answers

    def _frame(self, request: Request, address: int, count: int, data: bytes) -> Frame:
        self._sequence = (self._sequence + 1) % 2**16
        return Frame(request, self._sequence, count, address, data)

    def _again(self, sent: deque[_Sent], one: _Sent, tries: int) -> None:
        if one.tries >= tries:
            raise DeviceError(
                f"device: no answer to {one.frame} after {tries} tries; "
                "check cable, board and rate, and that the bitstream is loaded"
            )
        one.tries += 1
        self.repeats += 1
        sent.append(one)
        self._line.write(to_line(one.frame))

    def _receive(self, deadline: float) -> list[Frame]:
        wait = deadline - self._clock()
        return self._reader.feed(self._line.read(max(0.0, wait)))

    def _reason(self, status: int) -> str:
        return {
            Status.UNKNOWN: "it does not know the request",
            Status.SHAPE: "its length does not fit",
            Status.RANGE: f"memory ends at beat {self.greeting.get('memory_beats', 0)}",
            Status.BUSY: "a program runs; wait for it or reset the device",
        }.get(status, f"status {status}")
