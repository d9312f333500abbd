"""Cycles of a program, predicted: the accelerator's units as events, no value touched."""
