"""The error types of training; every message is one line."""


class TrainError(ValueError):
    """Training cannot start or go on: a wrong option or a wrong file."""


class NotFiniteError(ArithmeticError):
    """The loss became NaN or infinite; the last state on disk is from before."""
