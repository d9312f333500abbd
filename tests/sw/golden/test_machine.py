"""AFFINE, PASS with rows of main, and DENSE on the machine, against plain loops over numbers."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from hw.spec import find_configuration
from hw.spec.commands import Opcode, Operand, Source, encode
from hw.spec.numerics import PARAMETER_FIELDS, SLOPE_SHIFTS
from sw.golden.machine import Machine

CONFIGURATION = find_configuration("4x8x64-l16")
LANES = CONFIGURATION.lanes


def machine(seed: int) -> Machine:
    """Random contents in every memory that the commands here read, ends included."""
    rng = np.random.default_rng(seed)
    m = Machine(CONFIGURATION, np.zeros((1, 2), np.uint64))
    for memory in (m.x, m.u, m.parameter):
        memory[:] = rng.integers(-32768, 32768, memory.shape)
        memory[rng.random(memory.shape) < 0.1] = rng.choice([-32768, -1, 0, 32767])
    return m


def execute(m: Machine, opcode: Opcode, **fields: int) -> None:
    m.run([encode(opcode, **fields), encode(Opcode.END)])


def rounded(a: int, n: int) -> int:
    return a if n == 0 else math.floor((a + 2 ** (n - 1)) / 2**n)


def clamp(a: int, bits: int = 16) -> int:
    return max(-(1 << bits - 1), min((1 << bits - 1) - 1, a))


def signed(a: int, bits: int) -> int:
    a %= 1 << bits
    return a - (1 << bits) if a >= 1 << bits - 1 else a


# -- AFFINE and PASS ---------------------------------------------------------------------------


def main_fields(tokens: int, **changes: int) -> dict[str, int]:
    """A 32-channel command over `tokens` tokens: residual in u, main and destination in x."""
    rows = CONFIGURATION.rows
    return {
        "tiles": -(-tokens // rows),
        "last_tokens": (tokens - 1) % rows + 1,
        "outer": 2,
        "inner": 1,
        "main": Source.X,
        "main_base": 5,
        "main_token": 2,
        "up": 1,
        "destination": Source.X,
        "destination_base": 700,
        "destination_token": 2,
    } | changes


@pytest.mark.parametrize("seed", range(3))
def test_affine_is_the_post_processor_without_a_sum(seed):
    m, tokens = machine(seed), 7
    names = ("gain", "residual_gain", "bias", "slope_positive", "slope_negative", "offset_out")
    mask = sum(1 << PARAMETER_FIELDS.index(name) for name in names)
    fields = main_fields(
        tokens,
        residual=Source.U,
        residual_base=40,
        residual_token=2,
        double=1,
        offset=99,
        gain_shift=2,
        slope_shift=2,
        parameter_base=16,
        parameter_fields=mask,
    )
    x, u, parameter = m.x.copy(), m.u.copy(), m.parameter.copy()
    execute(m, Opcode.AFFINE, **fields)
    for t in range(tokens):
        for c in range(32):
            group, lane = divmod(c, LANES)
            _, gain, bias, positive, negative, offset = (
                int(parameter[16 + 6 * group + i, lane]) for i in range(6)
            )
            residual = int(u[40 + 2 * t + group, lane])
            v = clamp(rounded(residual * gain, 9) + 4 * bias, 18)
            y = clamp(rounded(v * (negative if v < 0 else positive), SLOPE_SHIFTS[2] + 2) + offset)
            want = clamp(y + int(x[5 + 2 * t + group, lane]))
            assert m.x[700 + 2 * t + group, lane] == want, (t, c)


def test_main_row_strides_over_rows_of_tokens():
    """Every second token of every second row of a picture 10 tokens wide: 5 columns a row."""
    m, width, tokens = machine(0), 5, 15
    before = m.x.copy()
    execute(m, Opcode.PASS, **main_fields(tokens, main_token=4, main_row=2 * 10 * 2, width=width))
    for t in range(tokens):
        row, column = t // width, t % width
        source = 5 + (2 * row * 10 + 2 * column) * 2
        assert (m.x[700 + 2 * t : 702 + 2 * t] == before[source : source + 2]).all(), t


# -- DENSE -------------------------------------------------------------------------------------


def reference_dense(m: Machine, f: dict[str, int]) -> dict[int, list[int]]:
    """The u words that a DENSE command writes, one number at a time."""
    source = (m.x if f["source"] == Source.X else m.u).tolist()
    parameter, written = m.parameter.tolist(), {}

    def operand(token: int, group: int, segment: int, k: int) -> int:
        first = f["base"] + token * f["token"] + segment * f["segment"] + group * f["group"]
        element = k // 2 if f["operand"] == Operand.PIXEL else k
        value = source[first + element // LANES][element % LANES]
        if f["operand"] == Operand.PIXEL:
            return (value % 65536 // (256 if k % 2 else 1)) % 256 - 128
        return clamp(value, 8) if f["operand"] == Operand.NORMED else value

    def weight(group: int, lane: int, segment: int, k: int) -> int:
        if f["pool"]:
            return int(k // f["pool"] == lane)
        at = f["parameter_base"] + group * f["parameter_group"] + 2 * f["bias"]
        word = parameter[at + segment * f["pairs"] + k // 2][lane] % 65536
        return signed(word // 256 if k % 2 else word, 8)

    for group in range(f["groups"]):
        for token in range(f["tokens"]):
            at = f["destination_base"] + token * f["destination_token"]
            sums = [
                sum(
                    operand(token, group, s, k) * weight(group, lane, s, k)
                    for s in range(f["segments"])
                    for k in range(2 * f["pairs"])
                )
                for lane in range(LANES)
            ]
            if not f["bias"]:
                written[at + group] = [clamp(rounded(signed(s, 32), f["shift"])) for s in sums]
                continue
            low, high = (
                parameter[f["parameter_base"] + group * f["parameter_group"] + i] for i in (0, 1)
            )
            total = [s + low[j] % 65536 + 65536 * high[j] for j, s in enumerate(sums)]
            written[at + 2 * group] = [signed(v, 16) for v in total]
            written[at + 2 * group + 1] = [signed(v >> 16, 16) for v in total]
    return written


def check_dense(m: Machine, **fields: int) -> None:
    f = {"tokens": 1, "groups": 1, "segments": 1, "segment": 0, "group": 0, "pool": 0} | fields
    f = {"bias": 0, "shift": 0, "parameter_base": 0, "parameter_group": 0} | f
    expected = m.u.copy()
    for word, values in reference_dense(m, f).items():
        expected[word] = values
    assert (expected != m.u).any()
    execute(m, Opcode.DENSE, **f)
    np.testing.assert_array_equal(m.u, expected)


@pytest.mark.parametrize("pairs", [1, 7, 16, 17, 48])
@pytest.mark.parametrize("operand", list(Operand))
@pytest.mark.parametrize("bias", [0, 1])
def test_dense_is_the_sum_of_products(operand, pairs, bias):
    rng = random.Random(pairs)
    segments = rng.randint(1, 2)
    check_dense(
        machine(pairs),
        source=rng.choice([Source.X, Source.U]),
        base=9,
        token=20,
        segments=segments,
        segment=11,
        operand=operand,
        pairs=pairs,
        tokens=3,
        groups=2,
        parameter_base=3,
        parameter_group=segments * pairs + 2 * bias + 1,
        bias=bias,
        shift=0 if bias else rng.randint(0, 12),
        destination_base=900,
        destination_token=5,
    )


@pytest.mark.parametrize("ratio", [2, 3, 5, 6, 16, 64])
def test_dense_pools_adjacent_channels(ratio):
    check_dense(
        machine(ratio),
        source=Source.U,
        base=1,
        token=2 * ratio,
        group=ratio,
        operand=Operand.VALUE,
        pairs=LANES * ratio // 2,
        pool=ratio,
        tokens=2,
        groups=2,
        shift=(ratio - 1).bit_length(),
        destination_base=1000,
        destination_token=2,
    )


@pytest.mark.parametrize("bias", [0, 1])
def test_dense_sum_wraps_at_32_bits(bias):
    """600 products of -32768 by -128 are more than 2**31: the sum turns negative."""
    m = machine(0)
    m.x[:], m.parameter[:] = -32768, signed(0x8080, 16)
    if bias:
        m.parameter[:2] = 0
    check_dense(
        m,
        source=Source.X,
        base=0,
        token=0,
        operand=Operand.VALUE,
        pairs=300,
        bias=bias,
        destination_base=1,
        destination_token=0,
    )
    assert m.u[1 + bias, 0] < 0
