"""Sizes of the structures in a mask."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from suffice.core import Grid, LabelMap

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measured quantity of one structure; the name ends in its unit."""

    label: str
    name: str
    value: float


def measure_mask(mask: LabelMap) -> list[Measure]:
    """Measure every structure of the legend; absent ones measure 0.

    Returns
    -------
    list of Measure
        For volumes ``volume_ml``, the voxels' volume under the affine (oblique and sheared ones
        too); for pictures ``area_mm2``, or ``area_px`` where the spacing is unknown. And
        ``extent_mm`` (``extent_px``): the largest distance between two corners of its voxels.

    Examples
    --------
    >>> from suffice.core import Legend
    >>> array = np.zeros((4, 4, 4), dtype=np.uint8)
    >>> array[0, 0, :] = 1
    >>> grid = Grid.from_spacing(array.shape, (3.0, 4.0, 3.0))
    >>> measures = measure_mask(LabelMap(array, grid, Legend.from_names({1: "vessel"})))
    >>> [(m.name, round(m.value, 3)) for m in measures]
    [('volume_ml', 0.144), ('extent_mm', 13.0)]
    """
    array = mask.array.astype(np.uint8) if mask.array.dtype == bool else mask.array
    size, each = _size_of(mask.grid)
    length = "px" if mask.grid.spacing_mm is None else "mm"
    boxes = ndimage.find_objects(array, max(mask.legend.values))
    measures = []
    for label in mask.legend:
        box = boxes[label.value - 1]
        inside = None if box is None else array[box] == label.value
        n_voxels = 0 if inside is None else int(np.count_nonzero(inside))
        extent = 0.0 if inside is None else _extent(inside, mask.grid)
        measures.append(Measure(label.name, size, n_voxels * each))
        measures.append(Measure(label.name, f"extent_{length}", extent))
    return measures


def _size_of(grid: Grid) -> tuple[str, float]:
    """Name of the size with its unit, and the size of one voxel."""
    if grid.voxel_volume_ml is not None:
        return "volume_ml", grid.voxel_volume_ml
    if grid.pixel_spacing_mm is not None:
        return "area_mm2", grid.pixel_spacing_mm[0] * grid.pixel_spacing_mm[1]
    return "area_px", 1.0


def _extent(inside: npt.NDArray[np.bool_], grid: Grid) -> float:
    corners = _outer_corners(inside)
    if grid.affine is None:
        points = corners * np.asarray(grid.unit_spacing)
    else:
        points = corners @ grid.affine[:3, :3].T
    return float(pdist(points[ConvexHull(points).vertices]).max())


def _outer_corners(inside: npt.NDArray[np.bool_]) -> FloatArray:
    """Voxel corners that can lie on the convex hull: the ends of every line along one axis.

    Corners, unlike centres, never lie in one plane, which Qhull could not take.
    """
    lines = np.argwhere(inside.any(axis=0))
    where = (slice(None), *lines.T)
    start = inside[where].argmax(axis=0)
    stop = len(inside) - inside[::-1][where].argmax(axis=0)
    corners = [
        np.column_stack([end, lines + shift])
        for end in (start, stop)
        for shift in itertools.product((0, 1), repeat=lines.shape[1])
    ]
    return np.unique(np.concatenate(corners), axis=0).astype(np.float64)
