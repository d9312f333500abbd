"""CIFAR ResNets (He et al. 2016, section 4.2) as teachers for distillation.

Three stages of 16, 32 and 64 channels with n basic blocks each (depth 6n + 2) and parameter-free
shortcuts: stride-2 subsampling with zero-padded channels.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from sw.data.normalise import normalise
from sw.model.errors import CheckpointError


class BasicBlock(nn.Module):
    """``relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))`` on (N, C, H, W)."""

    def __init__(self, channels_in: int, channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.padding = (channels - channels_in) // 2

    def forward(self, x):
        """X (N, C, H, W) to (N, C', H / stride, W / stride)."""
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.stride != 1:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.padding, self.padding))
        return F.relu(y + x)


class CifarResNet(nn.Module):
    """ResNet for 32 x 32 pictures; input uint8 (N, H, W, 3), output logits (N, classes)."""

    def __init__(self, blocks: int, classes: int = 10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(16, 16, blocks, 1)
        self.layer2 = self._stage(16, 32, blocks, 2)
        self.layer3 = self._stage(32, 64, blocks, 2)
        self.linear = nn.Linear(64, classes)

    @staticmethod
    def _stage(channels_in, channels, blocks, stride):
        first = BasicBlock(channels_in, channels, stride)
        return nn.Sequential(first, *(BasicBlock(channels, channels, 1) for _ in range(blocks - 1)))

    def forward(self, pixels):
        """Pixels 0..255 (N, H, W, 3) to logits (N, classes)."""
        x = normalise(pixels).permute(0, 3, 1, 2)
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


def load_teacher(path: str | Path) -> CifarResNet:
    """Load a ResNet from an ``.npz`` of fp32 arrays named as in its state dict; eval mode.

    Raises
    ------
    CheckpointError
        If the file is no such archive, or a key is missing, unexpected or of the wrong shape.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            state = {name: torch.from_numpy(archive[name]) for name in archive.files}
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise CheckpointError(f"{path}: not an .npz teacher ({type(error).__name__})") from error
    blocks = len({name.split(".")[1] for name in state if name.startswith("layer1.")})
    if not blocks or "linear.weight" not in state:
        raise CheckpointError(f"{path}: not a CIFAR ResNet; it lacks layer1.* or linear.weight")
    model = CifarResNet(blocks, len(state["linear.weight"]))
    state = {name: value for name, value in state.items() if "num_batches" not in name}
    try:
        missing, unexpected = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: {str(error).splitlines()[-1].strip()}") from error
    missing = [name for name in missing if "num_batches" not in name]
    if missing or unexpected:
        raise CheckpointError(f"{path}: missing {missing[:3]}, unexpected {unexpected[:3]}")
    return model.eval()


@torch.no_grad()
def logits_of(teacher: nn.Module, images: np.ndarray, batch: int = 250) -> torch.Tensor:
    """Logits (N, classes) of uint8 pictures (N, H, W, 3), in batches, on the processor."""
    device = next(teacher.parameters()).device
    parts = torch.from_numpy(images).split(batch)
    return torch.cat([teacher(part.to(device).float()).float().cpu() for part in parts])
