"""Control with model units: order, waits, placement, throughput, END, starts and resets."""

import random
from collections import Counter

import pytest

from hw.control import Control
from hw.interfaces import column_write, x_write
from hw.spec import find_configuration
from hw.spec.commands import ENGINE_OF, HEADER, RECORDS, Engine, Opcode, Source, Target, encode
from hw.spec.digest import contract_digest
from hw.spec.registers import IDENTITY, REGISTERS
from sim.build import build_simulator, verilog
from sim.run import run_testbench
from sim.testbenches.control import value_word

CONFIGURATIONS = ("3x4x64-l8", "7x16x64-l32")
PORTS = {
    Target.COLUMN: "column_write",
    Target.PARAMETER: "parameter_write",
    Target.X: "x_write",
    Target.EXP: "exp_write",
}
UNIT_OPCODES = {
    "array": (Opcode.LINEAR, Opcode.CONTEXT, Opcode.SCORE),
    "lanes": (Opcode.LINEAR, Opcode.CONTEXT, Opcode.PASS, Opcode.AFFINE),
    "attention": (Opcode.SCORE,),
    "grid": (Opcode.GRID,),
    "branch": (Opcode.BRANCH,),
    "dense": (Opcode.DENSE,),
}
MEMORY_BEATS = 1 << 15
LOADS_AT, STORES_AT = 1 << 12, 1 << 14


def beats_a_word(c, opcode, fields) -> int:
    if opcode == Opcode.STORE:
        return c.lane_beats
    return {Target.COLUMN: c.column_beats, Target.EXP: 1}.get(fields["target"], c.lane_beats)


class Program:
    """A program and the beats that its LOADs and STOREs touch."""

    def __init__(self, c, loads_at=LOADS_AT, stores_at=STORES_AT):
        self.c, self.commands, self.counts = c, [], Counter()
        self.loads_at, self.stores_at = loads_at, stores_at

    def add(self, opcode, **fields):
        if opcode in (Opcode.LOAD, Opcode.STORE):
            beats = fields["words"] * beats_a_word(self.c, opcode, fields)
            if opcode == Opcode.LOAD:
                fields["address"], self.loads_at = self.loads_at, self.loads_at + beats
            else:
                fields["address"], self.stores_at = self.stores_at, self.stores_at + beats
        self.commands.append((opcode, {"tag": len(self.commands) + 1, **fields}))
        if opcode != Opcode.END:
            self.counts[ENGINE_OF[opcode]] += 1
        return self

    def random(self, chance, count, opcodes=tuple(Opcode)[1:]):
        c = self.c
        for _ in range(count):
            opcode = chance.choice(opcodes)
            fields = {
                f"after_{e.name.lower()}": chance.randint(0, self.counts[e])
                for e in Engine
                if chance.random() < 0.3
            }
            if opcode == Opcode.LOAD:
                target = chance.choice(tuple(Target))
                size = {
                    Target.COLUMN: c.column_words,
                    Target.PARAMETER: c.parameter_words,
                    Target.X: c.x_words,
                    Target.EXP: c.exp_entries,
                }[target]
                words = chance.choice((1, 1, 2, 3, chance.randint(1, 60)))
                fields |= {
                    "target": target,
                    "words": words,
                    "word": chance.choice((0, size - words, chance.randint(0, size - words))),
                }
            elif opcode == Opcode.STORE:
                words = chance.choice((1, 2, 3, chance.randint(1, 40)))
                fields |= {
                    "source": chance.choice((Source.X, Source.U)),
                    "words": words,
                    "word": chance.randint(0, c.u_words - words),
                }
            else:
                fields |= {
                    f.name: chance.getrandbits(f.bits)
                    for f in RECORDS[opcode].fields[len(HEADER) :]
                    if not f.signed
                }
            self.add(opcode, **fields)
        return self

    def of(self, *opcodes):
        return [(o, f) for o, f in self.commands if o in opcodes]


def run(name, programs, **parameters):
    c = find_configuration(name)
    simulator = build_simulator({"control.v": verilog(Control(c), "control")}, "control")
    chance = random.Random(99)
    memory = [chance.getrandbits(128) for _ in range(MEMORY_BEATS)]
    at, starts = 8, []
    for program in programs:
        starts.append(at)
        for opcode, fields in program.commands:
            word = encode(opcode, **fields)
            for part in range(4):
                memory[at] = word >> 128 * part & (1 << 128) - 1
                at += 1
        assert at + 32 < LOADS_AT
    plan = {
        "programs": starts,
        "latency": 30,
        "pause": 0.0,
        "seed": 1,
        "reset_at": None,
        "lanes_bits": c.lanes * 16,
        "timeout_cycles": 60_000,
    } | parameters
    got = run_testbench(
        simulator,
        "sim.testbenches.control",
        parameters={**plan, "memory": [f"{b:x}" for b in memory]},
    )
    after = [int(beat, 16) for beat in got.values["memory"]]
    for program, log in zip(programs, got.values["runs"], strict=True):
        check(c, program, log, memory, after)
    return got.values["runs"]


def check(c, program, log, before, after):
    """Everything a run must have done, from its program alone."""
    counts = dict(program.counts)
    # Units get their commands in order, none before its waits hold.
    for unit, opcodes in UNIT_OPCODES.items():
        record = RECORDS[opcodes[0]]
        expected = [encode(o, **f) & (1 << record.bits) - 1 for o, f in program.of(*opcodes)]
        assert [int(p, 16) for _, p, _ in log["units"][unit]] == expected, unit
        for (_, _, completed), (_, fields) in zip(
            log["units"][unit], program.of(*opcodes), strict=True
        ):
            check_waits(fields, completed)
    # LOAD and STORE: bursts in order, contiguous, complete, after their waits.
    for opcode, write in ((Opcode.LOAD, 0), (Opcode.STORE, 1)):
        bursts = [r for r in log["requests"] if r[1] == write and r[2] >= LOADS_AT]
        for _, fields in program.of(opcode):
            at, left = fields["address"], fields["words"] * beats_a_word(c, opcode, fields)
            while left:
                _, _, address, beats, completed = bursts.pop(0)
                assert address == at and beats <= left
                check_waits(fields, completed)
                at, left = at + beats, left - beats
        assert not bursts
    check_loads(c, program, log, before)
    check_stores(c, program, log, after)
    # Completions: tags in order, counts all there at the end.
    for e in Engine:
        tags = [f["tag"] for o, f in program.commands if ENGINE_OF.get(o) == e]
        assert [r[2] for r in log["complete"] if r[1] == e] == tags, e.name
        assert len(tags) == counts.get(e, 0)
    registers = dict(zip(REGISTERS, log["registers"], strict=True))
    assert registers["identity"] == IDENTITY
    assert registers["contract"] == int(contract_digest()[:8], 16)
    assert registers["geometry"] == (c.rows | c.columns << 8 | c.lanes << 16 | c.pool_lanes << 24)
    assert registers["configuration"] == int(c.digest[:8], 16)
    assert registers["status"] == 2
    assert registers["cycles"] == log["cycles"] - 2  # the write's cycle and the first idle one
    load_beats = sum(r[3] for r in log["requests"] if not r[1] and r[2] >= LOADS_AT)
    assert registers["load_beats"] == load_beats
    assert registers["store_beats"] == len(log["port_writes"])
    assert registers["program_beats"] == len(log["reads"]) - load_beats
    assert 0 <= registers["program_beats"] - 4 * len(program.commands) < 32


def check_waits(fields, completed):
    for e in Engine:
        assert completed[e] >= fields.get(f"after_{e.name.lower()}", 0), (fields, completed)


def check_loads(c, program, log, before):
    written = iter(log["writes"])
    ends = []
    parts = {"x_write": x_write(c), "column_write": column_write(c)}
    parts = {name: len(s.create().mask) for name, s in parts.items()}
    parts |= {"parameter_write": c.lane_beats, "exp_write": 1}
    total = 0
    for _, fields in program.of(Opcode.LOAD):
        beats = beats_a_word(c, Opcode.LOAD, fields)
        port = PORTS[fields["target"]]
        gathered = beats if port == "x_write" else 1
        for i in range(0, fields["words"] * beats, gathered):
            _, name, address, mask, data = next(written)
            count = parts[port] // beats * gathered
            assert name == port and address == fields["word"] + i // beats
            assert mask == (1 << count) - 1 << i % beats * count
            width = 24 if port == "exp_write" else 128 * gathered
            value = int(data, 16) >> i % beats * 128 & (1 << width) - 1
            expected = sum(before[fields["address"] + i + j] << 128 * j for j in range(gathered))
            assert value == expected & (1 << width) - 1
            total += 1
        ends.append(total)
    assert next(written, None) is None
    assert all(
        r[3] >= end
        for r, end in zip([r for r in log["complete"] if r[1] == Engine.LOAD], ends, strict=True)
    )


def check_stores(c, program, log, after):
    ends, total = [], 0
    for _, fields in program.of(Opcode.STORE):
        for i in range(fields["words"]):
            word = value_word(fields["source"] - 1, fields["word"] + i, c.lanes * 16)
            for part in range(c.lane_beats):
                at = fields["address"] + i * c.lane_beats + part
                assert after[at] == word >> 128 * part & (1 << 128) - 1
        total += fields["words"] * c.lane_beats
        ends.append(total)
    assert len(log["port_writes"]) == total
    assert all(
        r[4] >= end
        for r, end in zip([r for r in log["complete"] if r[1] == Engine.STORE], ends, strict=True)
    )


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize(("seed", "pause"), [(1, 0.0), (2, 0.3), (3, 0.6), (4, 0.1)])
def test_random_programs(name, seed, pause):
    c = find_configuration(name)
    chance = random.Random(seed)
    first = Program(c).random(chance, 60).add(Opcode.END)
    second = Program(c, first.loads_at, first.stores_at).random(chance, 40).add(Opcode.END)
    third = Program(c, second.loads_at, second.stores_at).add(Opcode.END)
    run(name, [first, second, third], seed=seed, pause=pause)


@pytest.mark.parametrize("reset_at", [1, 2, 17, 23, 40, 77, 150, 301, 512])
def test_reset_in_any_cycle(reset_at):
    c = find_configuration("3x4x64-l8")
    program = Program(c).random(random.Random(reset_at), 30).add(Opcode.END)
    run("3x4x64-l8", [program], seed=reset_at, pause=0.2, reset_at=reset_at)


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("target", tuple(Target))
def test_loads_take_a_beat_a_cycle(name, target):
    c = find_configuration(name)
    beats = beats_a_word(c, Opcode.LOAD, {"target": target})
    program = Program(c)
    for total in (64, 16, 24, 8, 200, 40, 33 * beats, 96):
        words = min(max(1, total // beats), c.exp_entries if target == Target.EXP else 999)
        program.add(Opcode.LOAD, target=target, word=0, words=words)
    (log,) = run(name, [program.add(Opcode.END)])
    writes = [w[0] for w in log["writes"]]
    # The program's own beats share the port: 3 bursts of 16 at most.
    gathered = c.lane_beats if target is Target.X else 1
    gaps = writes[-1] - writes[0] + 1 - len(writes) * gathered
    print(f"{name} {target.name}: {len(writes)} beats, {gaps} cycles without one")
    first = [r for r in log["reads"] if r > writes[0] - 4]
    idle = first[-1] - first[0] + 1 - len(first)
    assert idle == 0, f"the port stood still for {idle} cycles"
    assert gaps <= 32


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_stores_take_a_beat_a_cycle(name):
    c = find_configuration(name)
    program = Program(c)
    for words in (64, 20, 8, 100):
        program.add(Opcode.STORE, source=Source.X, word=0, words=words)
    (log,) = run(name, [program.add(Opcode.END)])
    writes = log["port_writes"]
    idle = writes[-1] - writes[0] + 1 - len(writes)
    print(f"{name}: {len(writes)} beats, {idle} cycles without one")
    assert idle <= 8


def test_a_waiting_command_reaches_its_unit_a_cycle_after_the_completion():
    c = find_configuration("3x4x64-l8")
    program = Program(c)
    program.add(Opcode.LINEAR, tiles=1)
    program.add(Opcode.SCORE, after_main=1)
    program.add(Opcode.PASS, after_attention=1)
    program.add(Opcode.GRID, after_main=2)
    program.add(Opcode.BRANCH)
    program.add(Opcode.GRID)
    program.add(Opcode.PASS, after_pool=3)
    program.add(Opcode.DENSE, after_main=3)
    program.add(Opcode.AFFINE, after_dense=1)
    (log,) = run("3x4x64-l8", [program.add(Opcode.END)], latency=60)
    done = {e: [cycle for cycle, engine in log["done"] if engine == e] for e in Engine}
    units = {unit: [r[0] for r in log["units"][unit]] for unit in UNIT_OPCODES}
    assert units["attention"] == [done[2][0] + 1]
    assert units["array"][1] == done[2][0] + 1
    assert units["lanes"][1:] == [done[3][0] + 1, done[4][2] + 1, done[5][0] + 1]
    assert units["dense"] == [done[2][2] + 1]
    assert units["grid"][0] == done[2][1] + 1
    assert units["branch"][0] == done[4][0] + 1
