"""DENSE from picture to external memory in the whole accelerator: LOAD, DENSE, STORE."""

import numpy as np
import pytest
from dense_reference import Command, memory

from hw.spec.commands import Opcode, Operand, Source, Target, encode
from hw.spec.configuration import find_configuration
from hw.spec.registers import REGISTERS
from sim.block.top import block_simulator, complete_bits, stall_mask
from sim.memory_file import read_memory, read_trace, write_memory
from sim.run import run_testbench

X_AT, PARAMETERS_AT, RESULT_AT = 256, 1024, 4096
X_WORDS, PARAMETER_WORDS = 60, 120


def command_words(c) -> tuple[list[int], list[Command]]:
    """A program whose third DENSE reads what the first wrote; and its DENSE commands."""
    common = {"parameter_base": 0, "base": 0}
    pixels = Command(
        3, operand=Operand.PIXEL, pairs=13, tokens=6, token=3, groups=2, parameter_group=13,
        shift=6, destination_base=0, destination_token=2, **common,
    )  # fmt: skip
    normed = Command(
        4, operand=Operand.NORMED, pairs=c.lanes, segments=2, segment=20, tokens=4, token=3,
        shift=9, destination_base=30, destination_token=1, **common,
    )  # fmt: skip
    logits = Command(
        5, operand=Operand.VALUE, source=Source.U, pairs=c.lanes, bias=1, groups=2,
        parameter_group=40, destination_base=50, **common,
    )  # fmt: skip
    dense = [pixels, normed, logits]
    program = [
        encode(Opcode.LOAD, tag=1, target=Target.X, address=X_AT, word=0, words=X_WORDS),
        encode(
            Opcode.LOAD, tag=2, target=Target.PARAMETER, address=PARAMETERS_AT, word=0,
            words=PARAMETER_WORDS,
        ),
    ]  # fmt: skip
    for i, d in enumerate(dense):
        program.append(encode(Opcode.DENSE, tag=d.tag, after_load=2, after_dense=i, **d.f))
    program += [
        encode(
            Opcode.STORE, tag=6, after_dense=3, source=Source.U, address=RESULT_AT, word=0, words=54
        ),
        encode(Opcode.END),
    ]
    return program, dense


@pytest.mark.parametrize("stall", ["none", "random"])
def test_a_program_of_dense_commands(stall, tmp_path):
    c = find_configuration("3x4x64-l8")
    program, dense = command_words(c)
    x, parameters = memory(X_WORDS, c.lanes, 1), memory(PARAMETER_WORDS, c.lanes, 2)
    beats = np.zeros((RESULT_AT, 16), dtype=np.uint8)
    for i, word in enumerate(program):
        beats[4 * i : 4 * i + 4] = np.frombuffer(word.to_bytes(64, "little"), np.uint8).reshape(
            4, 16
        )
    for at, words in ((X_AT, x), (PARAMETERS_AT, parameters)):
        raw = words.astype("<u2").view(np.uint8).reshape(-1, 16)
        beats[at : at + len(raw)] = raw
    write_memory(tmp_path / "memory.hex", beats)

    stored = 54 * c.lane_beats
    run = run_testbench(
        block_simulator(c),
        "sim.testbenches.block",
        plusargs=[
            f"+memory={tmp_path / 'memory.hex'}",
            f"+trace_dir={tmp_path}",
            f"+stall_mask={stall_mask(stall):x}",
            "+stall_seed=7",
            f"+dump={tmp_path / 'dump.hex'}",
            f"+dump_beats={RESULT_AT + stored}",
        ],
        timeout_s=600,
        parameters={
            "programs": [0],
            "timeout_cycles": 50_000,
            "registers": {name: r.address for name, r in REGISTERS.items()},
        },
    )

    u = np.zeros((54, c.lanes), dtype=np.int64)
    written, shown = np.zeros(54, dtype=bool), []
    for command in dense:
        for address, word in command.expected(x, u.copy(), parameters):
            u[address], written[address] = word, True
            shown.append((command.tag, [int(v) for v in word]))
    result = read_memory(tmp_path / "dump.hex", 128)[RESULT_AT:].reshape(-1).view("<u2")
    assert np.array_equal(result[: u.size].reshape(u.shape)[written], u[written])

    _, data = read_trace(tmp_path / "dense.hex", 12 + 16 * c.lanes)
    traces = [int.from_bytes(row.tobytes(), "little") for row in data]
    assert [
        (t & 0xFFF, [t >> 12 + 16 * i & 0xFFFF for i in range(c.lanes)]) for t in traces
    ] == shown
    _, data = read_trace(tmp_path / "complete.hex", complete_bits())
    ends = [int.from_bytes(row.tobytes(), "little") for row in data]
    assert [e >> 6 + 12 * 5 & 0xFFF for e in ends if e >> 5 & 1] == [3, 4, 5]

    registers = run.values["registers"]
    assert registers["configuration"] == int(c.digest[:8], 16)
    assert registers["dense_busy"] == sum(
        (d.steps - 2 * d.f["bias"]) * d.f["tokens"] * d.f["groups"] for d in dense
    )
