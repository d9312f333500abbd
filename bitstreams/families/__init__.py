"""Families of devices: the flow is one, what differs stands here."""

from bitstreams.families.ecp5 import ECP5
from bitstreams.families.family import CHAIN, Carry, Family
from bitstreams.families.gowin import GW5A

__all__ = ["CHAIN", "ECP5", "GW5A", "Carry", "Family"]
