"""The SDRAM controller against a chip that checks every rule: data, efficiency, refreshes."""

import random

import pytest

from hw.memory.sdram import SLOW_16X16M, SdramController, SdramError, SdramTiming, capture_cycles
from sim.build import build_simulator
from sim.errors import SimulationError
from sim.run import run_testbench
from sim.sdram import TESTBENCH_TOP, cocotb_sources

TIMING = SdramTiming(SLOW_16X16M, 100_000_000)
INTERVAL = TIMING.refresh_interval
CYCLES_A_BEAT = 8


def build(timing: SdramTiming, capture: int = 0, ratio: int = 1):
    return build_simulator(cocotb_sources(timing, capture, ratio), TESTBENCH_TOP)


@pytest.fixture(scope="module")
def simulator():
    return build(TIMING)


def run(simulator, bursts, *, pause=0.0, stop=0.0, gap_cycles=0, seed=3, ratio=1, plusargs=()):
    plan = {
        "bursts": bursts, "pause": pause, "stop": stop, "gap_cycles": gap_cycles, "seed": seed,
        "timeout_cycles": 400_000, "ratio": ratio,
    }  # fmt: skip
    return run_testbench(
        simulator, "sim.testbenches.sdram", parameters=plan, plusargs=plusargs, seed=seed
    ).values


def random_bursts(count: int, seed: int) -> list:
    """Bursts that meet again in a few rows of every bank, the last beat of the chip among them."""
    chance = random.Random(seed)
    starts = [0, 50, 60, 256, 300, 511, 512, 4096, SLOW_16X16M.beats - 40]
    bursts = [
        [chance.randrange(2), chance.choice(starts) + chance.randrange(8), chance.randint(1, 32)]
        for _ in range(count)
    ]
    return [*bursts, [1, SLOW_16X16M.beats - 130, 130], [0, SLOW_16X16M.beats - 130, 130]]


def reads(count: int, beats: int, step: int) -> list:
    return [[0, step * index, beats] for index in range(count)]


def efficiency(got, beats: int) -> float:
    """Beats read of those that eight cycles each would have given."""
    return CYCLES_A_BEAT * (beats - 1) / (got["read_at"][-1] - got["read_at"][0])


@pytest.mark.parametrize(("pause", "stop"), [(0.0, 0.0), (0.9, 0.0), (0.3, 0.0005)])
def test_random_bursts_with_pauses_shorter_and_longer_than_a_refresh_interval(
    simulator, pause, stop
):
    got = run(simulator, random_bursts(400, 11), pause=pause, stop=stop)
    cycles = max(got["read_at"] + got["written_at"])
    assert got["refreshes"] >= cycles // INTERVAL + SLOW_16X16M.power_up_refreshes


@pytest.mark.parametrize(
    ("clock_hz", "cas", "capture"), [(133_000_000, 3, 1), (25_000_000, 2, 0), (50_000_000, 2, 2)]
)
def test_other_clocks_and_latencies(clock_hz, cas, capture):
    simulator = build(SdramTiming(SLOW_16X16M, clock_hz, cas), capture)
    run(simulator, random_bursts(200, 12), pause=0.2)


def test_a_long_burst_and_a_train_of_bursts_lose_refreshes_only(simulator):
    # A refresh: READ's burst, precharge, refresh, activate, and the states between.
    least = 1 - 16 / INTERVAL
    assert efficiency(run(simulator, [[0, 5, 1500]]), 1500) >= least
    assert efficiency(run(simulator, reads(48, 32, 32)), 48 * 32) >= least
    assert efficiency(run(simulator, [[1, 0, 1500], [0, 0, 600]]), 600) >= least


def test_rows_of_other_banks_open_meanwhile_and_of_the_same_bank_after(simulator):
    row = SLOW_16X16M.row_beats
    assert efficiency(run(simulator, reads(200, 4, row)), 800) >= 0.97
    assert efficiency(run(simulator, reads(200, 2, 5 * row)), 400) >= 0.97
    same_bank = efficiency(run(simulator, reads(100, 4, 4 * row)), 400)
    assert 0.80 <= same_bank <= 0.90  # 32 cycles of data and 5 to close and open


def test_latency_of_a_closed_bank_an_open_row_and_another_row(simulator):
    got = run(simulator, [[0, 0, 1], [0, 1, 1], [0, 4 * SLOW_16X16M.row_beats, 1]], gap_cycles=40)
    latency = [r - a for r, a in zip(got["read_at"], got["accepted"], strict=True)]
    assert latency == [18, 17, 20]


# What the shortest distances in the traffic above are, and a rule just beyond them.
PERIOD_PS = 10_000
STRICTER = {
    "t_rcd_ps": (TIMING.activate_to_column * PERIOD_PS + 1, "a column command breaks tRCD"),
    "t_rp_ps": (TIMING.precharge * PERIOD_PS + 1, "breaks tRP"),
    "t_ras_ps": (250_000, "PRECHARGE breaks tRAS"),
    "t_rc_ps": (250_000, "breaks tRC"),
    "t_rrd_ps": (150_000, "ACTIVATE breaks tRRD"),
    "t_rfc_ps": (TIMING.refresh * PERIOD_PS + 1, "a command breaks tRFC"),
    "t_wr_ps": (20_001, "PRECHARGE breaks tWR"),
    "t_mrd_ps": (150_000, "a command breaks tMRD"),
    "refresh_ps": (INTERVAL * PERIOD_PS // 2, "refreshes are late"),
    "power_up_ps": (TIMING.power_up_intervals * INTERVAL * PERIOD_PS + 50_000, "supply is stable"),
}


@pytest.mark.parametrize("name", STRICTER)
def test_a_stricter_chip_fails_the_run(simulator, name):
    picoseconds, message = STRICTER[name]
    with pytest.raises(SimulationError, match=message):
        run(simulator, random_bursts(400, 13), plusargs=[f"+{name}={picoseconds}"])


def test_cycles_follow_from_the_clock():
    slow = SdramTiming(SLOW_16X16M, 25_000_000)
    assert (slow.cas, slow.activate_to_column, slow.precharge, slow.refresh) == (2, 1, 1, 2)
    assert (slow.refresh_interval, slow.mode_register_set) == (195, 2)
    fast = SdramTiming(SLOW_16X16M, 133_000_000)
    assert (fast.cas, fast.activate_to_column, fast.precharge, fast.refresh) == (3, 3, 3, 10)
    assert fast.activate_to_precharge == 6
    assert SLOW_16X16M.beats * 16 == 32 << 20


@pytest.mark.parametrize(
    ("clock_hz", "cas", "message"),
    [
        (150_000_000, None, r"clock_hz=150000000 is above the chip's 133000000"),
        (120_000_000, 2, r"cas=2 does not suit clock_hz=120000000; use one of 3"),
        (1_000_000, None, r"leaves 7 cycles between refreshes"),
    ],
)
def test_what_a_chip_cannot_do_is_refused(clock_hz, cas, message):
    with pytest.raises(SdramError, match=message):
        SdramTiming(SLOW_16X16M, clock_hz, cas)


def test_an_unknown_capture_is_refused():
    with pytest.raises(SdramError, match="capture=4 is not known"):
        SdramController(TIMING, 4)


# The word is there from late + (cas - 1) T + 6 ns + most to late + cas T + 2.5 ns + least.
@pytest.mark.parametrize(
    ("clock_hz", "late_ps", "delay_ps", "pad_registers", "capture"),
    [
        (100_000_000, 10_000, (0, 0), (0, 0), 0),  # as simulated: 26 to 32.5 ns, edge 3
        (100_000_000, 5_000, (3_000, 4_000), (0, 0), 0),  # inverted: 25 to 30.5 ns, edge 3
        (25_000_000, 20_000, (2_000, 6_000), (0, 0), -1),  # inverted: 72 to 104.5 ns, edge 2
        (50_000_000, 5_000, (2_000, 6_000), (1, 1), 1),  # a quarter late: 37 to 49.5 ns, edge 2
        (50_000_000, 5_000, (2_000, 6_000), (0, 0), -1),
    ],
)
def test_capture_of_a_board(clock_hz, late_ps, delay_ps, pad_registers, capture):
    timing = SdramTiming(SLOW_16X16M, clock_hz, 2)
    board = {"late_ps": late_ps, "delay_ps": delay_ps, "pad_registers": pad_registers}
    assert capture_cycles(timing, **board) == capture


def test_a_board_whose_words_no_edge_meets_is_refused():
    with pytest.raises(SdramError, match=r"from 25000 to 29500 ps and no clock edge"):
        capture_cycles(TIMING, late_ps=5_000, delay_ps=(2_000, 4_000))
    with pytest.raises(SdramError, match=r"late_ps=10001 is not within"):
        capture_cycles(TIMING, late_ps=10_001, delay_ps=(0, 0))
