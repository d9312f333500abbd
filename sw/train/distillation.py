"""Distillation: soft cross-entropy to a teacher's logits, computed once and kept in a file.

The teacher sees every training picture and its mirror image once; a shifted crop is distilled to
the logits of the unshifted picture, so that the teacher costs one pass instead of one an epoch.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from sw.data import Dataset
from sw.model.teacher import load_teacher, logits_of
from sw.train.errors import TrainError


def teacher_logits(teacher: Path, data: Dataset, folder: Path, say=print) -> torch.Tensor:
    """Logits (2, N, classes) of the pictures and of their mirror images.

    Kept in ``folder`` under a name made from the teacher's file and the pictures, and read from
    there the next time.

    Raises
    ------
    CheckpointError
        If ``teacher`` is no readable ResNet.
    TrainError
        If it knows another number of classes than the data.
    """
    model = load_teacher(teacher)
    if model.linear.out_features != len(data.class_names):
        raise TrainError(
            f"{teacher}: {model.linear.out_features} classes, the data has {len(data.class_names)}"
        )
    digest = hashlib.sha256(teacher.read_bytes())
    digest.update(np.ascontiguousarray(data.images).data)
    kept = folder / f"teacher_{digest.hexdigest()[:16]}.npy"
    if kept.is_file():
        return torch.from_numpy(np.load(kept)).float()
    say(f"teacher: computing logits of {2 * len(data)} pictures")
    model = model.to(memory_format=torch.channels_last)
    mirrored = np.ascontiguousarray(data.images[:, :, ::-1])
    with torch.autocast("cpu", torch.bfloat16):
        logits = torch.stack([logits_of(model, data.images), logits_of(model, mirrored)])
    partial = kept.with_suffix(".partial.npy")
    np.save(partial, logits.half().numpy())
    partial.replace(kept)
    return logits.half().float()


def loss(logits, labels, soft, hard: float, temperature: float) -> torch.Tensor:
    """``hard * CE(labels) + (1 - hard) * CE(softmax(soft / temperature))``, mean over the batch.

    logits, soft: (B, classes); ``soft`` may be None, then only the labels count.
    """
    to_labels = F.cross_entropy(logits, labels)
    if soft is None or hard == 1:
        return to_labels
    to_teacher = F.cross_entropy(logits, F.softmax(soft / temperature, -1))
    return hard * to_labels + (1 - hard) * to_teacher
