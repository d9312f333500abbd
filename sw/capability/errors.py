"""What the analysis refuses."""


class CapabilityError(ValueError):
    """An accumulator that could leave its format: layer, interval, format, remedy."""
