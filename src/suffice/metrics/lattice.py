"""A box of voxels laid flat, so that a step to a neighbour is one number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import pi, prod
from typing import TypeVar

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
Scalar = TypeVar("Scalar", bound=np.generic)

# About 5 voxels far in 3D and 13 pixels in 2D: beyond, a tree is faster than trying every step.
_N_STEPS = 512


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """The flat layout of a box with room around it, and the steps that are tried in it.

    The box lies at the far side of a layer of zeros. Behind it along each axis, and in front of
    it as a whole, lie as many zeros as the longest step, so that no step leaves the array or
    lands in the box's next row.

    Parameters
    ----------
    shape : tuple of int
        Voxels of the box along each axis.
    spacing : tuple of float
        Distance between neighbours along each axis.
    padded : tuple of int
        Places along each axis, those for zeros included.
    strides : tuple of int
        How far apart in the flat layout neighbours along each axis lie.
    front : int
        Zeros in front of everything.
    flat_steps : int array of shape (n_steps,)
        Differences of flat positions, from short to long; the first step stays where it is.
    lengths : float array of shape (n_steps,)
        Of the steps, in the unit of the spacing.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    padded: tuple[int, ...]
    strides: tuple[int, ...]
    front: int
    flat_steps: IntArray
    lengths: FloatArray

    @classmethod
    def around(cls, shape: tuple[int, ...], spacing: tuple[float, ...]) -> Lattice:
        """Lay out a box, with the steps that do not lead right across it."""
        reach = tuple(min(n, r) for n, r in zip(shape, near_steps(spacing)[2], strict=True))
        steps, lengths = _steps_within(reach, spacing)
        padded = tuple(1 + n + r for n, r in zip(shape, reach, strict=True))
        strides = tuple(prod(padded[axis + 1 :]) for axis in range(len(padded)))
        flat_steps = steps @ np.array(strides, dtype=np.intp)
        front = sum(r * stride for r, stride in zip(reach, strides, strict=True))
        return cls(shape, spacing, padded, strides, front, flat_steps, lengths)

    def lay(self, mask: BoolArray) -> npt.NDArray[np.uint8]:
        """Lay a mask of the box's shape flat, as zeros and ones."""
        flat = np.zeros(self.front + prod(self.padded), dtype=np.uint8)
        window = tuple(slice(1, n + 1) for n in self.shape)
        self.unfold(flat)[window] = mask
        return flat

    def unfold(self, flat: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """View a flat array of places in its shape."""
        return flat[self.front :].reshape(self.padded)

    def cells(self, flat: IntArray) -> IntArray:
        """Indices of flat positions into the unfolded array, of shape (n_axes, n)."""
        return np.array(np.unravel_index(flat - self.front, self.padded), dtype=np.intp)


@lru_cache(maxsize=64)
def near_steps(spacing: tuple[float, ...]) -> tuple[IntArray, FloatArray, tuple[int, ...]]:
    """Every step up to some length, from short to long, the lengths, and the most along each axis.

    Examples
    --------
    >>> steps, lengths, _ = near_steps((1.0, 2.0))
    >>> steps[:4].tolist(), lengths[:4].tolist()
    ([[0, 0], [-1, 0], [1, 0], [0, -1]], [0.0, 1.0, 1.0, 2.0])
    """
    ball = pi if len(spacing) == 2 else 4 / 3 * pi
    radius = (_N_STEPS * prod(spacing) / ball) ** (1 / len(spacing))
    sides = [min(int(radius / s), _N_STEPS) for s in spacing]
    cells = np.meshgrid(*(np.arange(-n, n + 1) for n in sides))
    steps = np.stack([cell.ravel() for cell in cells], axis=1).astype(np.intp)
    lengths = np.linalg.norm(steps * spacing, axis=1)
    order = np.lexsort((*steps.T, lengths))
    order = order[lengths[order] <= radius][:_N_STEPS]
    return steps[order], lengths[order], tuple(np.abs(steps[order]).max(axis=0).tolist())


@lru_cache(maxsize=256)
def _steps_within(
    reach: tuple[int, ...], spacing: tuple[float, ...]
) -> tuple[IntArray, FloatArray]:
    steps, lengths, _ = near_steps(spacing)
    inside = (np.abs(steps) <= reach).all(axis=1)
    return steps[inside], lengths[inside]
