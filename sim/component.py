"""Simulate one component with streams: arrays in, arrays out."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Shape
from amaranth.lib import stream, wiring

from sim.build import build_simulator, verilog
from sim.codec import decode, encode
from sim.run import run_testbench

STALLS = ("none", "source", "sink", "random")
TESTBENCH = "sim.testbenches.stream_component"


@dataclass(frozen=True)
class StreamResult:
    """What a component gave. ``result["y"]`` is the array of output stream ``y``.

    Attributes
    ----------
    outputs : dict
        Output stream to array: (beats,) for a number, (beats, lanes) for an array of numbers, a
        mapping of arrays for a struct.
    cycles : dict
        Output stream to the cycle in which each beat was accepted; cycle 0 is the first one after
        reset.
    accepted : dict
        Input stream to the cycle in which each beat was accepted.
    probes : dict
        Plain output port to its last value, as a number of the port's signedness.
    total_cycles : int
        Cycles that were run, the idle ones at the end included.
    """

    outputs: dict[str, Any]
    cycles: dict[str, np.ndarray]
    accepted: dict[str, np.ndarray]
    probes: dict[str, int]
    total_cycles: int

    def __getitem__(self, name: str) -> Any:
        return self.outputs[name]


def _members(component: wiring.Component) -> tuple[dict[str, Any], dict[str, Any], dict, dict]:
    """Input streams, output streams (name to payload shape), plain inputs and outputs."""
    sources: dict[str, Any] = {}
    sinks: dict[str, Any] = {}
    plain_in: dict[str, Any] = {}
    plain_out: dict[str, Any] = {}

    def visit(signature: wiring.Signature, prefix: str) -> None:
        # Seen through In(), the members of a signature are flipped already.
        for key, member in signature.members.items():
            for index in itertools.product(*map(range, member.dimensions)):
                name = "__".join([prefix + key, *map(str, index)])
                inward = member.flow == wiring.In
                if member.is_port:
                    (plain_in if inward else plain_out)[name] = member.shape
                    continue
                inner = member.signature
                plain = inner.flip() if isinstance(inner, wiring.FlippedSignature) else inner
                if isinstance(plain, stream.Signature):
                    (sources if inward else sinks)[name] = plain.members["payload"].shape
                else:
                    visit(inner, f"{name}__")

    visit(component.signature, "")
    return sources, sinks, plain_in, plain_out


def simulate_component(
    component: wiring.Component,
    name: str,
    inputs: Mapping[str, Any],
    *,
    expect: Mapping[str, int] | None = None,
    constants: Mapping[str, int] | None = None,
    pulses: Mapping[str, int] | None = None,
    stall: str = "none",
    seed: int = 0,
    idle_cycles: int = 64,
    timeout_cycles: int = 200_000,
    testbench: str = TESTBENCH,
    waves: Path | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> StreamResult:
    """Build (or find) a component's simulator, feed its streams, and collect what comes out.

    Parameters
    ----------
    inputs : mapping
        Input stream to its beats, as `sim.codec.encode` takes them; a stream left out stays empty.
    expect : mapping
        Output stream to beats; fewer or more is an error. A stream left out may give any number.
    constants, pulses : mapping
        Plain input to value: held from before reset, or set in the first cycle after reset only.
    stall : str
        Which side pauses at random: none, source, sink or random (both).
    idle_cycles : int
        The run ends when all inputs are taken, all expected beats are there, and this many cycles
        passed without any beat: more than the component's longest silence.
    timeout_cycles : int
        The run fails after this many cycles.

    Raises
    ------
    SimulationError
        The protocol was broken, beats are missing or surplus, or the run timed out.
    ValueError
        Unknown stream, port or stall; or numbers that do not fit.
    """
    sources, sinks, plain_in, plain_out = _members(component)
    if stall not in STALLS:
        raise ValueError(f"stall={stall!r}: unknown; use one of {', '.join(STALLS)}")
    for given, known, what in (
        (inputs, sources, "input stream"), (expect or {}, sinks, "output stream"),
        (constants or {}, plain_in, "plain input"), (pulses or {}, plain_in, "plain input"),
    ):  # fmt: skip
        for key in given:
            if key not in known:
                raise ValueError(f"{name}: no {what} {key!r}; it has {', '.join(known) or 'none'}")
    beats = {key: encode(f"{name}.{key}", sources[key], value) for key, value in inputs.items()}
    text = verilog(component, name)
    simulator = build_simulator({f"{name}.v": text}, name, trace=waves is not None, report=report)
    ports = set(simulator.ports)
    masked = {
        kind: {k: v & ((1 << Shape.cast(plain_in[k]).width) - 1) for k, v in (given or {}).items()}
        for kind, given in (("constants", constants), ("pulses", pulses))
    }
    run = run_testbench(
        simulator,
        testbench,
        parameters={
            "clock": simulator.clock is not None,
            "sources": {k: [f"{b:x}" for b in beats.get(k, [])] for k in sources},
            "sinks": {key: (expect or {}).get(key) for key in sinks},
            **masked,
            "probes": [key for key in plain_out if key in ports],
            "stall": stall, "seed": seed,
            "idle_cycles": idle_cycles, "timeout_cycles": timeout_cycles,
        },
        seed=seed,
        waves=waves,
    )  # fmt: skip
    got = run.values
    return StreamResult(
        {k: decode(sinks[k], [int(b, 16) for b in got["sinks"][k]["beats"]]) for k in sinks},
        {key: np.array(got["sinks"][key]["cycles"], dtype=np.int64) for key in sinks},
        {key: np.array(got["sources"][key], dtype=np.int64) for key in sources},
        {key: _signed(value, plain_out[key]) for key, value in got["probes"].items()},
        got["cycles"],
    )


def _signed(value: int, shape: Any) -> int:
    cast = Shape.cast(shape)
    return value - (1 << cast.width) if cast.signed and value >> (cast.width - 1) else value
