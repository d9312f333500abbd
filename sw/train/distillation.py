"""Distillation: soft cross-entropy to a teacher's logits.

Usually they are computed once and kept in a file: the teacher sees every training picture and its
mirror image; a shifted crop is distilled to the logits of the unshifted picture, a box from another
picture to those of both, so that the teacher costs one pass instead of one an epoch.  A consistent
one (:class:`ConsistentTeacher`) looks at every augmented picture anew.
"""

import hashlib
import io
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from sw.atomic import write_atomically
from sw.data import Dataset
from sw.model.teacher import CifarResNet, load_teacher, logits_of
from sw.train.errors import TrainError
from sw.train.place import Place


def teacher_logits(
    teacher: Path, data: Dataset, folder: Path, say=print, device: torch.device | None = None
) -> torch.Tensor:
    """Logits (2, N, classes) of the pictures and of their mirror images, on the processor.

    Kept in ``folder`` under a name made from the teacher's file and the pictures, and read from
    there the next time.

    Raises
    ------
    CheckpointError
        If ``teacher`` is no readable ResNet.
    TrainError
        If its outputs do not match: another number of classes than the data, or no numbers.
    """
    model = _load(teacher, data)
    digest = hashlib.sha256(teacher.read_bytes())
    digest.update(np.ascontiguousarray(data.images).data)
    kept = folder / f"teacher_{digest.hexdigest()[:16]}.npy"
    if kept.is_file() and (read := _read(kept, data)) is not None:
        return read
    say(f"teacher: computing logits of {2 * len(data)} pictures")
    device = device or torch.device("cpu")
    model = model.to(device, memory_format=torch.channels_last)
    mirrored = np.ascontiguousarray(data.images[:, :, ::-1])
    with torch.autocast(device.type, torch.bfloat16):
        logits = torch.stack([logits_of(model, data.images), logits_of(model, mirrored)]).half()
    _check_finite(teacher, logits)
    content = io.BytesIO()
    np.save(content, logits.numpy())
    write_atomically(kept, content.getvalue())
    return logits.float()


class ConsistentTeacher:
    """Logits of the very pictures that the model sees (Beyer et al. 2022, "A good teacher is
    patient and consistent"): shifted, mirrored, with a box from another one.

    Costs a pass of the teacher a step; there is no end of different targets to learn from.

    Raises
    ------
    CheckpointError, TrainError
        As :func:`teacher_logits`.
    """

    def __init__(self, teacher: Path, data: Dataset, place: Place):
        self._place = place
        self._model = _load(teacher, data).to(place.device, memory_format=torch.channels_last)
        _check_finite(teacher, self(torch.from_numpy(data.images[:1]).to(place.device)))

    def digest(self) -> str:
        """SHA-256, shortened, of its weights."""
        return _digest(self._model.state_dict().values())

    @torch.no_grad()
    def __call__(self, pixels) -> torch.Tensor:
        """Pixels uint8 (B, H, W, 3) to logits (B, classes), where the pixels are."""
        with self._place.autocast():
            return self._model(pixels.float()).float()


def targets_of(soft: torch.Tensor | None, teacher: ConsistentTeacher | None) -> str:
    """What a run is distilled from, for its state: a digest of teacher or logits, or ``none``."""
    if teacher is not None:
        return teacher.digest()
    return "none" if soft is None else _digest([soft])


def _digest(tensors) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _load(teacher: Path, data: Dataset) -> CifarResNet:
    model = load_teacher(teacher)
    if model.linear.out_features != len(data.class_names):
        raise TrainError(
            f"{teacher}: {model.linear.out_features} classes, the data has"
            f" {len(data.class_names)}; give a teacher of the same classes"
        )
    return model


def _check_finite(teacher: Path, logits: torch.Tensor) -> None:
    if not torch.isfinite(logits).all():
        raise TrainError(f"{teacher}: gives logits that are no numbers; its weights are damaged")


def _read(kept: Path, data: Dataset) -> torch.Tensor | None:
    """Kept logits, or None if the file is damaged."""
    try:
        logits = torch.from_numpy(np.load(kept, allow_pickle=False)).float()
    except (OSError, ValueError, EOFError):
        return None
    return logits if logits.shape == (2, len(data), len(data.class_names)) else None


def loss(logits, labels, soft, hard: float, temperature: float) -> torch.Tensor:
    """``hard * CE(labels) + (1 - hard) * CE(softmax(soft / temperature))``, mean over the batch.

    logits, soft: (B, classes); ``soft`` may be None, then only the labels count.
    """
    to_labels = F.cross_entropy(logits, labels)
    if soft is None or hard == 1:
        return to_labels
    to_teacher = F.cross_entropy(logits, F.softmax(soft / temperature, -1))
    return hard * to_labels + (1 - hard) * to_teacher
