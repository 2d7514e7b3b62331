"""Distances between two surfaces, in mm: Hausdorff, average and the share within a tolerance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.metrics.elements import element_sizes, is_border, neighbour_codes

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

# Distances are square roots and shares are sums: what is equal on paper may differ in the last
# bits, and an element at exactly the tolerance must count whatever the spacing.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distance from every surface element of two structures to the other's surface.

    Every surface metric follows from these four arrays, so they are computed once.

    Parameters
    ----------
    predicted_mm, reference_mm : float array of shape (n,), (m,)
        Distances from the elements of the predicted surface to the nearest element of the
        reference, and the other way round, from near to far. Infinite where the other is empty;
        in pixels where the spacing is unknown.
    predicted_size, reference_size : float array of shape (n,), (m,)
        Area (mm2) or length (mm) of each element.
    """

    predicted_mm: FloatArray
    predicted_size: FloatArray
    reference_mm: FloatArray
    reference_size: FloatArray

    def hausdorff(self, percent: float = 100.0) -> float:
        """Largest distance, or the one that ``percent`` of each surface's area stays within.

        Infinite where a structure is empty.

        Notes
        -----
        HD95 is the larger of the two 95th percentiles, weighted by the elements' areas
        (Nikolov et al., https://arxiv.org/abs/1809.04430). Tools that take percentiles of
        unweighted voxels differ by up to a millimetre on the same masks.
        """
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
    predicted: BoolArray, reference: BoolArray, spacing: tuple[float, ...]
) -> SurfaceDistances:
    """Measure the distances between the surfaces of two structures.

    Parameters
    ----------
    predicted, reference : bool array of shape (N0, N1) or (N0, N1, N2)
    spacing : tuple of float
        Distance between neighbours along each axis, in mm; ones for pixels.

    Examples
    --------
    >>> a = np.zeros((9, 9), dtype=bool)
    >>> a[2:5, 2:5] = True
    >>> b = np.roll(a, 2, axis=1)
    >>> distances = surface_distances(a, b, (1.0, 0.5))
    >>> distances.hausdorff(), round(distances.surface_dice(0.5), 3)
    (1.0, 0.621)
    """
    box = bounding_box(predicted | reference)
    codes = [neighbour_codes(np.ascontiguousarray(mask[box])) for mask in (predicted, reference)]
    borders = [is_border(code, code.ndim) for code in codes]
    sizes = element_sizes(tuple(float(s) for s in spacing))
    there = _nearest(borders[0], borders[1], spacing)
    back = _nearest(borders[1], borders[0], spacing)
    ordered = []
    for code, border, distance in zip(codes, borders, (there, back), strict=True):
        order = np.argsort(distance, kind="stable")
        ordered += [distance[order], sizes[code[border]][order]]
    return SurfaceDistances(*ordered)


def bounding_box(mask: BoolArray) -> tuple[slice, ...]:
    """Smallest box around the structure; empty slices where there is none."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        hit = np.flatnonzero(mask.any(axis=others))
        box.append(slice(int(hit[0]), int(hit[-1]) + 1) if hit.size else slice(0, 0))
    return tuple(box)


def _nearest(start: BoolArray, goal: BoolArray, spacing: tuple[float, ...]) -> FloatArray:
    """Distance from each border corner in ``start`` to the nearest one in ``goal``.

    The transform gives the nearest corner everywhere; its distance is worked out at the border
    alone, which halves the time.
    """
    if not goal.any():
        return np.full(int(np.count_nonzero(start)), np.inf)
    if not start.any():
        return np.zeros(0)
    nearest = ndimage.distance_transform_edt(
        ~goal, sampling=spacing, return_distances=False, return_indices=True
    )
    points = np.nonzero(start)
    away = [(nearest[(axis, *points)] - points[axis]) * spacing[axis] for axis in range(start.ndim)]
    return np.asarray(np.linalg.norm(away, axis=0))


def _percentile(distance: FloatArray, size: FloatArray, percent: float) -> float:
    if not distance.size:
        return float("inf")
    share = np.cumsum(size) / size.sum()
    index = int(np.searchsorted(share, percent / 100.0 - _ROUNDING))
    return float(distance[min(index, len(distance) - 1)])
