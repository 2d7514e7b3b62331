"""Smooth fields from few control points, as products of one small matrix for each axis."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def basis(n: int, n_points: int, *, cubic: bool = False) -> Tensor:
    """Weights of ``n_points`` control points, the outermost at the outermost voxels.

    Returns
    -------
    tensor of shape (n, n_points)
        Rows sum to 1.
    """
    points = torch.eye(n_points)[None, None]
    mode = "bicubic" if cubic else "bilinear"
    return F.interpolate(points, (n, n_points), mode=mode, align_corners=True)[0, 0]


def smooth_field(points: Tensor, size: tuple[int, ...], device: torch.device) -> Tensor:
    """Interpolate control points ``(n, ...)`` linearly to ``size``."""
    field = points.to(device)
    for axis, n in enumerate(size):
        # The axis that is done goes last, so that after all of them the order is the old one.
        weights = basis(n, points.shape[axis]).to(field)
        field = torch.tensordot(field, weights, dims=([0], [1]))
    return field
