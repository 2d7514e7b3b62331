"""Seams that do not show: soft borders and matched intensities."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_LEAST_SPREAD = 1e-3


def feathered(mask: Tensor, width: int, *, outwards: bool = False) -> Tensor:
    """Fade a mask out at its border.

    Parameters
    ----------
    mask : tensor of shape (*spatial,)
    width : int
        Voxels over which it fades from 1 to 0; 0 leaves it as it is.
    outwards : bool
        Whether it fades beyond its border, all of it staying 1, or within it, all that is
        outside staying 0.

    Returns
    -------
    float tensor of shape (*spatial,)
    """
    weight = mask.float()
    if not width:
        return weight
    soft = weight[None, None]
    for _ in range(width):
        soft = _box_mean(soft)
    # A mean over a neighbourhood is a half at a straight border, and each side has one half.
    if outwards:
        return torch.maximum(weight, (2 * soft[0, 0]).clamp_(0, 1))
    return (2 * soft[0, 0] - 1).clamp_(0, 1) * weight


def _box_mean(values: Tensor) -> Tensor:
    ndim = values.ndim - 2
    padded = F.pad(values, (1, 1) * ndim, mode="replicate")
    return F.avg_pool2d(padded, 3, 1) if ndim == 2 else F.avg_pool3d(padded, 3, 1)


def matched(
    image: Tensor, like: Tensor, inside: Tensor, inside_like: Tensor, *, spread: bool = True
) -> Tensor:
    """Give an image the mean, and the spread, that another one has in a region.

    Parameters
    ----------
    image, like : tensor of shape (C, *spatial)
    inside, inside_like : bool tensor of shape (*spatial,)
        Where each is looked at; with fewer than two voxels nothing is changed.
    spread : bool
        Whether the standard deviation is matched as well.
    """
    if int(inside.sum()) < 2 or int(inside_like.sum()) < 2:
        return image
    mine, theirs = image[:, inside], like[:, inside_like]
    shape = (-1, *(1,) * (image.ndim - 1))
    gain = theirs.std(1) / mine.std(1).clamp_min(_LEAST_SPREAD) if spread else theirs.new_ones(())
    # Flat regions say nothing of a gain.
    gain = gain.clamp(0.5, 2.0).expand(len(image)).reshape(shape)
    return (image - mine.mean(1).reshape(shape)) * gain + theirs.mean(1).reshape(shape)
