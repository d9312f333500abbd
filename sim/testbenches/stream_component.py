"""Drive every stream of a component from lists, collect every stream that it gives.

Parameters (see `sim.exchange.parameters`, written by `sim.component.simulate_component`):

``clock``        whether the component has a clock;
``sources``      stream name to hexadecimal payloads;
``sinks``        stream name to the number of beats to wait for, or None to wait until it is idle;
``constants``    input port to value, set before reset;
``pulses``       input port to value, set for the first cycle after reset only;
``probes``       output ports whose value is returned at the end;
``stall``        none, source, sink or random;
``idle_cycles``  cycles without any beat that end a run; also run after the last expected beat;
``timeout_cycles``  the run fails after that many.
"""

import cocotb
from cocotb.triggers import RisingEdge, Timer

from sim import exchange
from sim.testbenches.stream_ports import Sink, Source, Stall

RESET_CYCLES = 2


def _progress(sources: list[Source], sinks: list[Sink], expected: dict[str, int | None]) -> str:
    taken = [f"{s.name} took {len(s.cycles)}/{len(s.beats)}" for s in sources]
    given = [f"{s.name} gave {len(s.beats)}/{expected[s.name] or '?'}" for s in sinks]
    return ", ".join(taken + given)


@cocotb.test()
async def stream_component(dut) -> None:
    """One run; hands the collected beats and their cycles back."""
    plan = exchange.parameters()
    stall, seed, expected = plan["stall"], plan["seed"], plan["sinks"]
    edge = RisingEdge(dut.clk) if plan["clock"] else Timer(2, "ns")
    sources = [
        Source(dut, name, [int(bits, 16) for bits in beats],
               Stall(stall in ("source", "random"), seed, name))
        for name, beats in plan["sources"].items()
    ]  # fmt: skip
    sinks = [Sink(dut, name, Stall(stall in ("sink", "random"), seed, name)) for name in expected]
    for name, value in plan["constants"].items():
        getattr(dut, name).value = value
    for name in plan["pulses"]:
        getattr(dut, name).value = 0
    if plan["clock"]:
        dut.rst.value = 1
        for _ in range(RESET_CYCLES):
            await edge
        dut.rst.value = 0
    for name, value in plan["pulses"].items():
        getattr(dut, name).value = value
    for port in (*sources, *sinks):
        port.drive()

    ports = (*sources, *sinks)
    known = [sink for sink in sinks if expected[sink.name] is not None]
    cycle = idle = 0
    while True:
        await edge
        moved = False
        for port in ports:
            moved |= port.sample(cycle)
        for port in ports:
            port.drive()
        if cycle == 0:
            for name in plan["pulses"]:
                getattr(dut, name).value = 0
        cycle += 1
        idle = 0 if moved else idle + 1
        if idle < plan["idle_cycles"] or not all(source.done for source in sources):
            pass
        elif all(len(sink.beats) >= expected[sink.name] for sink in known):
            break
        assert cycle < plan["timeout_cycles"], (
            f"no end after {cycle} cycles ({idle} without a beat): "
            f"{_progress(sources, sinks, expected)}"
        )
    for sink in known:
        assert len(sink.beats) == expected[sink.name], (
            f"{sink.name}: {len(sink.beats)} beats, {expected[sink.name]} expected"
        )
    exchange.return_values(
        sinks={s.name: {"beats": [f"{b:x}" for b in s.beats], "cycles": s.cycles} for s in sinks},
        sources={s.name: s.cycles for s in sources},
        probes={name: getattr(dut, name).value.to_unsigned() for name in plan["probes"]},
        cycles=cycle,
    )
