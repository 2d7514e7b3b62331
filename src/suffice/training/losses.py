"""What training minimises: cross-entropy and Dice, at several resolutions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

SMOOTH = 1e-5
Loss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def soft_dice(probabilities: Tensor, targets: Tensor) -> Tensor:
    """Soft Dice of each foreground class, pooled over the batch, shape ``(K - 1,)``.

    Pooling keeps a class that is absent from one patch from asking for nothing there
    (Milletari 2016, doi 10.1109/3DV.2016.79, with the batch form of nnU-Net).
    """
    axes = (0, *range(2, probabilities.ndim))
    p, t = probabilities[:, 1:], targets[:, 1:]
    overlap = 2 * (p * t).sum(axes)
    total = p.sum(axes) + t.sum(axes)
    return (overlap + SMOOTH) / (total + SMOOTH)


def dice_and_cross_entropy(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Loss and mean foreground Dice of one resolution.

    Parameters
    ----------
    logits : tensor of shape (N, K, *spatial)
    targets : tensor of shape (N, K, *spatial) or (N, K + 1, *spatial)
        Class fractions that sum to 1. One more than the network has is the share of a voxel that
        nobody labelled, which has no part in the loss (partial cross-entropy, Tang 2018, arXiv
        1804.01346).
    """
    n_classes = logits.shape[1]
    if targets.shape[1] > n_classes:
        known = 1 - targets[:, n_classes:]
        return weighted_loss(logits, targets[:, :n_classes] / known.clamp_min(SMOOTH), known)
    log_p = F.log_softmax(logits.float(), dim=1)
    cross_entropy = -(targets * log_p).sum(1).mean()
    dice = soft_dice(log_p.exp(), targets).mean()
    return cross_entropy + 1 - dice, dice.detach()


def weighted_loss(logits: Tensor, targets: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Loss and mean foreground Dice where voxels count by a weight.

    Parameters
    ----------
    logits, targets : tensor of shape (N, K, *spatial)
    weight : tensor of shape (N, 1, *spatial)
        0 to 1; where it is 0 everywhere, the loss is 0.
    """
    log_p = F.log_softmax(logits.float(), dim=1)
    each = -(targets * log_p).sum(1, keepdim=True)
    total = weight.sum()
    cross_entropy = (weight * each).sum() / total.clamp_min(1)
    dice = soft_dice(weight * log_p.exp(), weight * targets).mean()
    some = (total > 0).to(dice.dtype)
    return some * (cross_entropy + 1 - dice), dice.detach()


def sure_loss(
    logits: Tensor, taught: Tensor, *, least: float, where: Tensor | None = None
) -> Tensor:
    """Loss against a teacher's classes where it is sure of them.

    Parameters
    ----------
    logits, taught : tensor of shape (N, K, *spatial)
        Of the student, and probabilities by the teacher.
    least : float
        Least probability of the teacher's class that counts.
    where : bool tensor of shape (N, 1, *spatial), optional
        Voxels that may count; by default all.
    """
    sure, classes = taught.max(dim=1, keepdim=True)
    counts = sure >= least
    counts = counts if where is None else counts & where
    aim = torch.zeros_like(taught).scatter_(1, classes, 1.0)
    return weighted_loss(logits, aim, counts.to(aim.dtype))[0]


def deep_loss(
    logits: Sequence[Tensor], targets: Tensor, each: Loss = dice_and_cross_entropy
) -> tuple[Tensor, Tensor]:
    """Weighted loss over resolutions, each half the weight of the finer one, and the finest Dice.

    Targets of a coarser head are averages over its voxels (Lee 2015, arXiv 1409.5185).
    """
    total, dice = each(logits[0], targets)
    weights = 1.0
    for level, coarse in enumerate(logits[1:], start=1):
        pool: Any = F.adaptive_avg_pool2d if coarse.ndim == 4 else F.adaptive_avg_pool3d
        loss, _ = each(coarse, pool(targets, tuple(coarse.shape[2:])))
        total = total + loss * 0.5**level
        weights += 0.5**level
    return total / weights, dice
