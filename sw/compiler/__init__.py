"""The compiler: load, fold, quantise, pack (and schedule, for the accelerator's commands)."""
