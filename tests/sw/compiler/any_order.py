"""Runs a program in a random order that engines and waits allow."""

from __future__ import annotations

import random

from hw.spec.commands import ENGINE_OF, Engine, Opcode, decode
from sw.golden.machine import Machine

WAITS = sum(((1 << 16) - 1) << (16 + 16 * engine) for engine in Engine)
"""The ``after_*`` bits of a command."""


def run_in_any_order(machine: Machine, words: list[int], seed: int) -> None:
    """Executes the commands up to END; `seed` prefers some engines, which then run far ahead."""
    rng = random.Random(seed)
    engines = rng.sample(list(Engine), len(Engine))
    queues: dict[Engine, list] = {engine: [] for engine in Engine}
    for word in words[:-1]:
        opcode, fields = decode(word)
        assert opcode is not Opcode.END
        waits = [fields[f"after_{engine.name.lower()}"] for engine in Engine]
        queues[ENGINE_OF[opcode]].append((word, waits))
    done = [0] * len(Engine)
    while any(done[e] < len(queues[e]) for e in Engine):
        ready = [
            e
            for e in engines
            if done[e] < len(queues[e])
            and all(d >= w for d, w in zip(done, queues[e][done[e]][1], strict=True))
        ]
        assert ready, "deadlock"
        engine = ready[0] if rng.random() < 0.9 else rng.choice(ready)
        machine.run([queues[engine][done[engine]][0]])
        done[engine] += 1
