"""The link's CRC-32, a byte a cycle."""

from __future__ import annotations

from amaranth.lib import crc

from hw.spec.link import CRC32


def crc32() -> crc.Processor:
    """Amaranth's generator of the CRC that :data:`hw.spec.link.CRC32` declares."""
    return crc.Algorithm(
        crc_width=32,
        polynomial=CRC32.polynomial,
        initial_crc=CRC32.initial,
        reflect_input=True,
        reflect_output=True,
        xor_output=CRC32.final_xor,
    )(data_width=8).create()
