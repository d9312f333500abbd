"""From a packed block to a program: operations, on-chip allocation, waits, external memory."""

from sw.compiler.schedule.block import schedule_block
from sw.compiler.schedule.program import Program, ScheduleError

__all__ = ["Program", "ScheduleError", "schedule_block"]
