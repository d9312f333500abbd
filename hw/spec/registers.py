"""Host registers: 32-bit words behind a simple address/data bus."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Register:
    """One 32-bit register at a word address."""

    name: str
    address: int
    writable: bool
    meaning: str


_NAMES = (
    ("identity", False, "0x42564954, the letters BVIT"),
    ("contract", False, "first 32 bits of the contract digest"),
    ("geometry", False, "rows | columns << 8 | lanes << 16 | pool_lanes << 24"),
    ("configuration", False, "first 32 bits of the configuration's digest"),
    ("program", True, "first beat of the program in external memory; a write starts it"),
    ("status", False, "bit 0: busy; bit 1: done since the last start"),
    ("cycles", False, "clock cycles from start to done"),
    ("load_beats", False, "port beats read by LOAD since start"),
    ("store_beats", False, "port beats written by STORE since start"),
    ("program_beats", False, "port beats read by command fetch since start"),
    ("array_busy", False, "cycles in which the array took an operand word"),
    ("lanes_busy", False, "cycles in which the lanes took a beat"),
    ("attention_busy", False, "cycles in which the attention unit compared or summed"),
    ("pool_busy", False, "cycles in which the pooling unit read x memory"),
    ("dense_busy", False, "cycles in which the dense unit multiplied"),
)

REGISTERS = {
    name: Register(name, i, writable, meaning) for i, (name, writable, meaning) in enumerate(_NAMES)
}
"""Register map by name; addresses count 32-bit words."""

IDENTITY = 0x42564954
