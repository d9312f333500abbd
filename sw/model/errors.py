"""Errors of the model package; every message is one line."""


class ModelError(ValueError):
    """Base of the errors of :mod:`sw.model`."""


class ConfigError(ModelError):
    """A model configuration that breaks a rule; names the field, its value and the rule."""


class CheckpointError(ModelError):
    """A file that cannot be read as a checkpoint of the model."""
