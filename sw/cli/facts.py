"""What ``inspect`` tells of a model and of its program, as plain dictionaries."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from hw.spec import contract_digest
from hw.spec.numerics import EXP
from sw.compiler.packed import PackedNetwork

if TYPE_CHECKING:
    from sw.compiler.schedule import NetworkProgram
    from sw.cycles.model import Prediction


def model_facts(packed: PackedNetwork) -> dict:
    """Sizes, classes, bits by kind, and fraction bits of every value tensor."""
    m = packed.model
    return {
        "contract": contract_digest(),
        "sizes": asdict(m)
        | {
            "tokens": [m.tokens(i + 1) for i in range(m.stages)],
            "keys": [m.keys(i + 1) for i in range(m.stages)],
        },
        "preprocessing": asdict(packed.preprocessing),
        "classes": list(packed.classes),
        "scalars": packed.scalars,
        "bits": _bits(packed),
        "fractions": packed.fractions,
        "saturation": packed.saturation,
    }


def _bits(packed: PackedNetwork) -> dict[str, int]:
    """Bits of the model by kind, without padding; constants of a whole layer count nothing."""
    layers = packed.layers.values()
    arrays = [a for layer in layers for a in layer.parameters.values()]
    arrays += [a for branch in packed.branches.values() for a in branch.parameters.values()]

    def stored(member: str) -> int:
        return sum(8 * a.nbytes for layer in layers if (a := getattr(layer, member)) is not None)

    return {
        "binary weights": sum(r.inputs * r.outputs for r in layers if r.weight is not None),
        "per-channel parameters": sum(8 * a.nbytes for a in arrays),
        "integer matrices": stored("matrix"),
        "positions": stored("position"),
        "classifier bias": stored("bias"),
        "exponential tables": sum(
            EXP.bits * packed.block(i + 1, 0).exp.size for i in range(packed.model.stages)
        ),
    }


def program_facts(program: NetworkProgram) -> dict:
    """Commands by opcode, their bounds, on-chip memories and the map of external memory."""
    c = program.configuration
    least, work = Counter(), Counter()
    for operation in program.operations:
        work[operation.opcode.name] += 1
        least[operation.opcode.name] += program.bound(operation)
    kbit = c.memory_kbit()
    return {
        "configuration": c.describe(),
        "digest": c.digest,
        "commands": {
            name: {"count": count, "bound_cycles": least[name]} for name, count in work.items()
        },
        "bound_cycles": least.total(),
        "memories": {
            name: {"used": used, "words": size, "kbit": kbit.get(name)}
            for name, (used, size) in program.usage.items()
        },
        "memory_beats": len(program.memory),
        "regions": _regions(program),
    }


def cycle_facts(program: NetworkProgram, memory: str) -> dict:
    """What the cycle model says of a picture with a memory: busy units, the port by kind."""
    from sw.cycles.model import predict

    run = predict(program.words, program.configuration, memory, program.start)
    return {
        "memory": memory,
        "cycles": run.cycles,
        "counters": run.counters,
        "port": _port(program, run),
    }


def _port(program: NetworkProgram, run: Prediction) -> dict[str, dict[str, int]]:
    """Kind of traffic to its beats, and to the cycles in which the memory port was its own."""
    from sw.cycles.traffic import Traffic

    traffic, beats, held = Traffic(program), Counter(), Counter()
    for i, cycles in run.held.items():
        kind = traffic.kind(program.operations[i])
        beats[kind] += traffic.beats(program.operations[i])
        held[kind] += cycles
    beats["program"], held["program"] = run.counters["program_beats"], run.program_held
    return {kind: {"beats": beats[kind], "cycles": held[kind]} for kind in held}


def batch_facts(
    program: NetworkProgram, packed: PackedNetwork, memory: str, batches: list[int]
) -> list[dict]:
    """Predicted cycles a picture in batches.

    As scheduled (None where the configuration cannot hold so many), and if the last stages' weights
    were fetched once a batch.
    """
    from sw.compiler.schedule import ScheduleError, network_program
    from sw.cycles.batch import batched, shares
    from sw.cycles.model import predict

    c, facts = program.configuration, []
    for pictures in batches:
        entry = {"pictures": pictures, "scheduled": None}
        with suppress(ScheduleError):
            several = network_program(packed, c, pictures)
            run = predict(several.words, c, memory, several.start)
            entry["scheduled"] = {"cycles": round(run.cycles / pictures)}
        for name, carried in (("x on chip", False), ("x carried", True)):
            parts = shares(program, packed.model, pictures, carried)
            run = predict(batched(program, parts), c, memory, program.start)
            entry[name] = {"cycles": run.cycles, "parts": parts}
        facts.append(entry)
    return facts


def _regions(program: NetworkProgram) -> dict[str, dict]:
    """What lies in external memory: beats, and the first beat of what the host has to know."""
    first = {
        "program": program.start,
        "picture": program.picture_address,
        "result": program.result_address,
    }
    return {
        name: {"first_beat": first.get(name), "beats": beats}
        for name, beats in program.regions.items()
    }
