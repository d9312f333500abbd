"""Depths and latencies of the gateware that cycles depend on, each with where it comes from.

The model in this package takes every such number from here.  A change of a pipeline's depth in
:mod:`hw` is a change of one line.  All are clock cycles unless a name says otherwise.
"""

from __future__ import annotations

from math import log2

from hw.spec.configuration import Configuration

# -- command fetch and dispatch: hw/control --------------------------------------------------------
COMMAND_BEATS = 4
"""Port beats of a command of 512 bits."""
FETCH_BURST = 16
"""Beats that command fetch asks for at a time, when there is room for all of them."""
FETCH_ROOM = 32
"""Beats of its queue."""
ROOM_SEEN = 2
"""From a beat leaving that queue to the request that it makes room for: a counter, the request."""
ASSEMBLE = 3
"""From a command's last beat to the command: its queue in block RAM, the command's register."""
NEXT_COMMAND = 5
"""From a command's leaving fetch to the next one's at best: four beats into an empty register."""
QUEUED = 3
"""From a command's entry to its queue's head register: write, read of the block RAM, register."""
HEAD_NEXT = 3
"""From a head's leaving to the next one's offer: block RAM, register, comparison of its waits."""
HEAD_TAKEN = 1
"""From the last take of a head by its units to its leaving: a register."""
OPEN_COMMANDS = 8
"""Commands of an engine that may have left their queue and not be complete: the tags' places."""
RUN_START = 2
"""From start to the first request: running, request."""
RUN_END = 3
"""From the last completion to the end of the counter: open counts, END taken, not busy."""
LOGGED = 1
"""A completion is shown a cycle after its pulse."""

# -- memory port: hw/control/arbiter.py, sim/native/memory.h ---------------------------------------
PORT_QUEUE = 8
"""Bursts that wait in memory, and read bursts whose data may be outstanding."""
BURST_SIZED = 2
"""From a transfer's take, or its request before, to its next request: its size, the request."""
LOAD_BURST = 32
"""Beats of a LOAD's request at most."""
LOAD_FLIGHT = 64
"""Beats that a LOAD may have asked for and not written."""
STORE_BURST = 16
"""Beats of a STORE's request at most, asked for when all of them are in the buffer."""
STORE_ROOM = 32
"""Beats of the store's buffer."""
LOAD_QUEUE = 2
"""From a beat's arrival to its leaving the loader's queue, which is in block RAM."""
LOAD_WRITE = 2
"""From a beat leaving the loader's queue to its completion: write register, done."""

# -- array: hw/array -------------------------------------------------------------------------------
ARRAY_START = 2
"""From a command's take to its first issue: loops, the register in front of the issue."""
OPERAND = 2
"""From an issue to the masked operand: memory, mask."""
POPCOUNT = 5
"""From the operand to its count."""
FIFO = 2
"""Through the result FIFO: LUT RAM, output register."""


HOLD = OPERAND + POPCOUNT
"""From a group's last issue to the cycle in which its sum is loaded into a hold."""


def overlap(c: Configuration) -> int:
    """Cycles in which a group's last words may be issued beside the drain of the one before."""
    return min(HOLD, c.group_tiles - 1)


def drain(c: Configuration) -> int:
    """From a group's last issue to its first beat: holds, skew of clusters and tiles."""
    skew = (c.columns // c.cluster_columns - 1) + (c.group_tiles - 1) + 1
    return 1 + max(0, HOLD - (c.group_tiles - 1)) + skew


def result_beats(c: Configuration) -> int:
    """Beats of the result FIFO, a power of two."""
    return 1 << (c.result_groups * c.rows - 1).bit_length()


# -- lanes: hw/lanes -------------------------------------------------------------------------------
STAGE = 1
"""From a command's take to where the walker may load it; for KEY and VALUE a cycle a factor bit."""
WALK = 1
"""From the walker's load to its first beat."""
SETS = 8
"""Parameter sets that are held."""
SET_FETCHED = 2
"""From the request of a set's last word to where its first beat may come: memory, register."""
SET_RELEASED = 14
"""From the last beat of a set to its place being free: hw/lanes/beat.py OUT, a counter."""
VALUES_WRITTEN = 16
"""From a beat to the write of its values, or of a key's bits."""


def lanes_done(c: Configuration) -> int:
    """From a command's last beat to its completion: hw/lanes/beat.py done_cycle."""
    return max(VALUES_WRITTEN, 15 + 2, 16 + c.group_tiles - 1)


# -- attention: hw/attention -----------------------------------------------------------------------
SCORE_START = 3
"""From the attention unit's take of a command to its first issue: held, room, seen by the array."""
TILES_IN_FLIGHT = 8
"""Tiles between their first issue and their last compare."""
LIMIT = 8
"""From a query's total to its limit: products, sum, shift, saturation."""
BITS_WRITTEN = 2
"""From a compare to its write: recall, compare."""
COMPARE_DONE = 3
"""From the last compare to the completion: recall, compare, write."""


def threshold_latency(c: Configuration) -> int:
    """From a tile's last score to its last threshold: scores, table and sum, limit, search."""
    return 3 + (3 + int(log2(c.lanes))) + LIMIT + 2 * (c.exp_entries - 1).bit_length()


# -- pooling: hw/pooling ---------------------------------------------------------------------------
BRANCH_WORDS = 12
"""Parameter words a channel word of BRANCH."""
BRANCH_SETS = 2
"""Channel words whose parameters are held."""
BRANCH_MOVE = 2
"""From a column's last read to its registers: memory, collected."""
BRANCH_ASK = 2
"""From a command's take to its first read: the walk, a register."""
BRANCH_FILLED = 2
"""From the last parameter word's request to where a column may move to the register whose parts
are given out: a counter, a register."""
BRANCH_PARTS = 16
"""Parts that may be between that move and where their word is collected (a word two at least)."""
BRANCH_ROOM = 2
"""From a word's first part being collected to where a column may move: a counter, a register."""
BRANCH_PIPELINE = 12
"""From a column's last part to the write of its word: a register, nine stages, the queue,
collected."""
BRANCH_FREED = 5
"""From a channel word's last part to the place of its parameters: stage three, a counter."""
GRID_SHIFT = 3
"""From a window's last read to the first shift of two bits: memory, register, sum."""

# -- dense: hw/dense -------------------------------------------------------------------------------
DENSE_START = 6
"""From a command's take to its first step: start, operands' walk, and DENSE_OPERAND."""
BIAS_START = 3
"""The same where the bias comes first: it needs no operand."""
BIAS_STEPS = 2
"""Steps that read the bias, in front of the weights."""
DENSE_OPERAND = 3
"""From an operand word's read to its first step: memory, the word ahead, the word in use."""
DENSE_AHEAD = 2
"""Operand words that are held or on their way."""
DENSE_SERIAL = 4
"""Lanes whose results are rounded in a cycle."""
DENSE_TOKENS = 3
"""Tokens between their last step and their write; one less with a bias."""
DENSE_PAIRED = 2
"""The same where two go at a time: the first of the pair before is written."""
DENSE_RESULT = 11
"""From a token's last step to its (last) write, beside the cycles of rounding."""
