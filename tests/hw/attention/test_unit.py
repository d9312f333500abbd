"""The attention unit against plain Python: bits, addresses, traces, order and cycles."""

import random
from functools import cache

import pytest

from hw.attention.layouts import TILES_IN_FLIGHT
from hw.attention.unit import Attention
from hw.spec.commands import RECORDS, Opcode
from hw.spec.configuration import CONFIGURATIONS, Configuration
from sim.build import build_simulator, verilog
from sim.run import run_testbench

NAMES = ("3x4x64-l8", "7x16x64-l32")
QUIET = {"array_latency": 3, "gap": 0.0, "deny": 0.0, "stall": 0.0, "late": 0.0}
DISTURBANCES = {
    "none": {},
    "gaps": {"gap": 0.4, "late": 0.8},
    "denied": {"deny": 0.6},
    "all": {"gap": 0.2, "deny": 0.4, "stall": 0.3, "late": 0.5, "array_latency": 1},
}


@cache
def simulator(name: str):
    return build_simulator(
        {"attention.v": verilog(Attention(CONFIGURATIONS[name]), "attention")}, "attention"
    )


def exponential(entries: int) -> list[int]:
    """e**((2i - 64)/8) with 2**12 at e**0, as of a head of width 64; never decreasing."""
    step = 2 * 64 / entries
    return [
        min(round(4096 * 2.718281828 ** ((step * i - 64) / 8)), 2**24 - 1) for i in range(entries)
    ]


class Command:
    """One SCORE with the popcounts of its tiles."""

    def __init__(
        self,
        c: Configuration,
        tag: int,
        keys: int,
        tiles: int,
        last_tokens: int,
        low=0,
        high=64,
        same=None,
        scale=40000,
        shift=24,
        index_base=0,
        padding=0,
        base=3,
        seed=0,
    ):
        chance = random.Random(f"{seed} {tag} {keys}")
        self.c, self.tag, self.keys, self.tiles = c, tag, keys, tiles
        self.scale, self.shift, self.index_base, self.padding = scale, shift, index_base, padding
        self.groups = -(-keys // c.lanes)
        self.words = -(-keys // 64)
        self.base = base
        self.tokens = [c.rows] * (tiles - 1) + [last_tokens]
        self.scores = [
            [
                [
                    chance.randint(low, high) + padding if same is None else same
                    for _ in range(self.groups * c.lanes)
                ]
                for _ in range(tokens)
            ]
            for tokens in self.tokens
        ]
        self.record = RECORDS[Opcode.SCORE].encode(
            {
                "opcode": Opcode.SCORE,
                "tag": tag,
                "tiles": tiles,
                "last_tokens": last_tokens,
                "outer": self.groups,
                "inner": 1,
                "heads": 1,
                "words": 1,
                "keys": keys,
                "index_base": index_base,
                "padding": padding,
                "probability_base": base,
                "probability_tile": self.words,
                "scale": scale,
                "scale_shift": shift,
            }
        )

    def walk(self):
        """(tile, group, token) in the order of the beats."""
        for tile, tokens in enumerate(self.tokens):
            for group in range(self.groups):
                for token in range(tokens):
                    yield tile, group, token

    def lanes_of(self, tile: int, group: int, token: int) -> list[int]:
        lanes = self.c.lanes
        return self.scores[tile][token][group * lanes : (group + 1) * lanes]

    def beats(self) -> list[list[str]]:
        tiles: list[list[str]] = [[] for _ in range(self.tiles)]
        for place in self.walk():
            word = sum((score & 0xFFFF) << 16 * i for i, score in enumerate(self.lanes_of(*place)))
            tiles[place[0]].append(f"{word:x}")
        return tiles

    def attention(self, table: list[int]) -> dict[tuple[int, int], list[int]]:
        """Bits of all keys by (tile, token): the rule of hw.spec.numerics, word for word."""
        result = {}
        for tile, tokens in enumerate(self.tokens):
            for token in range(tokens):
                index = [
                    min(max(score - self.padding - self.index_base, 0), len(table) - 1)
                    for score in self.scores[tile][token][: self.keys]
                ]
                total = sum(table[i] for i in index)
                limit = min((self.scale * total) >> self.shift, 2**24)
                result[tile, token] = [int(table[i] > limit) for i in index]
        return result


def run(name: str, commands: list[Command], table: list[int], seed: int = 1, **disturbance):
    """Simulate and check everything but cycles; gives the testbench's values."""
    c = CONFIGURATIONS[name]
    got = run_testbench(
        simulator(name), "sim.testbenches.attention_unit",
        parameters={**QUIET, **disturbance, "rows": c.rows, "seed": seed, "table": table,
                    "commands": [f"{command.record:x}" for command in commands],
                    "tiles": [tile for command in commands for tile in command.beats()]},
    ).values  # fmt: skip
    lanes, parts = c.lanes, 64 // c.lanes
    expected, pops, bits, ends = [], [], [], []
    for command in commands:
        attention = command.attention(table)
        for tile, group, token in command.walk():
            keys = (attention[tile, token] + [0] * lanes)[group * lanes : (group + 1) * lanes]
            keys += [0] * (lanes - len(keys))
            value = sum(bit << i for i, bit in enumerate(keys))
            address = command.base + tile * command.words + group * lanes // 64
            part = group * lanes % 64 // lanes
            expected.append((token, address, part, value))
            bits.append((command.tag, value))
            pops.append((command.tag, [score - command.padding for score in
                                       command.lanes_of(tile, group, token)]))  # fmt: skip
        ends.append(len(expected))
    writes = []
    for _, slot, address, mask, data in got["writes"]:
        assert mask in [1 << part for part in range(parts)]
        part = mask.bit_length() - 1
        writes.append((slot, address, part, data >> part * lanes & (1 << lanes) - 1))
    assert writes == expected
    assert [(int(b, 16) & 0xFFF, int(b, 16) >> 12) for b in got["bits"]] == bits
    shown = []
    for word in got["pops"]:
        raw = int(word, 16) >> 12
        lanes_shown = [((raw >> 16 * i & 0xFFFF) ^ 0x8000) - 0x8000 for i in range(lanes)]
        shown.append((int(word, 16) & 0xFFF, lanes_shown))
    assert shown == pops
    assert got["done"] == [got["writes"][end - 1][0] + 1 for end in ends]
    return got


@pytest.mark.parametrize("disturbance", DISTURBANCES)
@pytest.mark.parametrize("name", NAMES)
def test_keys_tokens_tiles_and_scales(name, disturbance):
    c = CONFIGURATIONS[name]
    table = exponential(c.exp_entries)
    commands = [
        Command(c, 1, 1, 2, 1, scale=30000, shift=15, base=9),
        Command(c, 2, 4, 11, 2, scale=50000, shift=17, padding=13, index_base=5, high=80),
        Command(c, 3, 33, 3, c.rows, scale=40000, shift=21, base=100),
        Command(c, 4, 49, 1, 1, scale=65535, shift=21, low=20, high=44),
        Command(c, 5, 49, 5, c.rows, scale=1, shift=6, padding=64, low=16, high=48),
        Command(c, 6, 196, 3, 2, scale=33333, shift=22, index_base=600, low=590, high=670),
        Command(c, 7, 64, 2, c.rows, scale=33333, shift=21),
        *(Command(c, 8 + i, 5, 1, 1 + i % c.rows, scale=20000 + i, shift=16) for i in range(12)),
    ]
    ones = [sum(map(sum, command.attention(table).values())) for command in commands]
    assert sum(n > 0 for n in ones) > 12, "the stimulus must have bits of both kinds"
    run(name, commands, table, **DISTURBANCES[disturbance])


@pytest.mark.parametrize("name", NAMES)
def test_every_length_of_keys(name):
    c = CONFIGURATIONS[name]
    commands = [Command(c, keys, keys, 1, 1 + keys % c.rows, scale=40000, shift=19, base=keys)
                for keys in range(1, 2 * c.lanes + 3)]  # fmt: skip
    run(name, commands, exponential(c.exp_entries))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("table", ["exponential", "constant", "zero", "steps", "greatest"])
def test_extremes(name, table):
    c = CONFIGURATIONS[name]
    n = c.exp_entries
    entries = {
        "exponential": exponential(n),
        "constant": [1000] * n,
        "zero": [0] * (n - 1) + [5],
        "steps": sorted(random.Random(3).choices([0, 1, 7, 2**23, 2**24 - 1], k=n)),
        "greatest": [2**24 - 1] * n,
    }[table]
    commands = []
    for scale, shift in ((0, 0), (65535, 0), (65535, 63), (1, 0), (65535, 16), (65535, 25),
                         (32768, 15 + 5), (32768, 15)):  # fmt: skip
        for kind in ({"same": 30}, {"same": -32768 + 127}, {"same": 32767}, {"low": -70}):
            commands.append(Command(c, len(commands), 37, 1, c.rows, scale=scale, shift=shift,
                                    index_base=len(commands) % 3, **kind))  # fmt: skip
    # The total at its maximum: as many keys as a tile of one query fits into score memory.
    commands.append(Command(c, 99, min(4095, c.score_words // c.rows * c.lanes), 2, 1, same=2000,
                            scale=65535, shift=0))  # fmt: skip
    commands.append(Command(c, 100, 2048, 1, 1, same=63, scale=65535, shift=28))
    run(name, commands, entries)


@pytest.mark.parametrize("name", NAMES)
def test_tiles_that_fill_score_memory(name):
    c = CONFIGURATIONS[name]
    half = c.score_words // 2 // c.rows * c.lanes
    commands = [Command(c, i, keys, 4, c.rows, low=10, high=54, scale=40000, shift=24, base=i)
                for i, keys in enumerate((half, half // 3, 5, half))]  # fmt: skip
    run(name, commands, exponential(c.exp_entries), deny=0.3)


@pytest.mark.parametrize("keys", [4, 49, 196])
@pytest.mark.parametrize("name", NAMES)
def test_runs_at_the_pace_of_the_array(name, keys):
    c = CONFIGURATIONS[name]
    tiles = 24
    commands = [Command(c, i, keys, tiles, c.rows, scale=40000, shift=20, seed=i)
                for i in range(2)]  # fmt: skip
    got = run(name, commands, exponential(c.exp_entries))
    beats = c.rows * commands[0].groups
    lane_bits, index_bits = c.lanes.bit_length() - 1, c.exp_entries.bit_length() - 1
    latency = 17 + lane_bits + 2 * index_bits
    first = got["writes"][0][0] - got["arrived"][beats - 1]
    assert first == latency
    total = got["writes"][-1][0] - got["arrived"][0] + 1
    # A place is taken from score_tile to the last compare, one tile after it follows the next.
    array = 3
    round_trip = array + beats + latency + beats
    pace = max(beats, -(-round_trip // TILES_IN_FLIGHT))
    words = c.score_words // beats
    if words < TILES_IN_FLIGHT:
        pace = max(beats, -(-round_trip // words))
    assert total <= 2 * tiles * pace + latency + beats
    assert total < 2 * tiles * (beats + c.rows * 8 + 15)
    print(name, keys, "cycles a tile", total / (2 * tiles), "of", beats, "latency", first)
