"""Scans as nnU-Net v2 prepares them: cut to what is not zero, normalised, then resampled.

References
----------
Isensee et al. 2021, https://doi.org/10.1038/s41592-020-01008-z
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_fill_holes, find_objects, map_coordinates
from skimage.transform import resize

from suffice.training.plan import Plan

# Voxels longer than this many times their width are resampled slice by slice.
ANISOTROPY = 3
ORDER = 3
_LEAST = 1e-8

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float32]


def not_empty(array: Array) -> tuple[slice, ...]:
    """Box of the voxels of ``(C, *spatial)`` that are not zero in some channel."""
    found = find_objects((array != 0).any(0).astype(np.uint8))
    whole = tuple(slice(0, n) for n in array.shape[1:])
    return found[0] if found and found[0] is not None else whole


def normalised(array: Array, plan: Plan) -> Float:
    """Normalise each channel of ``(C, *spatial)`` by its scheme."""
    out: Float = array.astype(np.float32)
    inside: Array | None = None
    for channel, scheme, facts in zip(out, plan.normalisation, plan.intensity, strict=True):
        if scheme == "z-score-inside":
            if inside is None:
                inside = binary_fill_holes((array != 0).any(0))
            values = channel[inside]
            channel[inside] = (values - values.mean()) / max(values.std(), _LEAST)
        elif scheme == "z-score":
            mean, sd = channel.mean(), channel.std()
            channel -= mean
            channel /= max(sd, _LEAST)
        elif scheme == "cohort":
            low, high, centre, spread = facts
            np.clip(channel, low, high, out=channel)
            channel -= centre
            channel /= max(spread, _LEAST)
        elif scheme == "unit":
            channel -= channel.min()
            channel /= max(channel.max(), _LEAST)
        elif scheme == "rgb":
            channel /= 255.0
    return out


def resampled(array: Float, shape: Sequence[int], spacing: Array, target: Array) -> Float:
    """Resample ``(C, *spatial)`` by cubic splines, thick slices one by one.

    Parameters
    ----------
    array : float32 array of shape (C, *spatial)
    shape : sequence of int
        The new spatial shape.
    spacing, target : array of shape (D,)
        The old and the new spacing.
    """
    if array.shape[1:] == tuple(shape):
        return array
    thick = _thick_axis(spacing, target) if len(shape) == 3 else None
    out = np.empty((len(array), *shape), np.float32)
    for channel, new in zip(array, out, strict=True):
        if thick is None:
            new[...] = _resized(channel, shape)
            continue
        in_plane = tuple(n for axis, n in enumerate(shape) if axis != thick)
        slices = np.stack([_resized(each, in_plane) for each in np.moveaxis(channel, thick, 0)])
        # Along the thick axis the nearest slice stands for what lies between.
        steps = len(slices) / shape[thick] * (np.arange(shape[thick]) + 0.5) - 0.5
        numbers = np.arange(len(slices))
        places = map_coordinates(numbers, steps[None], order=0, mode="nearest")
        new[...] = np.moveaxis(slices[places], 0, thick)
    return out


def _resized(array: Float, shape: Sequence[int]) -> Array:
    if array.shape == tuple(shape):
        return array
    wide = array.astype(np.float64)
    out: Array = resize(wide, tuple(shape), order=ORDER, mode="edge", anti_aliasing=False)
    return out


def _thick_axis(spacing: Array, target: Array) -> int | None:
    """Axis along which slices are thick, of the old grid or else of the new one."""
    for steps in (spacing, target):
        if steps.max() / steps.min() > ANISOTROPY:
            thick = np.flatnonzero(steps == steps.max())
            return int(thick[0]) if len(thick) == 1 else None
    return None
