"""What nextpnr reports of clocks and critical paths, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

DOMAIN = re.compile(r"^(?:pos|neg)edge ")


@dataclass(frozen=True)
class Path:
    """The slowest path between two clock edges.

    Attributes
    ----------
    clocks : (str, str)
        Launching and capturing clock, ``<async>`` where there is none.
    begin, end : str
        Cells of the registers.
    through : tuple of str
        Cells between them.
    logic_ns, routing_ns : float
        Delays of cells (registers' own included) and of wires.
    longest_ns : float
        The slowest wire, and
    longest_from, longest_to : str
        the cells it joins.
    """

    clocks: tuple[str, str]
    begin: str
    end: str
    through: tuple[str, ...]
    logic_ns: float
    routing_ns: float
    longest_ns: float
    longest_from: str
    longest_to: str

    def describe(self) -> str:
        """One line: from where to where, how much of it logic and how much wires."""
        total = self.logic_ns + self.routing_ns
        return (
            f"{register(self.begin)} to {register(self.end)}: {total:.1f} ns, of which "
            f"{self.logic_ns:.1f} ns in {len(self.through)} cells and {self.routing_ns:.1f} ns in "
            f"wires; the longest wire {self.longest_ns:.1f} ns, from {register(self.longest_from)} "
            f"to {register(self.longest_to)}"
        )


def register(cell: str) -> str:
    """What a cell drives: component and signal, less the type that mapping has appended."""
    return "logic" if cell.startswith("$") else cell.partition("\\")[0]


def clock_name(net: str) -> str:
    """The clock of a global net: its name in the design."""
    return DOMAIN.sub("", net).removeprefix("$glbnet$").split("$")[0] or net


def clocks(routed: dict[str, Any]) -> dict[str, float]:
    """Clock to its highest frequency in MHz."""
    return {clock_name(net): entry["achieved"] for net, entry in routed["fmax"].items()}


def fmax(routed: dict[str, Any], clock_hz: float) -> float:
    """Highest frequency in MHz of what is set to `clock_hz`, faster clocks in their ratio to it."""
    ratios = [(entry, entry["constraint"] * 1e6 / clock_hz) for entry in routed["fmax"].values()]
    return min(entry["achieved"] / ratio for entry, ratio in ratios if ratio > 0.99)


def hold_violations(log: str) -> int:
    """How many paths nextpnr's log says are too short after routing, the last time that it does."""
    found = re.findall(r"(\d+) Hold/min time violations", log)
    return int(found[-1]) if found else 0


def paths(routed: dict[str, Any]) -> list[Path]:
    """The critical path of every pair of clocks, as nextpnr lists them."""
    return [_path(one) for one in routed["critical_paths"] if one["path"]]


def _path(one: dict[str, Any]) -> Path:
    steps = one["path"]
    wires = [s for s in steps if s["type"] == "routing"]
    slowest = max(wires, key=lambda s: s["delay"], default=steps[0])
    routing = sum(s["delay"] for s in wires)
    total = sum(s["delay"] for s in steps)
    return Path(
        (clock_name(one["from"]), clock_name(one["to"])),
        steps[0]["from"]["cell"],
        steps[-1]["to"]["cell"],
        tuple(s["from"]["cell"] for s in steps if s["type"] == "logic"),
        total - routing,
        routing,
        slowest["delay"],
        slowest["from"]["cell"],
        slowest["to"]["cell"],
    )
