"""A child process that answers requests on its pipes: every wait has an end, every failure a type.

The other end is ``main.cpp``, which describes the bytes.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import struct
import subprocess
import tempfile
import time
from collections.abc import Sequence
from enum import IntEnum

from sim.errors import SimulationError, SimulationTimeoutError

PROTOCOL = 0x42564E02
REQUEST = struct.Struct("=IIQ")
REPLY = struct.Struct("=IIQ")
MAX_PAYLOAD_BYTES = 1 << 32
CHUNK_BYTES = 1 << 16


class Operation(IntEnum):
    """What can be asked of a native simulator."""

    HELLO = 0
    WRITE_MEMORY = 1
    READ_MEMORY = 2
    WRITE_REGISTER = 3
    READ_REGISTER = 4
    RUN = 5
    RESET = 6
    COMPLETIONS = 7
    TRACE = 8
    SAMPLE = 9
    SAMPLES = 10


class Status(IntEnum):
    """How an operation ended."""

    OK = 0
    RUNNING = 1
    FAULT = 2
    REFUSED = 3


class Child:
    """One process.  After any error, an interrupt too, it is killed: its answers are out of step.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    reply_timeout_s : float
        Wall-clock seconds in which one request must be answered.
    """

    def __init__(self, command: Sequence[str], reply_timeout_s: float) -> None:
        self._timeout_s = reply_timeout_s
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                bufsize=0, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self._errors.close()
            raise SimulationError(
                f"simulator {command[0]}: cannot be started ({error.strerror}); "
                "remove its folder, it is built again"
            ) from None
        for pipe in (self._process.stdin, self._process.stdout):
            os.set_blocking(pipe.fileno(), False)
        _, value, _ = self.ask(Operation.HELLO)
        if value != PROTOCOL:
            self.kill()
            raise SimulationError(
                f"simulator: speaks protocol {value:#x}, expected {PROTOCOL:#x}; build it again"
            )

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether requests can be sent."""
        return not self._errors.closed

    def ask(
        self, operation: Operation, argument: int = 0, address: int = 0, payload: bytes = b""
    ) -> tuple[Status, int, bytes]:
        """Status, value and payload of the reply.

        Raises
        ------
        SimulationError
            The process is dead, dies, or answers what the protocol does not have.
        SimulationTimeoutError
            It does not answer in time.
        """
        if not self.alive:
            raise SimulationError("simulator: has ended; reset the device to start it again")
        deadline = time.monotonic() + self._timeout_s
        try:
            self._send(REQUEST.pack(operation, argument, address) + payload, deadline)
            status, value, length = REPLY.unpack(self._receive(REPLY.size, deadline))
            if status >= len(Status) or length > MAX_PAYLOAD_BYTES:
                raise SimulationError(
                    f"simulator: status {status} and {length} bytes are no reply to "
                    f"{operation.name}; the process is another program or broken"
                )
            data = self._receive(length, deadline)
        except BaseException:
            self.kill()
            raise
        return Status(status), value, data

    def close(self) -> None:
        """Ends the process in good order; again does nothing."""
        if self.alive:
            self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
            self.kill()

    def kill(self) -> None:
        """Ends the process at once; again does nothing."""
        if self.alive:
            self._process.kill()
            self._process.wait()
            for file in (self._process.stdin, self._process.stdout, self._errors):
                file.close()

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        pipe = self._process.stdin.fileno()
        while view:
            self._wait(pipe, selectors.EVENT_WRITE, deadline)
            try:
                view = view[os.write(pipe, view[:CHUNK_BYTES]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise self._died() from None

    def _receive(self, size: int, deadline: float) -> bytes:
        data = bytearray()
        pipe = self._process.stdout.fileno()
        while len(data) < size:
            self._wait(pipe, selectors.EVENT_READ, deadline)
            part = os.read(pipe, min(size - len(data), CHUNK_BYTES))
            if not part:
                raise self._died()
            data += part
        return bytes(data)

    def _wait(self, pipe: int, event: int, deadline: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, event)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise SimulationTimeoutError(
                    f"simulator: no answer within {self._timeout_s:g} s; it was stopped. "
                    "Raise reply_timeout_s if the machine is that slow"
                )

    def _died(self) -> SimulationError:
        try:
            status = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return SimulationError("simulator: closed its pipe")
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        # What a model refuses is said first; lines about the simulator's own end follow.
        refused = [line for line in lines if "%Fatal" in line]
        why = f": {(refused or lines[-1:])[0]}" if lines else ""
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return SimulationError(f"simulator: {how}{why}")
