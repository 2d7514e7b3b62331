"""Distances between two surfaces, in mm: Hausdorff, average and the share within a tolerance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from suffice.core import UsageError
from suffice.core.elements import element_sizes, is_border, neighbour_codes
from suffice.metrics.distance import Surface, nearest
from suffice.metrics.few import distances_of_few
from suffice.metrics.lattice import Lattice

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
Definition = Literal["elements", "voxels"]

# Distances are square roots and shares are sums: what is equal on paper may differ in the last
# bits, and an element at exactly the tolerance must count whatever the spacing.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distance from every point of the surfaces of two structures to the other's surface.

    Every surface metric follows from these arrays, so they are computed once.

    Parameters
    ----------
    predicted_mm, reference_mm : float array of shape (n,), (m,)
        Distances from the points of the predicted surface to the nearest one of the reference,
        and the other way round, from near to far. Infinite where the other is empty; in pixels
        where the spacing is unknown.
    predicted_size, reference_size : float array of shape (n,), (m,)
        Area (mm2) or length (mm) of each element; 1 for each voxel.
    definition : "elements" or "voxels"
        What the points are.
    """

    predicted_mm: FloatArray
    predicted_size: FloatArray
    reference_mm: FloatArray
    reference_size: FloatArray
    definition: Definition

    def hausdorff(self, percent: float = 100.0) -> float:
        """Largest distance, or the one that ``percent`` of each surface stays within.

        Infinite where a structure is empty.

        Notes
        -----
        HD95 is the larger of the two 95th percentiles. Elements are weighed by their areas and
        the percentile is one of the distances (Nikolov et al., https://arxiv.org/abs/1809.04430);
        voxels count alike, and the percentile lies between two distances where it falls between
        them, as in MONAI.
        """
        if not (self.predicted_mm.size and self.reference_mm.size):
            return float("inf")
        if self.definition == "voxels":
            both = (self.predicted_mm, self.reference_mm)
            return max(float(np.percentile(distance, percent)) for distance in both)
        return max(
            _percentile(self.predicted_mm, self.predicted_size, percent),
            _percentile(self.reference_mm, self.reference_size, percent),
        )

    def average_symmetric(self) -> float:
        """Average over both surfaces taken together (ASSD)."""
        if not (self.predicted_mm.size and self.reference_mm.size):
            return float("inf")
        total = (self.predicted_mm * self.predicted_size).sum()
        total += (self.reference_mm * self.reference_size).sum()
        return float(total / (self.predicted_size.sum() + self.reference_size.sum()))

    def mean_average(self) -> float:
        """Mean of the two surfaces' own averages (MASD)."""
        if not (self.predicted_mm.size and self.reference_mm.size):
            return float("inf")
        there = np.average(self.predicted_mm, weights=self.predicted_size)
        back = np.average(self.reference_mm, weights=self.reference_size)
        return float((there + back) / 2)

    def surface_dice(self, tolerance_mm: float) -> float:
        """Share of both surfaces that lies within ``tolerance_mm`` of the other (NSD).

        Not a number where both structures are empty; 0 where one is.
        """
        total = self.predicted_size.sum() + self.reference_size.sum()
        if total == 0:
            return float("nan")
        reach = tolerance_mm * (1 + _ROUNDING)
        near = self.predicted_size[self.predicted_mm <= reach].sum()
        near += self.reference_size[self.reference_mm <= reach].sum()
        return float(near / total)


def surface_distances(
    predicted: BoolArray,
    reference: BoolArray,
    spacing: tuple[float, ...],
    *,
    definition: Definition = "elements",
) -> SurfaceDistances:
    """Measure the distances between the surfaces of two structures.

    Parameters
    ----------
    predicted, reference : bool array of shape (N0, N1) or (N0, N1, N2)
        What lies outside the array is background.
    spacing : tuple of float
        Distance between neighbours along each axis, in mm; ones for pixels.
    definition : "elements" or "voxels"
        What a surface is made of: pieces of border between voxels, each as large as its area
        (Nikolov et al., https://arxiv.org/abs/1809.04430), or the outermost voxels, all alike.

    Raises
    ------
    UsageError
        If the definition is neither.

    Examples
    --------
    >>> a = np.zeros((9, 9), dtype=bool)
    >>> a[2:5, 2:5] = True
    >>> b = np.roll(a, 2, axis=1)
    >>> distances = surface_distances(a, b, (1.0, 0.5))
    >>> distances.hausdorff(), round(distances.surface_dice(0.5), 3)
    (1.0, 0.621)
    >>> voxels = surface_distances(a, b, (1.0, 0.5), definition="voxels")
    >>> voxels.hausdorff(), round(voxels.surface_dice(0.5), 3)
    (1.0, 0.625)
    """
    if definition not in _SURFACES:
        raise UsageError(
            "Unknown definition of a surface", got=definition, expected=" or ".join(_SURFACES)
        )
    if reference.flags.f_contiguous:
        # As files are read; the lattice is laid the other way round.
        predicted, reference, spacing = predicted.T, reference.T, spacing[::-1]
    steps = tuple(float(s) for s in spacing)
    few = distances_of_few(predicted, reference, steps, _POINTS[definition])
    if few is not None:
        return SurfaceDistances(*few, definition)
    box = _box_around(predicted, reference)
    lattice = Lattice.around(tuple(s.stop - s.start for s in box), steps)
    one, other = (_SURFACES[definition](mask[box], lattice) for mask in (predicted, reference))
    there, predicted_mm = nearest(one, other, lattice)
    back, reference_mm = nearest(other, one, lattice)
    return SurfaceDistances(
        predicted_mm, one.size[there], reference_mm, other.size[back], definition
    )


def _element_surface(mask: BoolArray, lattice: Lattice) -> Surface:
    codes = lattice.lay(mask)
    here = _element_places(codes, lattice.strides)
    points = np.flatnonzero(here)
    return Surface(here, points, element_sizes(lattice.spacing)[codes[points]])


def _voxel_surface(mask: BoolArray, lattice: Lattice) -> Surface:
    here = _voxel_places(lattice.lay(mask), lattice.strides)
    points = np.flatnonzero(here)
    return Surface(here, points, np.ones(points.size))


def _element_places(bits: npt.NDArray[np.uint8], strides: tuple[int, ...]) -> BoolArray:
    """Find corners with voxels inside and outside; turns the bits into codes."""
    neighbour_codes(bits, strides)
    return is_border(bits, len(strides))


def _voxel_places(bits: npt.NDArray[np.uint8], strides: tuple[int, ...]) -> BoolArray:
    """Find voxels with a background voxel at one of their faces (in 2D edges)."""
    enclosed = bits.copy()
    for stride in strides:
        enclosed[stride:] &= bits[:-stride]
        enclosed[:-stride] &= bits[stride:]
    return np.asarray(bits > enclosed)


def _element_points(
    bits: npt.NDArray[np.uint8], strides: tuple[int, ...], spacing: tuple[float, ...]
) -> tuple[IntArray, FloatArray]:
    points = np.flatnonzero(_element_places(bits, strides))
    return points, element_sizes(spacing)[bits[points]]


def _voxel_points(
    bits: npt.NDArray[np.uint8], strides: tuple[int, ...], spacing: tuple[float, ...]
) -> tuple[IntArray, FloatArray]:
    points = np.flatnonzero(_voxel_places(bits, strides))
    return points, np.ones(points.size)


_SURFACES = {"elements": _element_surface, "voxels": _voxel_surface}
_POINTS = {"elements": _element_points, "voxels": _voxel_points}


def _box_around(*masks: BoolArray) -> tuple[slice, ...]:
    """Smallest box around all the masks; empty slices where all are empty."""
    rows = np.logical_or.reduce([mask.any(axis=tuple(range(1, mask.ndim))) for mask in masks])
    box = [_range_of(rows)]
    flat = np.logical_or.reduce([mask[box[0]].any(axis=0) for mask in masks])
    for axis in range(flat.ndim):
        box.append(_range_of(flat.any(axis=tuple(a for a in range(flat.ndim) if a != axis))))
    return tuple(box)


def _range_of(hit: BoolArray) -> slice:
    places = np.flatnonzero(hit)
    return slice(int(places[0]), int(places[-1]) + 1) if places.size else slice(0, 0)


def _percentile(distance: FloatArray, size: FloatArray, percent: float) -> float:
    share = np.cumsum(size) / size.sum()
    index = int(np.searchsorted(share, percent / 100.0 - _ROUNDING))
    return float(distance[min(index, len(distance) - 1)])
