"""A router that would not end is stopped; the other seeds are reported."""

from __future__ import annotations

import sys

import pytest

from bitstreams import build as flow
from bitstreams import tools
from bitstreams.build import build, place_and_route
from bitstreams.report import write_reports
from bitstreams.routing import diverges
from bitstreams.tools import StoppedError, ToolError
from tests.bitstreams.small_boards import SMALL

BOARD = SMALL["ecp5"]
LINE = "Info:     iter={} wires=778 overused={} overuse={} archfail=NA"


def log(*wanted: int) -> str:
    return "\n".join(LINE.format(n, one, one) for n, one in enumerate(wanted, 1))


@pytest.mark.parametrize(
    "wanted",
    [(), (50_000,), (50_000, 900, 0), (50_000, 900, 800, 1599), (900, 99, 300), (900, 90, 3, 8)],
)
def test_a_router_that_may_end(wanted):
    assert diverges(log(*wanted)) is None


def test_a_router_that_does_not_end():
    assert diverges("Info: iter=7 steplen=1.2\n" + log(9000, 953, 1100, 1906)) == (
        "the router does not end: 1,906 wires are wanted twice after 4 iterations, 953 after 2"
    )


def bound(*failed: str) -> str:
    """No wire is wanted twice any more; what of them could not be bound."""
    return "\n".join(LINE.format(9, 0, 0).replace("archfail=NA", f"archfail={n}") for n in failed)


def test_a_wire_that_the_device_refuses_is_tried_some_times():
    assert diverges(log(900, 3) + "\n" + bound("1", "2", "0")) is None
    assert diverges(log(900, 3) + "\n" + bound(*map(str, range(1, 10)))) is None
    assert diverges(log(900, 3) + "\n" + bound(*map(str, range(1, 11)))) == (
        "the router does not end: no wire is wanted twice, but one cannot be bound, 10 times"
    )


def test_a_hopeless_tool_is_stopped(monkeypatch, tmp_path):
    monkeypatch.setattr(tools, "PROGRESS_S", 0.1)
    script = "import time; open('log', 'w').write('worse'); time.sleep(600)"
    told = []
    with pytest.raises(StoppedError, match=r"^python\S*: it is worse$"):
        tools.run(
            [sys.executable, "-c", script], tmp_path, "log", told.append,
            lambda text: f"it is {text}" if text else None,
        )  # fmt: skip
    assert told[-1].endswith("worse")


@pytest.fixture
def a_seed_is_stopped(monkeypatch):
    """Seed 1 ends as a router that diverges."""

    def place(board, nextpnr, folder, seed, report):
        if seed == 1:
            raise StoppedError("nextpnr: the router does not end")
        return place_and_route(board, nextpnr, folder, seed, report)

    monkeypatch.setattr(flow, "place_and_route", place)


def test_seeds_that_do_not_route_are_left_out(a_seed_is_stopped, tmp_path):
    built = build(BOARD, tmp_path, seeds=[1, 2])
    assert built.stopped == (1,) and [one.seed for one in built.routed] == [2]
    facts = write_reports(built, [], tmp_path)
    assert facts["seeds_stopped"] == [1] and list(facts["seeds"]) == ["2"]
    assert (
        f"seeds 2 ({facts['fmax_mhz']:.2f}); seed 1 does not route"
        in (tmp_path / "report.txt").read_text()
    )


def test_no_seed_routes(a_seed_is_stopped, tmp_path):
    with pytest.raises(ToolError, match=r"^array-12f: nextpnr: the router does not end; try"):
        build(BOARD, tmp_path, seeds=[1])
