"""Regions around structures: signed distances, objects and bounding boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

Mask = npt.NDArray[np.bool_]
Box = tuple[slice, ...]


def on_host(mask: Tensor) -> Mask:
    """Bring a mask to where scipy can work on it."""
    array: Mask = mask.detach().cpu().numpy()
    return array


def bounding_box(mask: Mask, margin: Sequence[int] | int = 0) -> Box:
    """Box of a mask that is not empty, grown by a margin within the array."""
    grow = [margin] * mask.ndim if isinstance(margin, int) else margin
    box = []
    for axis, more in enumerate(grow):
        hit = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        first, end = int(hit[0]) - more, int(hit[-1]) + 1 + more
        box.append(slice(max(first, 0), min(end, mask.shape[axis])))
    return tuple(box)


def depth_mm(mask: Tensor, spacing: Sequence[float]) -> float:
    """Largest distance of a voxel of a structure from what is outside; 0 without an outside."""
    inside = on_host(mask)
    if inside.all() or not inside.any():
        return 0.0
    box = bounding_box(inside, 1)
    return float(ndimage.distance_transform_edt(inside[box], sampling=spacing).max())


def carve(mask: Tensor, spacing: Sequence[float], threshold_mm: float) -> Tensor:
    """Voxels whose signed distance from a structure, negative inside, is at most a threshold.

    Only the part of the patch that it can reach is looked at.
    """
    inside = on_host(mask)
    reach = [1 + math.ceil(max(threshold_mm, 0.0) / s) for s in spacing]
    box = bounding_box(inside, reach)
    near = np.zeros_like(inside)
    if threshold_mm <= 0:
        distances = ndimage.distance_transform_edt(inside[box], sampling=spacing)
        near[box] = inside[box] & (distances >= -threshold_mm)
    else:
        near[box] = ndimage.distance_transform_edt(~inside[box], sampling=spacing) <= threshold_mm
    return torch.from_numpy(near).to(mask.device)


def objects(mask: Tensor) -> tuple[npt.NDArray[np.int32], int]:
    """Number the objects of a mask that touch by a face, an edge or a corner."""
    inside = on_host(mask)
    numbers, n = ndimage.label(inside, structure=np.ones((3,) * inside.ndim))
    return numbers.astype(np.int32), int(n)
