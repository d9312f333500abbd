"""A program that moves words through x memory: its result and its traffic are known by heart."""

from __future__ import annotations

import numpy as np

from hw.spec import Configuration
from hw.spec.commands import FETCH_AHEAD_BEATS, Opcode, Source, Target, encode

PROGRAM, SOURCE, DESTINATION = 0, 1 << 12, 1 << 14


def copy_program(c: Configuration, words: int, burst: int, source: int = SOURCE) -> np.ndarray:
    """LOADs of `burst` words each from `source`, one STORE of all to DESTINATION, END: beats."""
    commands, beats = [], c.lane_beats
    for word in range(0, words, burst):
        commands.append(
            encode(
                Opcode.LOAD,
                tag=len(commands),
                target=Target.X,
                address=source + word * beats,
                word=word,
                words=burst,
            )
        )
    commands.append(
        encode(
            Opcode.STORE,
            tag=len(commands),
            after_load=len(commands),
            source=Source.X,
            address=DESTINATION,
            word=0,
            words=words,
        )
    )
    commands.append(encode(Opcode.END, tag=len(commands), after_store=1))
    text = b"".join(command.to_bytes(64, "little") for command in commands)
    program = np.frombuffer(text, np.uint64).reshape(-1, 2)
    return np.concatenate([program, np.zeros((FETCH_AHEAD_BEATS, 2), np.uint64)])


def contents(beats: int, seed: int) -> np.ndarray:
    """Random beats to copy."""
    return np.random.default_rng(seed).integers(0, 1 << 64, (beats, 2), dtype=np.uint64)
