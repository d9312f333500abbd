"""Binary vision transformers in floating point: model, checkpoints, teachers."""

from sw.model.binaryvit import BinaryViT
from sw.model.checkpoint import exact_zeros, from_checkpoint, save_checkpoint, saved_config
from sw.model.config import BINARY_DEIT_S, BINARYVIT, ModelConfig
from sw.model.errors import CheckpointError, ConfigError, ModelError
from sw.model.random_model import random_binaryvit

__all__ = [
    "BINARYVIT",
    "BINARY_DEIT_S",
    "BinaryViT",
    "CheckpointError",
    "ConfigError",
    "ModelConfig",
    "ModelError",
    "exact_zeros",
    "from_checkpoint",
    "random_binaryvit",
    "save_checkpoint",
    "saved_config",
]
