"""The boards: a line each."""

from __future__ import annotations

from amaranth_boards.ulx3s import ULX3S_25F_Platform, ULX3S_45F_Platform, ULX3S_85F_Platform

from bitstreams.boards.board import Board, BoardError, OnChip, Sdram
from bitstreams.boards.tang_mega import TangMega, TangMega138kPro
from bitstreams.boards.ulx3s import Ulx3s
from bitstreams.device import ECP5_25F, ECP5_45F, ECP5_85F, GW5AST_138
from hw.memory.sdram import SLOW_16X16M
from hw.spec.configuration import CONFIGURATIONS
from hw.spec.link import DEFAULT_BAUD

SDRAM = Sdram(SLOW_16X16M, 2)
SHIPPED, PAPER = "cifar10", "random:binaryvit"

# fmt: off
BOARDS = {
    board.name: board
    for board in (
        Board("ulx3s-85f", ECP5_85F, ULX3S_85F_Platform, Ulx3s, CONFIGURATIONS["7x4x64-l8"],
              40_000_000, DEFAULT_BAUD, SDRAM, "ulx3s", (SHIPPED, PAPER), seeds=(1, 2, 3),
              planned=True),
        Board("ulx3s-45f", ECP5_45F, ULX3S_45F_Platform, Ulx3s, CONFIGURATIONS["2x2x64-l8"],
              37_500_000, DEFAULT_BAUD, SDRAM, "ulx3s", (SHIPPED, PAPER), seeds=(3, 1),
              planned=True),
        Board("ulx3s-25f", ECP5_25F, ULX3S_25F_Platform, Ulx3s, CONFIGURATIONS["2x2x64-l8"],
              37_500_000, DEFAULT_BAUD, SDRAM, "ulx3s", (SHIPPED, PAPER), seeds=(2,)),
        Board("tang-mega-138k", GW5AST_138, TangMega138kPro, TangMega,
              CONFIGURATIONS["8x4x64-l8-on-chip"], 25_000_000, 1_000_000, OnChip(27_648),
              "tangmega138k", (SHIPPED,), planned=True),
    )
}
# fmt: on
"""Name to board: device, platform, top, configuration, clock, baud, memory, loader, models,
seeds."""
DEFAULT_BOARD = "ulx3s-85f"


def find_board(name: str) -> Board:
    """The board called `name`.

    Raises
    ------
    BoardError
        For an unknown name; lists the known ones.
    """
    if name not in BOARDS:
        raise BoardError(f"board {name!r}: unknown; choose one of {', '.join(BOARDS)}")
    return BOARDS[name]


__all__ = ["BOARDS", "DEFAULT_BOARD", "Board", "BoardError", "OnChip", "Sdram", "find_board"]
