"""Errors of the compiler and of packed images: one line each, naming what and the remedy."""


class CompileError(ValueError):
    """A model that cannot be compiled."""


class PackedImageError(ValueError):
    """A packed image that cannot be read; the subclasses say why."""


class TruncatedImage(PackedImageError):
    """Not a whole safetensors file."""


class WrongVersion(PackedImageError):
    """Another version of the layout."""


class WrongContract(PackedImageError):
    """Packed against another contract of formats and fields."""


class DamagedImage(PackedImageError):
    """Contents that are not the ones that were written."""


class MissingTensor(PackedImageError):
    """A tensor or metadata entry that must be there is not."""


class InvalidTensor(PackedImageError):
    """A tensor or metadata entry of the wrong shape, type or value."""
