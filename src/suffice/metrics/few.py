"""Surfaces of few points: both found at once, every point compared with every other."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

FindPoints = Callable[
    [npt.NDArray[np.uint8], tuple[int, ...], tuple[float, ...]], tuple[IntArray, FloatArray]
]
"""From flat masks, their strides and the spacing to the points of a surface and their sizes."""

# Beyond, an array of every pair takes longer than steps on a lattice.
_PLACES = 4096
_PAIRS = 12_000


def distances_of_few(
    predicted: BoolArray, reference: BoolArray, spacing: tuple[float, ...], find: FindPoints
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray] | None:
    """Measure the distances between two small surfaces, each from near to far.

    Returns
    -------
    there, size, back, size : float array of shape (n,), (n,), (m,), (m,)
        Distances from the points of the predicted surface and what each stands for, then those
        of the reference; ``None`` where a surface is empty or there are too many points.
    """
    if predicted.size > _PLACES:
        return None
    padded = tuple(n + 2 for n in predicted.shape)
    both = np.zeros((2, *padded), dtype=np.uint8)
    inner = tuple(slice(1, n + 1) for n in predicted.shape)
    both[0][inner], both[1][inner] = predicted, reference
    strides = tuple(prod(padded[axis + 1 :]) for axis in range(len(padded)))
    points, size = find(both.ravel(), strides, spacing)
    half = both.size // 2
    n = int(points.searchsorted(half))
    if not 0 < n * (points.size - n) <= _PAIRS:
        return None
    points[n:] -= half
    away: FloatArray | float = 0.0
    for stride, step in zip(strides, spacing, strict=True):
        cells, points = np.divmod(points, stride)
        way = (cells[:n, np.newaxis] - cells[n:]) * step
        away = away + way * way
    there, back = (np.sqrt(np.min(away, axis=axis)) for axis in (1, 0))
    near, near_back = there.argsort(kind="stable"), back.argsort(kind="stable")
    return there[near], size[:n][near], back[near_back], size[n:][near_back]
