"""Gateware of the BinaryViT accelerator, in Amaranth."""
