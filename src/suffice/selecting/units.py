"""What is labelled at once: a whole scan, one slice of it, or a box."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from suffice.core import UsageError

UnitKind = Literal["case", "slice", "patch"]
UNITS: tuple[UnitKind, ...] = ("case", "slice", "patch")
Box = tuple[slice, ...]

# By default a patch is a quarter of the scan along each axis, but no smaller than this.
LEAST_SIDE, PARTS = 16, 4


@dataclass(frozen=True, slots=True)
class Unit:
    """Something that can be labelled.

    Parameters
    ----------
    case, subject : str
    box : tuple of slice
        Voxels of the scan, along the axes of its file.
    number : int
        Within the case.
    """

    case: str
    subject: str
    box: Box
    number: int = 0

    @property
    def name(self) -> str:
        """Unique within a cohort; names of one case sort by their number."""
        return f"{self.case}/{self.number:06d}"

    @property
    def start(self) -> tuple[int, ...]:
        """First voxel along each axis, from 0."""
        return tuple(part.start for part in self.box)

    @property
    def size(self) -> tuple[int, ...]:
        """Voxels along each axis."""
        return tuple(part.stop - part.start for part in self.box)


def boxes_of(
    unit: UnitKind, shape: Sequence[int], *, slice_axis: int = -1, side: int | None = None
) -> list[Box]:
    """Divide a scan into units, which do not overlap and cover it.

    Parameters
    ----------
    unit : {"case", "slice", "patch"}
    shape : sequence of int
    slice_axis : int
        Slices lie across it.
    side : int, optional
        Of a patch, at most; by default a quarter of the scan along each axis, 16 at least.

    Raises
    ------
    UsageError
        If a picture is to be cut into slices.

    Examples
    --------
    >>> [[(s.start, s.stop) for s in box] for box in boxes_of("patch", (20, 10), side=10)]
    [[(0, 10), (0, 10)], [(10, 20), (0, 10)]]
    """
    whole = tuple(slice(0, n) for n in shape)
    if unit == "case":
        return [whole]
    if unit == "slice":
        if len(shape) < 3:
            raise UsageError(
                "Pictures have no slices", got=f"{len(shape)} axes", cure="Take cases or patches."
            )
        axis = slice_axis % len(shape)
        return [
            (*whole[:axis], slice(i, i + 1), *whole[axis + 1 :]) for i in range(int(shape[axis]))
        ]
    edges = [_edges(n, side or max(LEAST_SIDE, math.ceil(n / PARTS))) for n in shape]
    counts = [range(len(axis) - 1) for axis in edges]
    grid = np.stack(np.meshgrid(*counts, indexing="ij"), axis=-1).reshape(-1, len(shape))
    return [
        tuple(slice(axis[i], axis[i + 1]) for axis, i in zip(edges, index, strict=True))
        for index in grid
    ]


def _edges(n: int, side: int) -> list[int]:
    """Cut ``n`` voxels into the fewest equal parts that are no longer than ``side``."""
    n_parts = max(1, math.ceil(n / side))
    return [round(i * n / n_parts) for i in range(n_parts + 1)]


def pooled(features: npt.NDArray[Any], box: Box, shape: Sequence[int]) -> npt.NDArray[np.float64]:
    """Average a coarse map of features over the part of it that a box of the scan lies in.

    Parameters
    ----------
    features : float array of shape (D, *coarse)
        Over the same space as the scan.
    box : tuple of slice
        Voxels of the scan.
    shape : sequence of int
        Of the scan.

    Returns
    -------
    float array of shape (D,)
    """
    place: list[slice] = [slice(None)]
    for part, n, m in zip(box, shape, features.shape[1:], strict=True):
        first = min(int(part.start * m / n), m - 1)
        place.append(slice(first, max(first + 1, math.ceil(part.stop * m / n))))
    inside = features[tuple(place)]
    return np.asarray(inside.reshape(len(features), -1).mean(axis=1, dtype=np.float64))
