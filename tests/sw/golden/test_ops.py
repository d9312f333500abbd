"""Operations at their extremes, against exact Python integers."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.spec.numerics import EXP, GAIN_SHIFTS, PRE, SLOPE_SHIFTS, SUM, VALUE
from sw.golden import RangeError, ops

WORD = st.one_of(st.sampled_from([-32768, -32767, -1, 0, 1, 32767]), st.integers(-32768, 32767))


def clamp(value, form):
    return max(form.low, min(form.high, value))


def rounded(value, n):
    return value if n == 0 else math.floor((value + 2 ** (n - 1)) / 2**n)


def vector(*values):
    return [torch.tensor([v], dtype=torch.int32) for v in values]


@settings(max_examples=300, deadline=None)
@given(
    s=st.integers(-4096, 4096),
    residual=WORD,
    gain=WORD,
    residual_gain=WORD,
    bias=WORD,
    shift=st.sampled_from(GAIN_SHIFTS),
)
def test_pre_activation_is_the_formula(s, residual, gain, residual_gain, bias, shift):
    want = clamp(rounded(((s * gain) << shift) + residual * residual_gain, 9) + (bias << 2), PRE)
    s, gain, residual, residual_gain, bias = vector(s, gain, residual, residual_gain, bias)
    got = ops.pre_activation(s, gain, shift, residual, residual_gain, bias)
    assert got.item() == want and got.dtype == torch.int32


@settings(max_examples=300, deadline=None)
@given(
    v=st.one_of(st.sampled_from([PRE.low, -1, 0, 1, PRE.high]), st.integers(PRE.low, PRE.high)),
    positive=WORD,
    negative=WORD,
    offset=WORD,
    shift=st.sampled_from(SLOPE_SHIFTS),
)
def test_activation_is_the_formula(v, positive, negative, offset, shift):
    slope = negative if v < 0 else positive
    want = clamp(rounded(v * slope, shift + 2) + offset, VALUE)
    got = ops.activation(*vector(v, positive, negative, offset), shift)
    assert got.item() == want and got.dtype == torch.int32


@settings(max_examples=100, deadline=None)
@given(
    total=st.integers(-131072, 131071),
    missing=st.integers(0, 2),
    gain=WORD,
    constant=WORD,
    loss=WORD,
    shift=st.sampled_from(SLOPE_SHIFTS),
)
def test_branch_is_the_formula(total, missing, gain, constant, loss, shift):
    want = clamp(rounded(total * gain, shift) + constant - missing * loss, VALUE)
    assert ops.branch(*vector(total, missing, gain, constant, loss), shift).item() == want


@pytest.mark.parametrize("k", [1, 63, 64, 65, 2048])
@pytest.mark.parametrize("bit", [False, True])
def test_signed_sum_reaches_both_ends(k, bit):
    bits = torch.full((2, 3, k), bit)
    signs = torch.stack([torch.ones(k), -torch.ones(k)]).to(torch.int8)
    ends = [k, -k] if bit else [-k, k]
    assert ops.signed_sum(bits, signs)[1, 2].tolist() == ends


def test_attended_sum_counts_only_attended_keys():
    bits = torch.tensor([[True, False, True], [False, False, False]])
    values = torch.tensor([[True, False], [True, True], [False, False]])
    assert ops.attended_sum(bits, values).tolist() == [[0, -2], [0, 0]]


def test_population_of_equal_and_opposite_bits():
    q = torch.tensor([[True, False, True]])
    assert ops.population(q, torch.cat([q, ~q])).tolist() == [[3, 0]]


def test_attention_bit_is_strictly_greater_than_the_limit():
    table = torch.tensor([1, 2, 4], dtype=torch.int32)
    pop = torch.tensor([[2, 1, 0, 0]])  # E: 4 2 1 1, total 8
    for scale, shift, want in [
        (1, 1, [0, 0, 0, 0]),
        (1, 2, [1, 0, 0, 0]),
        (1, 3, [1, 1, 0, 0]),
        (0, 0, [1, 1, 1, 1]),
        (65535, 0, [0, 0, 0, 0]),
    ]:
        assert ops.attention_bits(pop.clone(), table, 0, scale, shift)[0].int().tolist() == want
    shifted = ops.attention_bits(pop + 5, table, 5, 1, 2)
    assert shifted[0].int().tolist() == [1, 0, 0, 0]
    assert ops.attention_bits(torch.tensor([[90, -9]]), table, 5, 1, 2)[0].tolist() == [True, False]


def test_attention_limit_saturates_instead_of_wrapping():
    table = torch.tensor([EXP.high], dtype=torch.int32)
    assert not ops.attention_bits(torch.zeros(1, 4096, dtype=torch.int32), table, 0, 65535, 0).any()


@pytest.mark.parametrize("taps", [3, 5])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 7])
def test_taps_at_the_borders(taps, length):
    line = torch.arange(1, length + 1, dtype=torch.int32).view(1, 1, length, 1)
    reach = taps // 2
    want = [
        sum(line[0, 0, j, 0].item() for j in range(i - reach, i + reach + 1) if 0 <= j < length)
        for i in range(length)
    ]
    assert ops.tap_sum(line, 2, taps).flatten().tolist() == want
    missing = [
        sum(not 0 <= j < length for j in range(i - reach, i + reach + 1)) for i in range(length)
    ]
    assert ops.missing_taps(length, taps).tolist() == missing


def test_tap_sum_saturates():
    x = torch.full((1, 5, 1, 1), VALUE.low, dtype=torch.int32)
    assert ops.tap_sum(x, 1, 5).min() == -131072


def test_grid_mean_rounds_half_up_and_upsample_repeats():
    x = torch.tensor([0, 1, 4, 4, 0, 1, 4, -2], dtype=torch.int32).view(1, 8, 1)
    x = torch.cat([x, -x], 1)
    got = ops.grid_mean(x, 4, 2, 2)
    assert got.flatten().tolist() == [1, 3, 0, -2]  # 2/4, 10/4, -2/4, -10/4 half up
    assert ops.upsample(got, 4, 2).flatten().tolist() == [
        1,
        1,
        3,
        3,
        1,
        1,
        3,
        3,
        0,
        0,
        -2,
        -2,
        0,
        0,
        -2,
        -2,
    ]


def test_channel_pool_averages_adjacent_channels_at_both_ends():
    y = torch.tensor([[32767, 32767, -32768, -32768, 1, 0, -1, 0]], dtype=torch.int32)
    assert ops.channel_pool(y, 2).tolist() == [[32767, -32768, 1, 0]]
    assert ops.channel_pool(y, 1) is y


@pytest.mark.parametrize("m", [3, 5, 6, 7, 16, 63, 64])
def test_channel_pool_of_any_ratio_divides_by_the_next_power_of_two(m):
    y = torch.randint(-32768, 32768, (2, 4 * m), dtype=torch.int32)
    y[0, :m], y[1, -m:] = -32768, 32767
    p = math.ceil(math.log2(m))
    sums = [[sum(row[i * m : (i + 1) * m]) for i in range(4)] for row in y.tolist()]
    want = [[rounded(s, p) for s in row] for row in sums]
    assert ops.channel_pool(y, m).tolist() == want


def test_integer_sum_is_exact_where_float32_is_not():
    values = torch.full((1, 4096), 127, dtype=torch.int32)
    weights = torch.full((1, 4096), 127, dtype=torch.int8)
    weights[0, 0] = 126
    assert ops.integer_sum(values, weights, 11).item() == (4096 * 127 * 127 - 127 + 1024) >> 11
    assert ops.integer_sum(values, weights, 10).item() == 32767
    assert ops.integer_sum(-values, weights, 10).item() == -32768


def test_add_main_saturates():
    assert ops.add_main(*vector(32767, 1)).item() == 32767
    assert ops.add_main(*vector(-32768, -1)).item() == -32768


def test_a_value_beyond_its_format_is_a_typed_error():
    with pytest.raises(RangeError, match=r"s: 0\.\.131072 is outside -131072\.\.131071"):
        ops.check("s", torch.tensor([0, 131072]), SUM)
