"""Signed distances of simple shapes in millimetres, and the voxel share that lies inside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.core import Grid

FloatArray = npt.NDArray[np.floating]

# Keeps the distance of an ellipse finite and negative at its very centre.
_TINY = 1e-6


def ellipsoid(
    offsets_mm: Sequence[FloatArray], radii_mm: Sequence[float | FloatArray]
) -> FloatArray:
    """Approximate the signed distance to an ellipse or ellipsoid, negative inside.

    Exact on the surface, with the right slope there; that is all that partial volumes need.

    Parameters
    ----------
    offsets_mm : sequence of arrays
        Coordinates relative to the centre, one array an axis, broadcast against each other.
    radii_mm : sequence of float or arrays
        Semi-axes.
    """
    squares: FloatArray = np.full(1, _TINY, np.float32)
    steep = squares
    for offset, radius in zip(offsets_mm, radii_mm, strict=True):
        share = (offset / radius) ** 2
        squares, steep = squares + share, steep + share / radius**2
    return np.asarray((squares - np.sqrt(squares)) / np.sqrt(steep))


def rounded_box(
    offsets_mm: tuple[FloatArray, FloatArray],
    radii_mm: tuple[float | FloatArray, float | FloatArray],
) -> FloatArray:
    """Approximate the signed distance to the superellipse of power 2.5, negative inside."""
    level: FloatArray = np.full(1, _TINY, np.float32)
    steep = level
    for offset, radius in zip(offsets_mm, radii_mm, strict=True):
        share = np.abs(offset / radius)
        slope = share * np.sqrt(share)
        level, steep = level + share * slope, steep + (slope / radius) ** 2
    # level**0.4 is homogeneous of degree one, so the distance is (it - 1) over its gradient.
    norm = level ** np.float32(0.4)
    return np.asarray((norm - 1.0) * level / (norm * np.sqrt(steep)))


def capsule(
    points_mm: Sequence[FloatArray],
    start_mm: npt.ArrayLike,
    end_mm: npt.ArrayLike,
    radii_mm: tuple[float, float],
) -> FloatArray:
    """Signed distance to a tapered tube with round ends."""
    start, end = np.asarray(start_mm, np.float32), np.asarray(end_mm, np.float32)
    axis = end - start
    offsets = [p - s for p, s in zip(points_mm, start, strict=True)]
    along = sum(o * a for o, a in zip(offsets, axis, strict=True)) / max(float(axis @ axis), _TINY)
    along = np.clip(along, 0.0, 1.0)
    apart = np.sqrt(sum((o - along * a) ** 2 for o, a in zip(offsets, axis, strict=True)))
    return np.asarray(apart - (radii_mm[0] + (radii_mm[1] - radii_mm[0]) * along))


def blend(first: FloatArray, second: FloatArray, softness_mm: float) -> FloatArray:
    """Union of two shapes with a rounded crease."""
    share = np.clip(0.5 + 0.5 * (second - first) / softness_mm, 0.0, 1.0)
    return np.asarray(second + (first - second) * share - softness_mm * share * (1.0 - share))


@dataclass(frozen=True, eq=False)
class SamplePoints:
    """World coordinates of ``factor`` samples along each axis of every voxel.

    The coordinate arrays stay thin (one axis) where the grid is aligned with the world, so that
    shapes cost what their own dimensions cost.

    Parameters
    ----------
    grid : Grid
        The voxels that are sampled.
    factor : int
        Samples along each axis of a voxel.
    """

    grid: Grid
    factor: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the sample lattice."""
        return tuple(n * self.factor for n in self.grid.shape)

    @property
    def step_mm(self) -> float:
        """Side of the cube with the volume of one sample."""
        volume = (self.grid.voxel_volume_ml or 0.0) * 1000.0
        return float(np.cbrt(volume)) / self.factor

    def coordinates_mm(self, box: Sequence[slice] | None = None) -> list[FloatArray]:
        """Return x, y and z of the samples (of a box of them), broadcastable to the lattice."""
        affine = np.asarray(self.grid.affine)
        index = []
        for axis, n in enumerate(self.shape):
            line = (np.arange(n) + 0.5) / self.factor - 0.5
            line = line[box[axis]] if box is not None else line
            index.append(line.reshape([-1 if a == axis else 1 for a in range(3)]))
        return [_affine_row(row, index) for row in affine[:3]]

    def box_around(self, low_mm: FloatArray, high_mm: FloatArray) -> tuple[slice, ...] | None:
        """Return the box of samples that covers a box of the world; ``None`` if outside."""
        corners = np.array(list(_corners(low_mm, high_mm)))
        inverse = np.linalg.inv(np.asarray(self.grid.affine))
        index = (corners @ inverse[:3, :3].T + inverse[:3, 3] + 0.5) * self.factor - 0.5
        first = np.maximum(np.floor(index.min(0)).astype(int), 0)
        last = np.minimum(np.ceil(index.max(0)).astype(int) + 1, self.shape)
        if (first >= last).any():
            return None
        return tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))

    def share_inside(self, distance_mm: FloatArray) -> npt.NDArray[np.float32]:
        """Share of each sample's volume inside a shape, from its signed distance."""
        share = np.asarray(distance_mm * np.float32(-1.0 / self.step_mm), np.float32)
        share += np.float32(0.5)
        return np.clip(share, 0.0, 1.0, out=share)

    def per_voxel(self, samples: FloatArray) -> npt.NDArray[np.float32]:
        """Average the samples of each voxel."""
        full = np.broadcast_to(samples, self.shape)
        total = np.zeros(self.grid.shape, np.float32)
        for start in np.ndindex(self.factor, self.factor, self.factor):
            total += full[tuple(slice(first, None, self.factor) for first in start)]
        return total / np.float32(self.factor**3)


def _affine_row(row: FloatArray, index: Sequence[FloatArray]) -> npt.NDArray[np.float32]:
    total: FloatArray = np.full((1, 1, 1), row[3])
    for weight, line in zip(row[:3], index, strict=True):
        if weight != 0.0:
            total = total + weight * line
    return total.astype(np.float32)


def _corners(low: FloatArray, high: FloatArray) -> Iterator[tuple[float, float, float]]:
    for x in (low[0], high[0]):
        for y in (low[1], high[1]):
            for z in (low[2], high[2]):
                yield x, y, z
