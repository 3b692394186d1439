"""What objectives on the logits of two classifiers share: their checks, rows with a known label, divergences by row."""

import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps


def paired_logits(name: str, student: Taps, teacher: Taps | None) -> tuple[Tensor, Tensor]:
    """Return the logits of both networks, the teacher's without gradient, at least in fp32.

    Args:
        name: of the objective, for the message.
        student: taps of the student.
        teacher: taps of the teacher.

    Raises:
        ConfigError: the two classifiers have different numbers of classes.
    """
    assert teacher is not None, f"{name} needs a teacher"
    assert student.logits is not None, f"{name} needs a student with a classifier"
    assert teacher.logits is not None, f"{name} needs a teacher with a classifier"
    if student.logits.shape != teacher.logits.shape:
        raise ConfigError(
            f"{name} compares {student.logits.shape[1]} student classes with {teacher.logits.shape[1]} teacher classes",
            "classifiers over the same identities",
            "Train both on the same source, or use relation instead, which needs no classes.",
        )
    return at_least_float32(student.logits), at_least_float32(teacher.logits.detach())


def labelled_logits(name: str, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> tuple[Tensor, Tensor, Tensor]:
    """Return student logits, teacher logits and labels of the images whose label is known.

    Args:
        name: of the objective, for the message.
        student: taps of the student.
        teacher: taps of the teacher.
        batch: the batch; images with label -1 are left out.

    Raises:
        ConfigError: the two classifiers have different numbers of classes.
    """
    ours, theirs = paired_logits(name, student, teacher)
    assert batch.labels is not None, f"{name} needs labels"
    known = batch.labels >= 0
    return ours[known], theirs[known], batch.labels[known]


def mean_over_images(rows: Tensor) -> Tensor:
    """Return the mean of one value an image, and 0 with a working backward where there is no image.

    Args:
        rows: (B,).
    """
    return rows.sum() / max(len(rows), 1)


def divergences(student: Tensor, teacher: Tensor) -> Tensor:
    """Return ``KL(softmax(teacher) || softmax(student))`` of each row.

    Args:
        student: (B, C) logits, already divided by their temperature.
        teacher: (B, C) logits, already divided by theirs.

    Returns:
        (B,), each >= 0.
    """
    ours, theirs = F.log_softmax(student, dim=1), F.log_softmax(teacher, dim=1)
    return (theirs.exp() * (theirs - ours)).sum(1)


def without_label(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the logits of all classes but each image's own.

    Args:
        logits: (B, C), C >= 2.
        labels: (B,) int64 in 0..C-1.

    Returns:
        (B, C - 1), in the order of the classes.
    """
    others = F.one_hot(labels, logits.shape[1]) == 0
    return logits[others].reshape(len(logits), logits.shape[1] - 1)
