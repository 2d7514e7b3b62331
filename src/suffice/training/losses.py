"""What training minimises: cross-entropy and Dice, at several resolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

SMOOTH = 1e-5


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
    targets : tensor of shape (N, K, *spatial)
        Class fractions that sum to 1.
    """
    log_p = F.log_softmax(logits.float(), dim=1)
    cross_entropy = -(targets * log_p).sum(1).mean()
    dice = soft_dice(log_p.exp(), targets).mean()
    return cross_entropy + 1 - dice, dice.detach()


def deep_loss(logits: Sequence[Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted loss over resolutions, each half the weight of the finer one, and the finest Dice.

    Targets of a coarser head are averages over its voxels (Lee 2015, arXiv 1409.5185).
    """
    total, dice = dice_and_cross_entropy(logits[0], targets)
    weights = 1.0
    for level, coarse in enumerate(logits[1:], start=1):
        pool: Any = F.adaptive_avg_pool2d if coarse.ndim == 4 else F.adaptive_avg_pool3d
        loss, _ = dice_and_cross_entropy(coarse, pool(targets, tuple(coarse.shape[2:])))
        total = total + loss * 0.5**level
        weights += 0.5**level
    return total / weights, dice
