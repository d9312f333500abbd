"""From a packed network to a program: operations, on-chip allocation, waits, external memory."""

from sw.compiler.schedule.block import schedule_block
from sw.compiler.schedule.network import network_program
from sw.compiler.schedule.network_program import NetworkProgram
from sw.compiler.schedule.program import Program, ScheduleError

__all__ = ["NetworkProgram", "Program", "ScheduleError", "network_program", "schedule_block"]
