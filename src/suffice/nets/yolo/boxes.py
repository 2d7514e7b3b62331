"""Boxes ``(left, top, right, bottom)`` in pixels and how far they agree."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_TINY = 1e-7


def area(boxes: Tensor) -> Tensor:
    """Area of boxes of shape ``(..., 4)``; 0 where a side is negative."""
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp_min(0)
    return sides[..., 0] * sides[..., 1]


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of each box of ``(N, 4)`` with each of ``(M, 4)``.

    Examples
    --------
    >>> a, b = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 3, 2]])
    >>> pairwise_iou(a, b).round(decimals=3)
    tensor([[0.3330]])
    """
    return iou(a[:, None], b[None])


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of boxes of shape ``(..., 4)``, pair by pair."""
    common = torch.cat(
        [torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])], dim=-1
    )
    shared = area(common)
    return shared / (area(a) + area(b) - shared + _TINY)


def complete_iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU less what centres lie apart and sides differ in ratio (Zheng 2020, arXiv 1911.08287)."""
    plain = iou(a, b)
    low, high = torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])
    diagonal = ((high - low) ** 2).sum(-1) + _TINY
    apart = ((a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) ** 2).sum(-1) / 4
    ratio = 4 / math.pi**2 * (_slope(b) - _slope(a)) ** 2
    with torch.no_grad():
        weight = ratio / (1 - plain + ratio + _TINY)
    return plain - apart / diagonal - weight * ratio


def _slope(boxes: Tensor) -> Tensor:
    sides = boxes[..., 2:] - boxes[..., :2]
    return torch.atan(sides[..., 0] / (sides[..., 1] + _TINY))
