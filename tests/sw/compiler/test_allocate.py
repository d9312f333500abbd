"""Places of buffers: never over what is live, and room found where there is some."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hw.spec.commands import Opcode
from sw.compiler.schedule.allocate import allocate
from sw.compiler.schedule.program import Access, Buffer, Operation, ScheduleError


def operations(spans, memory="x"):
    """A buffer for each (words, first operation, last operation), touched whole at both."""
    count = 1 + max(last for _, _, last in spans)
    accesses = [[] for _ in range(count)]
    for i, (words, first, last) in enumerate(spans):
        buffer = Buffer(f"b{i}", memory, words)
        for index in {first, last}:
            accesses[index].append(Access(buffer, 0, words, True))
    return [Operation(Opcode.LOAD, "", {}, touched) for touched in accesses]


def buffers(program):
    return {access.buffer.name: access.buffer for o in program for access in o.accesses}


@given(
    st.lists(
        st.tuples(st.integers(1, 24), st.integers(0, 20), st.integers(0, 8)),
        min_size=1,
        max_size=20,
    )
)
@example([(1, 0, 0), (16, 0, 0), (16, 0, 0), (17, 0, 0)])
def test_what_is_live_together_lies_apart(parts):
    spans = [(words, first, first + length) for words, first, length in parts]
    program = operations(spans)
    try:
        usage = allocate(program, {"x": 64})
    except ScheduleError:
        return
    placed = buffers(program)
    used = []
    for i, (words, first, last) in enumerate(spans):
        base = placed[f"b{i}"].base
        assert 0 <= base <= 64 - words
        for other_base, other_words, other_first, other_last in used:
            if first <= other_last and other_first <= last:
                assert base + words <= other_base or other_base + other_words <= base
        used.append((base, words, first, last))
    assert usage["x"][0] <= 64


def test_units_of_one_size_leave_no_odd_gaps():
    """An odd buffer in front, gone later, would otherwise put every unit across its edge."""
    spans = [(5, 0, 2), *((16, i, 9) for i in (1, 2, 3)), (16, 4, 9)]
    program = operations(spans)
    allocate(program, {"x": 64})
    assert sorted(buffers(program)[f"b{i}"].base for i in range(1, 5)) == [0, 16, 32, 48]


def test_small_buffers_keep_out_of_the_way_of_large_ones():
    """Free longest are the words that the second large buffer needs while the small one lives."""
    spans = [(30, 0, 3), (4, 1, 9), (30, 2, 9)]
    program = operations(spans)
    allocate(program, {"x": 64})
    small, large = buffers(program)["b1"], buffers(program)["b2"]
    assert small.base + 4 <= large.base or large.base + 30 <= small.base


def test_what_does_not_fit_names_the_memory():
    with pytest.raises(ScheduleError, match=r"x memory: b1 needs 40 words beside 40 in use"):
        allocate(operations([(40, 0, 2), (40, 1, 2)]), {"x": 64})
