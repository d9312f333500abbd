"""The link from pin to pin, with memory and a register that counts its writes."""

import zlib

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from hw.link.link import Link
from hw.spec.link import GREETING, VERSION, Request, Status
from hw.system import OnChipMemory
from sim.build import build_simulator, verilog
from sim.run import run_testbench
from sw.driver.framing import Frame, FrameReader, to_line

CLOCK_HZ, CYCLES_A_BIT, BEATS, PATIENCE = 1_000_000, 5, 64, 300
COUNT, VALUE = 1, 2
"""Registers of the bench: writes so far, and the last value written."""


class Bench(wiring.Component):
    """Link, memory that can be blocked, and two registers."""

    def __init__(self):
        super().__init__(
            {
                "rx": In(1, init=1), "tx": Out(1), "busy": In(1), "blocked": In(1),
                "resets": Out(8), "writes": Out(8),
            }
        )  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        m.submodules.link = link = Link(
            clock_hz=CLOCK_HZ, baud=CLOCK_HZ // CYCLES_A_BIT, memory_beats=BEATS, patience=PATIENCE
        )
        m.submodules.memory = memory = OnChipMemory(BEATS)
        value = Signal(32)
        m.d.comb += [link.rx.eq(self.rx), self.tx.eq(link.tx), link.busy.eq(self.busy)]
        connect(m, link.port, memory.port)
        with m.If(self.blocked):
            m.d.comb += [memory.port.request.valid.eq(0), link.port.request.ready.eq(0)]
        m.d.sync += [self.resets.eq(self.resets + link.reset), link.host_data.eq(0xDEAD)]
        with m.Switch(link.host_address):
            with m.Case(COUNT):
                m.d.sync += link.host_data.eq(self.writes)
            with m.Case(VALUE):
                m.d.sync += link.host_data.eq(value)
        with m.If(link.host_write):
            m.d.sync += [self.writes.eq(self.writes + 1), value.eq(link.host_data_in)]
        return m


def levels(line):
    """Levels of rx for bytes of the line, one a cycle."""
    out = []
    for byte in line:
        for bit in (0, *(byte >> i & 1 for i in range(8)), 1):
            out += [bit] * CYCLES_A_BIT
    return out


def bytes_of(tx):
    """Bytes on tx."""
    found, at = bytearray(), 0
    while at < len(tx):
        if tx[at] == 1:
            at += 1
            continue
        middle = at + CYCLES_A_BIT // 2
        bits = [tx[min(middle + i * CYCLES_A_BIT, len(tx) - 1)] for i in range(10)]
        assert bits[0] == 0 and bits[9] == 1
        found.append(sum(bit << i for i, bit in enumerate(bits[1:9])))
        at = middle + 9 * CYCLES_A_BIT
    return bytes(found)


class Script:
    """What happens at the bench, in order of time, and what it answered."""

    def __init__(self):
        self.rx, self.busy, self.blocked = [], [], []
        self.now = {"busy": 0, "blocked": 0}

    def wait(self, cycles):
        self._put([1] * cycles)

    def send(self, frame, wait=2500, line=None):
        self._put(levels(to_line(frame) if line is None else line))
        self.wait(wait)

    def _put(self, rx):
        self.rx += rx
        self.busy += [self.now["busy"]] * len(rx)
        self.blocked += [self.now["blocked"]] * len(rx)

    def run(self):
        """(answers, resets, writes)."""
        simulator = build_simulator({"top.v": verilog(Bench(), "top")}, "top")
        inputs = {"rx": self.rx, "busy": self.busy, "blocked": self.blocked}
        got = run_testbench(
            simulator,
            "sim.testbenches.cycles",
            parameters={
                "inputs": {name: [f"{v}" for v in values] for name, values in inputs.items()},
                "outputs": ["tx", "resets", "writes"],
            },
        ).values["outputs"]
        reader = FrameReader()
        answers = reader.feed(bytes_of([int(level) for level in got["tx"]]))
        return answers, int(got["resets"][-1], 16), int(got["writes"][-1], 16)


def test_every_request_and_every_refusal():
    script = Script()
    beats = bytes((7 * i + 3) % 256 for i in range(3 * 16))
    steps = [
        (Frame(Request.HELLO, 9, address=0xC0FFEE), Status.DONE,
         GREETING.encode({"version": VERSION, "memory_beats": BEATS, "clock_hz": CLOCK_HZ})
         .to_bytes(12, "little")),
        (Frame(Request.WRITE_MEMORY, 10, 3, 61, beats), Status.DONE, b""),
        (Frame(Request.READ_MEMORY, 11, 2, 62), Status.DONE, beats[16:]),
        (Frame(Request.CHECK_MEMORY, 12, 3, 61), Status.DONE,
         zlib.crc32(beats).to_bytes(4, "little")),
        (Frame(Request.WRITE_REGISTER, 13, 1, VALUE, b"\1\2\3\4"), Status.DONE, b""),
        (Frame(Request.READ_REGISTERS, 14, 3, COUNT), Status.DONE,
         b"\1\0\0\0" + b"\1\2\3\4" + b"\xad\xde\0\0"),
        (Frame(Request.RESET, 15), Status.DONE, b""),
        (Frame(Request.READ_MEMORY, 16, 3, 62), Status.RANGE, b""),
        (Frame(Request.CHECK_MEMORY, 17, 1, 0xFFFFFFFF), Status.RANGE, b""),
        (Frame(Request.WRITE_MEMORY, 18, 1, 64, bytes(16)), Status.RANGE, b""),
        (Frame(Request.WRITE_MEMORY, 19, 2, 0, bytes(16)), Status.SHAPE, b""),
        (Frame(Request.READ_MEMORY, 20, 64, 0), Status.SHAPE, b""),
        (Frame(Request.READ_MEMORY, 21, 0, 0), Status.SHAPE, b""),
        (Frame(Request.READ_REGISTERS, 22, 65, 0), Status.SHAPE, b""),
        (Frame(Request.WRITE_REGISTER, 23, 1, VALUE, b"\1"), Status.SHAPE, b""),
        (Frame(77, 24), Status.UNKNOWN, b""),
        (Frame(0, 25, data=b"\0"), Status.UNKNOWN, b""),
        (Frame(Request.READ_MEMORY, 26, 3, 61), Status.DONE, beats),
    ]  # fmt: skip
    for frame, _, _ in steps:
        script.send(frame, wait=5000)
    answers, resets, writes = script.run()
    assert [a.sequence for a in answers] == [frame.sequence for frame, _, _ in steps]
    for answer, (frame, status, data) in zip(answers, steps, strict=True):
        assert answer.answers(frame) and (answer.status, answer.data) == (status, data), frame
    assert (resets, writes) == (1, 1)


def test_a_repeated_request_is_answered_and_not_executed_again():
    script = Script()
    start = Frame(Request.WRITE_REGISTER, 3, 1, VALUE, b"\5\0\0\0")
    script.send(Frame(Request.HELLO, 2))
    script.send(start)
    script.now["busy"] = 1  # what the write started
    script.send(start)
    script.send(start)
    script.send(Frame(Request.WRITE_REGISTER, 4, 1, VALUE, b"\6\0\0\0"))  # another: refused
    script.send(Frame(Request.WRITE_REGISTER, 4, 1, VALUE, b"\6\0\0\0"))
    script.now["busy"] = 0
    script.send(Frame(Request.WRITE_REGISTER, 4, 1, VALUE, b"\6\0\0\0"))  # still that refusal
    script.send(Frame(Request.READ_REGISTERS, 5, 2, COUNT))
    script.send(Frame(Request.RESET, 6))
    script.send(Frame(Request.RESET, 6))
    script.send(Frame(Request.HELLO, 6))  # a new session that happens to begin with that number
    script.send(Frame(Request.RESET, 7))
    script.send(Frame(Request.READ_REGISTERS, 8, 1, COUNT))
    answers, resets, writes = script.run()
    refused = [a.status for a in answers if a.request == Request.WRITE_REGISTER]
    assert refused == [Status.DONE] * 3 + [Status.BUSY] * 3
    reads = [a.data for a in answers if a.request == Request.READ_REGISTERS]
    assert reads == [b"\1\0\0\0\5\0\0\0", b"\1\0\0\0"]
    assert len(answers) == 13 and (resets, writes) == (2, 1)


def test_memory_that_does_not_move_is_given_up():
    script = Script()
    script.send(Frame(Request.WRITE_MEMORY, 1, 1, 5, bytes(range(16))))
    script.now["blocked"] = 1
    script.send(Frame(Request.READ_MEMORY, 2, 1, 5))
    script.send(Frame(Request.WRITE_MEMORY, 3, 1, 6, bytes(16)))
    script.send(Frame(Request.READ_REGISTERS, 4, 1, COUNT))
    script.now["blocked"] = 0
    script.send(Frame(Request.READ_MEMORY, 5, 1, 5))
    answers, resets, _ = script.run()
    assert [a.sequence for a in answers] == [1, 4, 5]
    assert answers[2].data == bytes(range(16))
    assert resets == 2


def test_any_break_in_a_frame_costs_that_frame_only():
    script = Script()
    read = Frame(Request.READ_REGISTERS, 8, 1, COUNT)
    line = to_line(read)
    for cut in range(1, len(line) - 1, 3):  # the host stops in the middle, then begins anew
        script.send(None, line=line[:cut], wait=7 * cut)
        script.send(read)
    answers, _, _ = script.run()
    assert len(answers) == len(range(1, len(line) - 1, 3))
    assert all(a.answers(read) for a in answers)
