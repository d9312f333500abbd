"""The error type of training; every message is one line."""


class TrainError(ValueError):
    """Training cannot start or go on: a wrong option, a wrong file, or a loss that is no number."""
