"""What went through the memory port, by what it is."""

from __future__ import annotations

from collections import Counter

from hw.spec.commands import Opcode, Target
from sw.compiler.schedule import NetworkProgram
from sw.compiler.schedule.external import PLACES
from sw.compiler.schedule.program import Operation

BEAT_BYTES = 16
COMMAND_BEATS = 4


class Traffic:
    """Sorts a program's LOADs and STOREs.

    Parameters
    ----------
    program : NetworkProgram
    """

    def __init__(self, program: NetworkProgram) -> None:
        self._program = program
        self._c = program.configuration
        # The dense unit's parameter words are weights; the lanes' are parameters.
        self._matrices = {
            id(access.buffer)
            for operation in program.operations
            if operation.opcode is Opcode.DENSE
            for access in operation.accesses
        }

    def kind(self, operation: Operation) -> str:
        """Which of PLACES a LOAD reads or a STORE writes."""
        if any(access.buffer.memory == "spill" for access in operation.accesses):
            return "spills"
        if operation.opcode is Opcode.STORE:
            return "result"
        target = Target(operation.fields["target"])
        if target is Target.COLUMN:
            return "weights"
        if target is Target.X:
            beat = operation.fields["address"] - self._program.picture_address
            pictures = self._program.batch * self._program.picture_beats
            return "picture" if 0 <= beat < pictures else "positions"
        matrix = any(id(access.buffer) in self._matrices for access in operation.accesses)
        return "weights" if matrix else "parameters"

    def beats(self, operation: Operation) -> int:
        """Beats that it moves; 0 for what does not use the port."""
        if operation.opcode is Opcode.STORE:
            return operation.fields["words"] * self._c.lane_beats
        if operation.opcode is not Opcode.LOAD:
            return 0
        a_word = {Target.COLUMN: self._c.column_beats, Target.EXP: 1}
        target = Target(operation.fields["target"])
        return operation.fields["words"] * a_word.get(target, self._c.lane_beats)

    def by_kind(self, opcode: Opcode) -> Counter[str]:
        """Bytes of all LOADs or all STOREs."""
        total: Counter[str] = Counter()
        for operation in self._program.operations:
            if operation.opcode is opcode:
                total[self.kind(operation)] += BEAT_BYTES * self.beats(operation)
        return total

    def table(self, program_beats: int) -> dict[str, dict[str, int]]:
        """Kind to bytes read, bytes written, and the least: everything once, nothing spilled.

        Parameters
        ----------
        program_beats : int
            What command fetch read, by its counter.
        """
        read, written = self.by_kind(Opcode.LOAD), self.by_kind(Opcode.STORE)
        read["program"] = BEAT_BYTES * program_beats
        least = {kind: BEAT_BYTES * beats for kind, beats in self._program.regions.items()}
        least |= {
            "spills": 0,
            "program": BEAT_BYTES * COMMAND_BEATS * len(self._program.words),
        }
        return {
            kind: {"read": read[kind], "written": written[kind], "least": least.get(kind, 0)}
            for kind in PLACES
        }
