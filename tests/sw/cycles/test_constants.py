"""Constants of the cycle model that the gateware declares, too: a change there is seen here."""

import pytest

from hw.array import fifo, popcount, sequencer, systolic
from hw.attention import layouts, limit
from hw.control import arbiter, dispatch, fetch, loader, store
from hw.dense import layouts as dense_layouts
from hw.dense import operands, results
from hw.lanes import beat
from hw.pooling import branch, parameters
from hw.spec.commands import COMMAND_BITS, FETCH_AHEAD_BEATS
from hw.spec.configuration import CONFIGURATIONS
from hw.spec.numerics import BRANCH_FIELDS
from sw.cycles import constants


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("COMMAND_BEATS", COMMAND_BITS // 128),
        ("FETCH_BURST", fetch.BURST_BEATS),
        ("FETCH_ROOM", FETCH_AHEAD_BEATS),
        ("OPEN_COMMANDS", dispatch.TAGS),
        ("PORT_QUEUE", arbiter.OUTSTANDING_READS),
        ("LOAD_BURST", loader.BURST_BEATS),
        ("LOAD_FLIGHT", loader.FLIGHT_BEATS),
        ("STORE_BURST", store.BURST_BEATS),
        ("STORE_ROOM", store.BUFFER_BEATS),
        ("OPERAND", sequencer.OPERAND_LATENCY),
        ("POPCOUNT", popcount.POPCOUNT_LATENCY),
        ("HOLD", sequencer.OPERAND_LATENCY + systolic.HOLD_LATENCY - 1),
        ("SETS", beat.SETS),
        ("SET_RELEASED", beat.OUT + 1),
        ("VALUES_WRITTEN", beat.STORED),
        ("TILES_IN_FLIGHT", layouts.TILES_IN_FLIGHT),
        ("LIMIT", limit.LATENCY),
        ("BRANCH_PARTS", branch.PARTS),
        ("BRANCH_SETS", parameters.SETS),
        ("BRANCH_WORDS", len(BRANCH_FIELDS)),
        ("DENSE_AHEAD", operands.WORDS),
        ("DENSE_SERIAL", dense_layouts.SERIAL),
        ("DENSE_TOKENS", results.TOKENS),
    ],
)
def test_a_number_is_the_gateware_s(name, declared):
    assert getattr(constants, name) == declared


@pytest.mark.parametrize("c", CONFIGURATIONS.values(), ids=lambda c: c.name)
def test_a_configuration_s_numbers_are_the_gateware_s(c):
    load = sequencer.OPERAND_LATENCY + systolic.HOLD_LATENCY - 1
    assert constants.result_beats(c) == fifo.result_beats(c)
    assert constants.drain(c) == 1 + max(0, load - (c.group_tiles - 1)) + systolic.drain_latency(c)
    assert constants.lanes_done(c) == beat.done_cycle(c)
