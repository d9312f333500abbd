"""What saturation clips is counted, everywhere in golden, and counting changes nothing."""

import pytest
import torch

from hw.spec.numerics import PRE, VALUE
from sw.golden import network, ops, run
from sw.golden.clipping import Clipped, counting


def test_a_value_at_a_limit_is_not_clipped():
    a = torch.tensor([[VALUE.low - 1, VALUE.low, 0], [VALUE.high, VALUE.high + 1, 1 << 40]])
    with counting() as counts:
        ops.saturate(a, VALUE, "a")
        ops.saturate(a, PRE, "b")
    assert counts == {"a": Clipped(3, 6), "b": Clipped(1, 6)}
    assert counts["a"].share == 0.5


def test_counts_of_a_name_add_up_and_an_empty_tensor_has_none():
    with counting() as counts:
        ops.saturate(torch.zeros(0), VALUE, "a")
        assert counts["a"].share == 0
        for extreme in (0, 40_000):
            ops.add_main(torch.tensor([extreme, 0]), torch.tensor([1, 2]), name="a")
    assert counts == {"a": Clipped(1, 4)}


def test_nobody_counts_what_has_no_name_or_comes_later():
    with pytest.raises(ZeroDivisionError), counting() as counts:
        ops.saturate(torch.tensor([1 << 20]), VALUE)
        raise ZeroDivisionError
    ops.saturate(torch.tensor([1 << 20]), VALUE, "a")
    assert counts == {}


def test_counting_changes_nothing(network):
    _, _, quantised, images = network
    plain, seen = {}, {}
    run(quantised.packed, images, plain)
    with counting() as counts:
        run(quantised.packed, images, seen)
    assert counts and plain.keys() == seen.keys()
    assert all(torch.equal(plain[name], seen[name]) for name in plain)


@pytest.fixture
def two_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


def test_chunks_on_other_threads_are_counted(pyramid, monkeypatch, two_threads):
    _, _, quantised, images = pyramid
    with counting() as together:
        run(quantised.packed, images)
    monkeypatch.setattr(network, "CHUNK_ELEMENTS", 1)  # a picture a chunk
    with counting() as apart:
        run(quantised.packed, images)
    assert together == apart
