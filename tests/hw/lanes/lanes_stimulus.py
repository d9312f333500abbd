"""Random and chosen commands for the lanes, and a run of them against the reference."""

from __future__ import annotations

import functools
import random
import re
from collections import Counter
from dataclasses import dataclass

from lanes_reference import Reference

from hw.interfaces import lanes_trace
from hw.lanes.unit import Lanes
from hw.spec.commands import RECORDS, Bits, Opcode, Source, encode
from hw.spec.configuration import Configuration, find_configuration
from sim.build import build_simulator
from sim.build.generate import cached_verilog
from sim.run import run_testbench

EDGES = (-32768, -32767, -1, 0, 1, 32766, 32767)
HALF = 1024
"""Commands read below this word of x and u and write from it on, so that their order is free."""


@functools.cache
def simulator(name: str):
    """The lanes of a named configuration."""
    c = find_configuration(name)
    text, _ = cached_verilog(lambda: Lanes(c), "lanes", repr(c))
    text = re.sub(r"\btrace\b", "trace_beat", text)  # Verilator's class has a method trace()
    return build_simulator({"lanes.v": text}, "lanes")


def value(r: random.Random, kind: int) -> int:
    """A 16-bit number: an edge, any, or of a few bits."""
    if kind == 0:
        return r.choice(EDGES)
    bits = 16 if kind == 1 else r.randrange(2, 13)
    return r.randrange(-(1 << bits - 1), 1 << bits - 1)


def words(r: random.Random, c: Configuration, count: int) -> list[list[int]]:
    """Words of `lanes` numbers; extremes often."""
    return [[value(r, r.choice((0, 1, 2, 2, 2))) for _ in range(c.lanes)] for _ in range(count)]


def packed(word: list[int], bits: int = 16) -> int:
    """Numbers side by side, low bits first."""
    return sum((v & ((1 << bits) - 1)) << (bits * i) for i, v in enumerate(word))


def product(r: random.Random, c: Configuration) -> dict[str, str]:
    """What is offered to the lent multipliers, and its totals: words of an integer layer."""
    first, second, raised = value(r, r.randrange(3)), value(r, r.randrange(3)), 0
    firsts = [r.choice((-128, -1, 0, 127, r.randrange(-128, 128))) * 512 for _ in range(c.lanes)]
    if r.random() < 0.3:  # a half of a bias
        raised = r.randrange(2)
        first, second = 1 << 16 if raised else 512, 0
        firsts = [r.choice((0, 0x7FFF, 0x8000, 0xFFFF, 1)) for _ in range(c.lanes)]
    seconds = [r.choice((-128, 127, 0, r.randrange(-128, 128))) for _ in range(c.lanes)]
    totals = [
        (first * a << 9 * raised) // 512 + second * b for a, b in zip(firsts, seconds, strict=True)
    ]
    return {
        "minus_first": f"{-first & 0x1FFFF:x}",
        "second": f"{second & 0xFFFF:x}",
        "raised": f"{raised:x}",
        "first_weight": f"{packed(firsts, 17):x}",
        "second_weight": f"{packed(seconds, 8):x}",
        "total": f"{packed(totals, 32):x}",
    }


def fields_of(c: Configuration, r: random.Random, **chosen: int) -> dict[str, int]:
    """A random valid command of lanes; `chosen` fields are held."""
    f = {field.name: 0 for field in RECORDS[Opcode.LINEAR].fields}
    del f["opcode"]
    kinds = (Bits.NONE, Bits.ROW, Bits.KEY) if chosen.get("inner", 1) > 1 else tuple(Bits)
    bits = chosen.get("bits", r.choice(kinds))
    inner = chosen.get("inner", 1 if bits == Bits.VALUE else r.choice((1, 1, 2, 3)))
    up = chosen.get("up", r.choice((1, 1, 2, 3, 4, 8)))
    sources = r.choice([(a, b) for a in Source for b in Source if a == Source.NONE or a != b])
    sets = r.choice((1, 2, 3)) if bits == Bits.ROW else 1
    tiles = chosen.get("tiles", r.randrange(1, 5))
    width = chosen.get("width", r.randrange(up, 3 * up + 3))
    # Steps that keep every token in its half of the memory.
    step, row_step = 500 // (tiles * c.rows), 500 // -(-tiles * c.rows // width)
    f |= {
        "tag": r.randrange(4096),
        "tiles": tiles,
        "last_tokens": r.randrange(1, c.rows + 1),
        "outer": r.randrange(1, 4),
        "inner": inner,
        "double": r.randrange(2),
        "offset": value(r, r.randrange(3)),
        "gain_shift": r.randrange(4),
        "slope_shift": r.randrange(4),
        "residual": sources[0],
        "residual_base": r.randrange(500),
        "main": sources[1],
        "main_base": r.randrange(500),
        "residual_token": r.randrange(1, min(step, 9) + 1),
        "main_token": r.randrange(1, min(step, 9) + 1),
        "main_row": r.choice((0, r.randrange(1, row_step + 1))) if up == 1 else 0,
        "up": up,
        "up_row": r.randrange(up),
        "width": width,
        "destination": r.choice(list(Source)),
        "destination_base": HALF + r.randrange(400),
        "destination_token": r.randrange(1, min(step, 11) + 1),
        "pooled": r.randrange(2),
        "pool": r.randrange(4),
        "first_group": r.randrange(6),
        "group_step": r.randrange(8),
        "bits": bits,
        "bits_from_out": r.randrange(2),
        "sets": sets,
        "bits_base": r.randrange(60),
        "bits_set": r.randrange(60),
        "bits_tile": r.randrange(16),
        "first_key": r.randrange(3) * c.lanes if bits == Bits.VALUE else r.randrange(100),
        "parameter_base": r.randrange(400),
        "parameter_fields": r.randrange(512),
        "residual_gain": value(r, r.randrange(3)),
        "slope_positive": value(r, r.randrange(3)),
    } | chosen
    return {name: int(v) for name, v in f.items()}


@dataclass
class Run:
    """A run that gave what the reference says; `beats` are cycles of admission a command."""

    beats: list[list[int]]
    done: list[int]
    commands: list[int]
    reference: Reference


def run(
    name: str,
    commands: list[tuple[Opcode, dict]],
    seed: int = 0,
    *,
    stall: float = 0.0,
    result_stall: float = 0.0,
    command_stall: float = 0.0,
    memories=None,
    accumulators=None,
) -> Run:
    """Simulate and compare every write, trace beat, read count and completion."""
    c, r = find_configuration(name), random.Random(seed)
    x, u, parameter = memories or (
        words(r, c, 2 * HALF),
        words(r, c, 2 * HALF),
        words(r, c, c.parameter_words),
    )
    kept = [[list(w) for w in memory] for memory in (x, u)]
    results: list[list[int]] = []

    def source():
        while True:
            kind = r.choice((0, 1, 2, 2, 2))
            word = accumulators() if accumulators else [value(r, kind) for _ in range(c.lanes)]
            results.append(word)
            yield word

    reference, beats = Reference(c, x, u, parameter), source()
    for opcode, f in commands:
        reference.run(opcode, f, beats)
    got = run_testbench(
        simulator(name),
        "sim.testbenches.lanes",
        seed=seed,
        parameters={
            "rows": c.rows,
            "commands": [f"{encode(o, **f):x}" for o, f in commands],
            "results": [f"{packed(w):x}" for w in results],
            "memories": {
                "x": [f"{packed(w):x}" for w in kept[0]],
                "u": [f"{packed(w):x}" for w in kept[1]],
                "parameter": [f"{packed(w):x}" for w in parameter],
            },
            "products": [product(r, c) for _ in range(64)],
            "done": len(commands),
            "stall": stall,
            "result_stall": result_stall,
            "command_stall": command_stall,
            "seed": seed,
            "timeout_cycles": 60_000,
        },
    ).values
    compare_trace(c, got["trace"], reference.trace)
    compare_writes(c, got["writes"], reference.writes)
    assert got["products"] > 0
    assert got["results"] == len(results)
    assert len(got["done"]) == len(commands) and len(got["beats"]) == sum(reference.beats)
    for port in ("x", "u"):
        assert sum(n == port for _, n, _ in got["reads"]) == reference.reads[port], port
    split, position = [], 0
    for count in reference.beats:
        split.append(got["beats"][position : position + count])
        position += count
    check_done(split, got, reference.written)
    return Run(split, got["done"], got["commands"], reference)


def check_done(split: list[list[int]], got: dict, written: list[dict[str, int]]) -> None:
    """Every write of a command happens no later than its done, which comes at a fixed time."""
    latency = {done - beats[-1] for done, beats in zip(got["done"], split, strict=True)}
    assert len(latency) == 1 and latency.pop() == 17
    for command, (done, ports) in enumerate(zip(got["done"], written, strict=True)):
        so_far = Counter(port for cycle, port, *_ in got["writes"] if cycle <= done)
        for port, count in ports.items():
            assert so_far[port] >= count, f"command {command}: done before its writes to {port}"


def compare_trace(c: Configuration, got: list[str], expected: list[dict]) -> None:
    """The first beat and member that differ, with both."""
    layout = lanes_trace(c)
    assert len(got) == len(expected), f"{len(got)} trace beats, {len(expected)} expected"
    for beat, (text, want) in enumerate(zip(got, expected, strict=True)):
        word = int(text, 16)
        for member, numbers in want.items():
            where = layout[member]
            bits = word >> where.offset & ((1 << where.width) - 1)
            number = numbers if member == "tag" else packed(numbers, where.width // len(numbers))
            assert bits == number, f"beat {beat}, {member}: {bits:x}, expected {number:x}"


def compare_writes(c: Configuration, got: list, expected: dict[str, list]) -> None:
    """The first write of a port that differs, with both."""
    sizes = {"x": 16, "u": 16}
    ports: dict[str, list] = {}
    for cycle, port, address, data, mask in got:
        size, m, keep = sizes.get(port, c.lanes), int(mask, 16), 0
        for i in range(m.bit_length()):
            keep |= (((1 << size) - 1) << (i * size)) if m >> i & 1 else 0
        ports.setdefault(port, []).append((address, m, int(data, 16) & keep, cycle))
    for port in sorted(set(ports) | set(expected)):
        have, want = ports.get(port, []), expected.get(port, [])
        for i, (h, w) in enumerate(zip(have, want, strict=False)):
            assert h[:3] == w, f"{port} write {i}: {h}, expected {w}"
        assert len(have) == len(want), f"{port}: {len(have)} writes, {len(want)} expected"
