"""Binary vision transformers in floating point: model, checkpoints, teachers."""

from sw.model.binaryvit import BinaryViT
from sw.model.config import BINARY_DEIT_S, BINARYVIT, ModelConfig
from sw.model.errors import CheckpointError, ConfigError, ModelError

__all__ = [
    "BINARYVIT",
    "BINARY_DEIT_S",
    "BinaryViT",
    "CheckpointError",
    "ConfigError",
    "ModelConfig",
    "ModelError",
]
