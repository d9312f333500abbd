"""The transport to a board on a serial port: ``serial:/dev/ttyUSB0?baud=115200``."""

from __future__ import annotations

import errno
import time
import zlib
from collections.abc import Callable
from typing import NoReturn
from urllib.parse import parse_qsl

import numpy as np
import serial
from serial.tools import list_ports

from hw.spec.commands import Engine
from hw.spec.configuration import CONFIGURATIONS, DEFAULT_CONFIGURATION, Configuration
from hw.spec.link import BEAT_BYTES, DEFAULT_BAUD, MAX_BEATS, REGISTER_BYTES, Request
from hw.spec.registers import REGISTERS
from sw.compiler.packed import PackedNetwork
from sw.compiler.schedule import NetworkProgram
from sw.driver.errors import DeviceError, DeviceTimeout, DriverError
from sw.driver.session import HELD, TIMEOUT_S, Session
from sw.driver.transport import BUSY, DONE, Identity, configuration_of, first_unequal
from sw.files import InputError

WRITE_TIMEOUT_S = 10.0
CHECK_BEATS = 1024
"""Beats of one CRC: some thousand clock cycles, so that an answer is never long in coming."""
POLL_S = 0.002
REPORT_S = 1.0


def parse_address(address: str) -> tuple[str, int]:
    """Port and rate of ``PORT`` or ``PORT?baud=RATE``.

    Raises
    ------
    InputError
        For no port, another option, or a rate that is no positive number.
    """
    port, _, query = address.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    baud = options.pop("baud", str(DEFAULT_BAUD))
    if not port:
        raise InputError(f"backend serial: name the port, as in serial:{_example_port()}")
    if options or (query and "baud" not in query):
        raise InputError(
            f"backend serial:{address}: option {', '.join(options) or query} is unknown; "
            "the only one is ?baud=RATE"
        )
    if not baud.isdecimal() or int(baud) < 1:
        raise InputError(f"backend serial:{address}: baud={baud} is no rate, as 115200 is")
    return port, int(baud)


def _example_port() -> str:
    ports = sorted(port.device for port in list_ports.comports())
    return ports[0] if ports else "/dev/ttyUSB0"


class SerialLine:
    """An open serial port, 8 bits, no parity, 1 stop bit, for this process alone.

    Raises
    ------
    InputError
        The port is absent, held by another program, not permitted, or no serial port.
    """

    def __init__(self, port: str, baud: int) -> None:
        self._name = port
        try:
            self._port = serial.Serial(
                port, baud, exclusive=True, write_timeout=WRITE_TIMEOUT_S, timeout=0
            )
            self._port.reset_input_buffer()
        except (OSError, ValueError, OverflowError) as error:  # SerialException is an OSError
            raise InputError(f"serial port {port}: {_opening(error, baud)}") from None

    def write(self, data: bytes) -> None:
        """Sends all of it; DeviceError if the port is gone or takes nothing."""
        try:
            self._port.write(data)
        except serial.SerialTimeoutException:
            raise DeviceError(
                f"serial port {self._name}: takes no data for {WRITE_TIMEOUT_S:g} s; "
                "check the board, then reset the device"
            ) from None
        except OSError as error:
            self._lost(error)

    def read(self, timeout_s: float) -> bytes:
        """What has come, at least a byte unless `timeout_s` passes; DeviceError if it is gone."""
        try:
            self._port.timeout = timeout_s
            first = self._port.read(1)
            self._port.timeout = 0
            return first + self._port.read(1 << 16) if first else first
        except (OSError, TypeError) as error:
            self._lost(error)

    def close(self) -> None:
        """Gives the port back; again does nothing."""
        self._port.close()

    def _lost(self, error: Exception) -> NoReturn:
        raise DeviceError(
            f"serial port {self._name}: lost ({str(error).splitlines()[0]}); "
            "plug it in again, then reset the device"
        ) from None


def _opening(error: Exception, baud: int) -> str:
    """Why a port does not open, and what to do."""
    number = getattr(error, "errno", None)
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        found = sorted(port.device for port in list_ports.comports())
        return f"there is none of that name; found {', '.join(found) or 'no serial port at all'}"
    if number in (errno.EACCES, errno.EPERM):
        return "not permitted; join its group (sudo usermod -aG dialout $USER, then log in again)"
    if number in (errno.EBUSY, errno.EAGAIN):
        return "held by another program; end that one (fuser shows it)"
    if isinstance(error, (ValueError, OverflowError)):
        return f"{baud} baud is no rate of it"
    return f"cannot be used as a serial port ({str(error).splitlines()[0]})"


class SerialTransport:
    """A :class:`~sw.driver.transport.Transport` to a board on a serial port.

    Parameters
    ----------
    configuration : Configuration
        Not sent: the device's own is read, :func:`sw.driver.device.check_identity` compares.
    address : str
        ``PORT`` or ``PORT?baud=RATE``.
    timeout_s : float
        Wait for an answer before its request is sent again.
    report : callable
        Called with a line of progress about every second of a long transfer.

    Raises
    ------
    InputError
        The port cannot be opened.
    DriverError
        Nobody answers on it, or a device of another version.
    """

    def __init__(
        self,
        configuration: Configuration,
        address: str = "",
        *,
        timeout_s: float = TIMEOUT_S,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._port, self._baud = parse_address(address)
        self._timeout_s, self._report = timeout_s, report
        self._connect()

    def _connect(self) -> None:
        self._line = SerialLine(self._port, self._baud)
        self.session = Session(self._line, self._timeout_s)
        try:
            self.session.greet()
        except BaseException:
            self._line.close()
            raise

    def identity(self) -> Identity:
        """The identifying registers; the device cannot know its gateware's digest."""
        registers = self.registers()
        names = ("contract", "configuration", "geometry", "identity")
        return Identity(**{name: registers[name] for name in names})

    def write(self, beat: int, beats: np.ndarray) -> None:
        """Writes uint64 (n, 2) to external memory from address `beat` on."""
        self._check_range(beat, len(beats))
        data = np.ascontiguousarray(beats, dtype="<u8").tobytes()
        self.session.ask_all(
            (
                (Request.WRITE_MEMORY, beat + at, n, data[at * BEAT_BYTES : (at + n) * BEAT_BYTES])
                for at, n in _pieces(len(beats), MAX_BEATS)
            ),
            self._progress(len(beats), MAX_BEATS),
        )

    def read(self, beat: int, n: int) -> np.ndarray:
        """External memory from address `beat` on, uint64 (n, 2)."""
        self._check_range(beat, n)
        parts = (
            self.session.ask(Request.READ_MEMORY, beat + at, beats)
            for at, beats in _pieces(n, MAX_BEATS)
        )
        return np.frombuffer(b"".join(parts), "<u8").reshape(n, 2).astype(np.uint64)

    def first_difference(self, beat: int, beats: np.ndarray) -> int | None:
        """Index of the first of `beats` that memory does not hold: the device's CRCs say."""
        self._check_range(beat, len(beats))
        data = np.ascontiguousarray(beats, dtype="<u8").tobytes()
        pieces = list(_pieces(len(beats), CHECK_BEATS))
        answers = self.session.ask_all(
            ((Request.CHECK_MEMORY, beat + at, n, b"") for at, n in pieces), window=HELD
        )
        for (at, n), answer in zip(pieces, answers, strict=True):
            expected = zlib.crc32(data[at * BEAT_BYTES : (at + n) * BEAT_BYTES])
            if int.from_bytes(answer, "little") != expected:
                # Memory that differs only now and then reads right here: its piece is named.
                return at + (first_unequal(self.read(beat + at, n), beats[at : at + n]) or 0)
        return None

    def start(self, program_beat: int) -> None:
        """Starts the program at that address; returns at once."""
        address = REGISTERS["program"].address
        data = program_beat.to_bytes(REGISTER_BYTES, "little")
        self.session.ask(Request.WRITE_REGISTER, address, 1, data)

    def wait(self, timeout_cycles: int) -> None:
        """Returns when the program is done; DeviceTimeout after so many of the device's cycles."""
        while True:
            registers = self._read_registers("status", "cycles")
            if registers["status"] & DONE:
                return
            if not registers["status"] & BUSY:
                raise DeviceError("device: no program runs; it was reset in between")
            if registers["cycles"] > timeout_cycles:
                raise DeviceTimeout(
                    f"device: not done after {timeout_cycles} cycles; the program waits for "
                    "something that never comes, or the limit is too low. Reset the device"
                )
            time.sleep(POLL_S)

    def registers(self) -> dict[str, int]:
        """Every register by name; counters since start."""
        return self._read_registers(*REGISTERS)

    def completions(self) -> list[tuple[int, Engine, int]]:
        """None: a bitstream does not show them."""
        return []

    def tensors(
        self, program: NetworkProgram, packed: PackedNetwork
    ) -> dict[str, np.ma.MaskedArray]:
        """DriverError: a bitstream shows nothing of its inside."""
        raise DriverError("serial: a board shows no tensors; use the backends golden and sim")

    def reset(self) -> None:
        """Stops any program and clears the registers; opens the port again where it was lost."""
        self.close()
        self._connect()
        self.session.ask(Request.RESET)

    def close(self) -> None:
        """Gives the port back; again does nothing."""
        self._line.close()

    def _read_registers(self, *names: str) -> dict[str, int]:
        """Registers with one request for all between the first and the last address of `names`."""
        addresses = [REGISTERS[name].address for name in names]
        first, last = min(addresses), max(addresses)
        data = self.session.ask(Request.READ_REGISTERS, first, last - first + 1)
        words = np.frombuffer(data, "<u4").tolist()
        return {name: words[REGISTERS[name].address - first] for name in names}

    def _check_range(self, beat: int, n: int) -> None:
        memory = self.session.greeting["memory_beats"]
        if beat < 0 or beat + n > memory:
            raise DriverError(
                f"device: beats {beat} to {beat + n - 1} are outside its memory of {memory}; "
                "use a smaller model, or a board with more memory"
            )

    def _progress(self, beats: int, piece: int) -> Callable[[int], None]:
        """Reports about every second what part of a transfer is done."""
        said = time.monotonic()

        def progress(answers: int) -> None:
            nonlocal said
            done = min(answers * piece, beats)
            if done < beats and time.monotonic() - said >= REPORT_S:
                said = time.monotonic()
                kib = BEAT_BYTES / 1024
                self._report(f"sent {done * kib:,.0f} of {beats * kib:,.0f} KiB")

        return progress


def _pieces(beats: int, most: int):
    """(first, number) of pieces of at most `most` beats."""
    return ((at, min(most, beats - at)) for at in range(0, beats, most))


def identify(address: str) -> Configuration | None:
    """The configuration of the board at ``PORT`` or ``PORT?baud=RATE``; None for an unknown one.

    Raises
    ------
    InputError, DriverError
        As :class:`SerialTransport`.
    """
    transport = SerialTransport(CONFIGURATIONS[DEFAULT_CONFIGURATION], address)
    try:
        return configuration_of(transport.identity())
    finally:
        transport.close()
