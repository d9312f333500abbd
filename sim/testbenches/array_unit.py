"""Drive `hw.array.unit.ArrayUnit` with commands and memories, collect its beats and their cycles.

Parameters (see `sim.exchange.parameters`):

``commands``      hexadecimal command payloads;
``row_bits``, ``column_bits``  widths of the memories' words;
``stall``         none, source (commands and `stall`), sink (results and score room) or random;
``score_tiles``   tiles of scores that the attention side can hold;
``score_beats``   beats of each score tile, in order: its room is free again some cycles after;
``results``, ``scores``  beats to wait for;
``timeout_cycles``  the run fails after that many.

Inputs: ``row``, ``column``: memory words as bytes, low byte first, one row a word.
"""

import random

import cocotb
from cocotb.triggers import RisingEdge

from sim import exchange
from sim.testbenches.stream_ports import Sink, Source, Stall

RESET_CYCLES = 2
IDLE_CYCLES = 60


class Memory:
    """A read port: data in the cycle after a request, noise in every other."""

    def __init__(self, dut, name: str, words: list[int], bits: int, seed: int) -> None:
        self._address = getattr(dut, f"{name}__address")
        self._request = getattr(dut, f"{name}__request")
        self._data = getattr(dut, f"{name}__data")
        self._words, self._random = words, random.Random(seed)
        self._noise = [self._random.getrandbits(bits) for _ in range(8)]
        getattr(dut, f"{name}__grant").value = 1

    def step(self) -> bool:
        """Answer the last cycle's request; whether there was one."""
        request = bool(self._request.value)
        self._data.value = (
            self._words[self._address.value.to_unsigned()]
            if request
            else self._random.choice(self._noise)
        )
        return request


class Attention:
    """Room for score tiles: granted one by one, freed a while after a tile's last beat."""

    def __init__(self, dut, tiles: int, beats: list[int], stall: Stall) -> None:
        self._dut, self._room, self._stall = dut, tiles, stall
        self._tile_beats, self._taken, self._count = beats, 0, 0
        self.beats, self.cycles, self.tiles = [], [], []
        self._ready = self._before = False
        dut.score_ready.value = 0

    def sample(self, cycle: int) -> None:
        """Note beats and begun tiles."""
        if self._dut.score_tile.value:
            assert self._before, f"a score tile began in cycle {cycle} without score_ready before"
            self.tiles.append(cycle)
            self._room -= 1
        if self._dut.score_valid.value:
            self.beats.append(self._dut.score.value.to_unsigned())
            self.cycles.append(cycle)
            self._count += 1
            if self._count == self._tile_beats[self._taken]:
                self._taken, self._count = self._taken + 1, 0
                self._room += 1

    def drive(self) -> None:
        """Offer room, or not."""
        self._before = self._ready
        self._ready = self._room > 0 and not self._stall()
        self._dut.score_ready.value = int(self._ready)


@cocotb.test()
async def array_unit(dut) -> None:
    """One run; hands beats, cycles of beats, of issues, of commands and of score tiles back."""
    plan, arrays = exchange.parameters(), exchange.inputs()
    stall, seed = plan["stall"], plan["seed"]
    from_source, from_sink = stall in ("source", "random"), stall in ("sink", "random")
    commands = Source(
        dut, "command", [int(c, 16) for c in plan["commands"]], Stall(from_source, seed, "command")
    )
    results = Sink(dut, "result", Stall(from_sink, seed, "result"))
    attention = Attention(
        dut, plan["score_tiles"], plan["score_beats"], Stall(from_sink, seed, "score")
    )
    pause = Stall(from_source, seed, "stall")
    memories = [
        Memory(
            dut,
            name,
            [int.from_bytes(word.tobytes(), "little") for word in arrays[name]],
            plan[f"{name}_bits"],
            seed,
        )
        for name in ("row", "column")
    ]
    dut.stall.value = 0
    dut.rst.value = 1
    for _ in range(RESET_CYCLES):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    paused = False
    for port in (commands, results, attention):
        port.drive()

    issues: list[int] = []
    cycle = idle = 0
    while idle < IDLE_CYCLES:
        await RisingEdge(dut.clk)
        moved = commands.sample(cycle)
        moved |= results.sample(cycle)
        attention.sample(cycle)
        requested = [memory.step() for memory in memories]
        busy = bool(dut.busy.value)
        assert requested == [busy, busy], f"cycle {cycle}: requests {requested}, busy {busy}"
        assert not (busy and paused), f"cycle {cycle}: a word was issued under stall"
        if busy:
            issues.append(cycle)
        for port in (commands, results, attention):
            port.drive()
        paused = pause()
        dut.stall.value = int(paused)
        cycle += 1
        complete = (
            commands.done
            and len(results.beats) >= plan["results"]
            and len(attention.beats) >= plan["scores"]
        )
        idle = idle + 1 if complete and not moved else 0
        assert cycle < plan["timeout_cycles"], (
            f"no end after {cycle} cycles: {len(commands.cycles)} commands, "
            f"{len(results.beats)}/{plan['results']} results, "
            f"{len(attention.beats)}/{plan['scores']} scores, {len(issues)} words"
        )
    exchange.return_values(
        results=[f"{b:x}" for b in results.beats],
        result_cycles=results.cycles,
        scores=[f"{b:x}" for b in attention.beats],
        score_cycles=attention.cycles,
        issues=issues,
        commands=commands.cycles,
        score_tiles=attention.tiles,
    )
