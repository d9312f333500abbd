"""The pooling unit against plain Python: windows, branches, borders, extremes and cycles."""

import random
from functools import cache

import pytest

from hw.pooling.unit import Pooling
from hw.spec.commands import RECORDS, Opcode
from hw.spec.configuration import CONFIGURATIONS, Configuration
from hw.spec.numerics import BRANCHES, SLOPE_SHIFTS
from sim.build import build_simulator, verilog
from sim.run import run_testbench

NAMES = ("3x4x64-l8", "7x16x64-l32")
DISTURBANCES = {"none": {}, "denied": {"deny": 0.5}, "stalled": {"stall": 0.4, "deny": 0.1}}
VALUES = (-32768, 32767)


@cache
def simulator(name: str):
    return build_simulator(
        {"pooling.v": verilog(Pooling(CONFIGURATIONS[name]), "pooling")}, "pooling"
    )


def saturate(value: int, bits: int = 16) -> int:
    return min(max(value, -(1 << bits - 1)), (1 << bits - 1) - 1)


def rounded(value: int, drop: int) -> int:
    return (value + (1 << drop >> 1)) >> drop


def pack(values) -> int:
    return sum((value & 0xFFFF) << 16 * i for i, value in enumerate(values))


def memory(words: int, lanes: int, seed: int, kind: str = "random") -> list[list[int]]:
    chance = random.Random(f"{seed} {kind}")
    pick = {
        "random": lambda: chance.randint(*VALUES),
        "small": lambda: chance.randint(-300, 300),
        "extreme": lambda: chance.choice((-32768, -32768, 32767, 32767, 0)),
        "lowest": lambda: -32768,
        "highest": lambda: 32767,
    }[kind]
    return [[pick() for _ in range(lanes)] for _ in range(words)]


class Grid:
    """One GRID command."""

    def __init__(self, tag: int, **fields: int):
        self.kind, self.tag = "grid", tag
        self.f = {"base": 5, "destination_base": 7, "destination_token": fields["words"], **fields}
        self.record = RECORDS[Opcode.GRID].encode({"opcode": Opcode.GRID, "tag": tag, **self.f})

    def expected(self, c: Configuration, x, parameters):
        """Writes as (address, values), and traces."""
        f, writes = self.f, []
        for output in range(f["outputs"]):
            for word in range(f["words"]):
                first = f["base"] + output * f["window"] * f["token"] + word
                taken = [
                    x[first + r * f["row"] + q * f["token"]]
                    for r in range(f["height"])
                    for q in range(f["window"])
                ]
                mean = [
                    saturate(rounded(sum(values), f["shift"]))
                    for values in zip(*taken, strict=True)
                ]
                address = f["destination_base"] + output * f["destination_token"] + word
                writes.append((address, mean))
        return writes, [self.tag | pack(mean) << 12 for _, mean in writes]


class Branch:
    """One BRANCH command."""

    def __init__(
        self,
        c: Configuration,
        tag: int,
        width: int,
        words: int,
        valid: int,
        slope_shift: int = 0,
        parameter_base: int = 3,
        token: int | None = None,
        first: int = 11,
    ):
        self.kind, self.tag = "branch", tag
        token = words if token is None else token
        # The rows lie in no order: only the fields tell where.
        rows = [first + i * (width * token + 1) for i in (2, 4, 0, 1, 3)]
        self.f = {
            **{f"row{i}": row for i, row in enumerate(rows)},
            "valid": valid,
            "token": token,
            "width": width,
            "words": words,
            "slope_shift": slope_shift,
            "destination_base": 40,
            "destination_token": words + 1,
            "parameter_base": parameter_base,
        }
        self.record = RECORDS[Opcode.BRANCH].encode({"opcode": Opcode.BRANCH, "tag": tag, **self.f})

    def expected(self, c: Configuration, x, parameters):
        """Writes as (address, values), and traces, part by part."""
        f, writes, traces = self.f, [], []
        shift = SLOPE_SHIFTS[f["slope_shift"]]
        for word in range(f["words"]):
            first = f["parameter_base"] + 12 * word
            gains, constants, losses = (
                parameters[first + 4 * i : first + 4 * i + 4] for i in range(3)
            )

            def tap(row: int, column: int, lane: int, word: int = word):
                """A neighbour, or None outside the picture."""
                if not f["valid"] >> row & 1 or not 0 <= column < f["width"]:
                    return None
                return x[f[f"row{row}"] + column * f["token"] + word][lane]

            for column in range(f["width"]):
                branches, total = {name: [] for name in BRANCHES}, []
                for lane in range(c.lanes):
                    reach = {"h3": [(i, 0) for i in (-1, 0, 1)], "w3": [(0, i) for i in (-1, 0, 1)],
                             "h5": [(i, 0) for i in range(-2, 3)],
                             "w5": [(0, i) for i in range(-2, 3)]}  # fmt: skip
                    for k, name in enumerate(BRANCHES):
                        taps = [tap(2 + dy, column + dx, lane) for dy, dx in reach[name]]
                        s = saturate(sum(t for t in taps if t is not None), 18)
                        branches[name].append(
                            saturate(
                                rounded(gains[k][lane] * s, shift)
                                + constants[k][lane]
                                - taps.count(None) * losses[k][lane]
                            )
                        )
                    total.append(
                        saturate(
                            tap(2, column, lane) + sum(branches[name][lane] for name in BRANCHES)
                        )
                    )
                address = f["destination_base"] + column * f["destination_token"] + word
                writes.append((address, total))
                for part in range(0, c.lanes, c.pool_lanes):
                    pieces = [*(branches[name] for name in BRANCHES), total]
                    traces.append(
                        self.tag
                        | pack([v for p in pieces for v in p[part : part + c.pool_lanes]]) << 12
                    )
        return writes, traces


def run(name: str, commands, x, parameters, seed: int = 1, **disturbance):
    """Simulate and check everything but cycles; gives the testbench's values."""
    c = CONFIGURATIONS[name]
    got = run_testbench(
        simulator(name), "sim.testbenches.pooling_unit",
        parameters={"deny": 0.0, "stall": 0.0, **disturbance, "seed": seed, "lanes": c.lanes,
                    "x": [f"{pack(word):x}" for word in x],
                    "parameters": [f"{pack(word):x}" for word in parameters],
                    "commands": [(command.kind, f"{command.record:x}") for command in commands]},
    ).values  # fmt: skip
    writes, traces, ends = [], {"grid": [], "branch": []}, []
    for command in commands:
        more, shown = command.expected(c, x, parameters)
        writes += [(address, f"{pack(values):x}") for address, values in more]
        traces[command.kind] += shown
        ends.append(len(writes))
    assert [(address, data) for _, address, data in got["writes"]] == writes
    for kind, shown in traces.items():
        assert [int(word, 16) for word in got["traces"][kind]] == shown
    assert got["done"] == [got["writes"][end - 1][0] + 1 for end in ends]
    return got


def grids() -> list[Grid]:
    return [
        Grid(1, token=1, row=9, height=1, window=1, outputs=5, words=1, shift=0),
        Grid(2, token=2, row=20, height=2, window=2, outputs=4, words=2, shift=2),
        Grid(3, token=1, row=25, height=8, window=8, outputs=3, words=1, shift=6),
        Grid(4, token=3, row=40, height=3, window=3, outputs=2, words=3, shift=4),
        Grid(5, token=2, row=0, height=1, window=49, outputs=1, words=2, shift=6),
        Grid(6, token=1, row=1, height=7, window=1, outputs=6, words=1, shift=2),
        Grid(7, token=2, row=11, height=5, window=2, outputs=2, words=1, shift=24),
        Grid(8, token=1, row=50, height=2, window=1, outputs=3, words=1, shift=0),
        Grid(9, token=1, row=300, height=4, window=100, outputs=1, words=1, shift=10),
    ]


@pytest.mark.parametrize("disturbance", DISTURBANCES)
@pytest.mark.parametrize("name", NAMES)
def test_windows(name, disturbance):
    x = memory(1400, CONFIGURATIONS[name].lanes, 2)
    run(name, grids(), x, [], **DISTURBANCES[disturbance])


@pytest.mark.parametrize("kind", ["extreme", "lowest", "highest"])
@pytest.mark.parametrize("name", NAMES)
def test_windows_saturate(name, kind):
    run(name, grids(), memory(1400, CONFIGURATIONS[name].lanes, 3, kind), [])


def test_the_greatest_window():
    name = "3x4x64-l8"
    c = CONFIGURATIONS[name]
    for kind in ("lowest", "highest"):
        run(
            name,
            [
                Grid(
                    1,
                    base=0,
                    token=1,
                    row=64,
                    height=c.x_words // 64,
                    window=64,
                    outputs=1,
                    words=1,
                    shift=12,
                )
            ],
            memory(c.x_words, c.lanes, 4, kind),
            [],
        )


@pytest.mark.parametrize("name", NAMES)
def test_windows_at_full_pace(name):
    x = memory(1400, CONFIGURATIONS[name].lanes, 2)
    for side, shift in ((2, 2), (8, 6), (4, 4)):
        grid = Grid(
            1, token=2, row=16 * side, height=side, window=side, outputs=8, words=2, shift=shift
        )
        got = run(name, [grid, grid], x, [])
        assert got["reads"][-1] - got["reads"][0] + 1 == 2 * 8 * 2 * side * side + 1
        assert got["writes"][-1][0] - got["reads"][-1] == shift // 2 + 4


MASKS = [0b00111 | low << 3 for low in range(4)] + [
    0b11100,
    0b01110,
    0b00100,
    0b11111,
    0b10101,
    0b01111,
    0b11110,
]


@pytest.mark.parametrize("disturbance", DISTURBANCES)
@pytest.mark.parametrize("name", NAMES)
def test_branches_at_all_borders(name, disturbance):
    c = CONFIGURATIONS[name]
    commands = [
        *(Branch(c, 1 + i, 3 + i % 2, 1, valid, i % 4) for i, valid in enumerate(MASKS)),
        *(
            Branch(
                c, 50 + width, width, 1 + width % 3, 0b11111 if width % 2 else 0b01110, width % 4
            )
            for width in range(1, 10)
        ),
        *(Branch(c, 70 + i, 1, 3, 0b00100, i) for i in range(4)),
        Branch(c, 80, 2, 5, 0b00100, 2),
        Branch(c, 81, 2, 2, 0b11111, 1, token=4),
    ]
    run(
        name,
        commands,
        memory(300, c.lanes, 5, "small"),
        memory(80, c.lanes, 6),
        **DISTURBANCES[disturbance],
    )


@pytest.mark.parametrize("kind", ["random", "extreme", "lowest", "highest"])
@pytest.mark.parametrize("name", NAMES)
def test_branches_saturate(name, kind):
    c = CONFIGURATIONS[name]
    parameters, commands = [], []
    for kind_of_parameters in ("random", "small", "extreme", "lowest", "highest"):
        commands += [
            Branch(c, i, 5, 2, valid, i % 4, parameter_base=len(parameters))
            for i, valid in enumerate((0b11111, 0b00100, 0b11100, 0b01110))
        ]
        parameters += memory(24, c.lanes, 8, kind_of_parameters)
    run(name, commands, memory(300, c.lanes, 7, kind), parameters)


@pytest.mark.parametrize("name", NAMES)
def test_windows_and_branches_in_turn(name):
    c = CONFIGURATIONS[name]
    commands = []
    for i, grid in enumerate(grids()[:4]):
        commands += [grid, Branch(c, 100 + i, 4, 2, 0b11111, 1), Branch(c, 200 + i, 2, 1, 0b11100)]
    run(name, commands, memory(1400, c.lanes, 9), memory(80, c.lanes, 10, "small"), deny=0.2)


@pytest.mark.parametrize(
    ("width", "words", "valid"),
    [(56, 2, 31), (14, 4, 31), (7, 6, 31), (56, 2, 0b11100), (28, 2, 0b01111)],
)
@pytest.mark.parametrize("name", NAMES)
def test_branches_at_pace(name, width, words, valid):
    c = CONFIGURATIONS[name]
    commands = [Branch(c, i, width, words, valid) for i in range(3)]
    got = run(name, commands, memory(5 * 57 * 2 + 20, c.lanes, 11, "small"),
              memory(80, c.lanes, 12))  # fmt: skip
    parts = c.lanes // c.pool_lanes
    reads = valid.bit_count()
    column = max(reads + (reads == parts), parts)
    total = got["writes"][-1][0] - got["accepted"][0] + 1
    bound = 3 * (words * (width * column + 4 + parts) + 6 * parts + 10) + 30
    print(name, width, words, f"{valid:05b}", "cycles a word", total / (3 * words * width))
    assert total <= bound
    if reads > parts:  # else the last word may wait for the one before
        assert got["writes"][-1][0] - got["reads"][-1] == 14 + parts
