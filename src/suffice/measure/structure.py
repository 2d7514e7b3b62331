"""One structure cut out of a mask, and one measured value of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import Grid, LabelMap

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measured quantity of one structure; the name ends in its unit."""

    label: str
    name: str
    value: float


@dataclass(frozen=True, eq=False)
class Structure:
    """The voxels of one structure in the smallest box that holds them.

    Parameters
    ----------
    label : str
    inside : bool array
        Of the box; of no voxel where the structure is absent.
    box : tuple of slice
        Where it lies in the mask.
    grid : Grid
        Of the whole mask.
    """

    label: str
    inside: BoolArray
    box: tuple[slice, ...]
    grid: Grid

    @property
    def is_empty(self) -> bool:
        """Whether the structure is absent."""
        return self.inside.size == 0

    @property
    def n_voxels(self) -> int:
        """Number of its voxels."""
        return int(np.count_nonzero(self.inside))

    @property
    def axes(self) -> FloatArray:
        """Matrix whose columns are the steps to the next voxel, in mm or pixels."""
        if self.grid.affine is None:
            return np.diag(self.grid.unit_spacing)
        return np.asarray(self.grid.affine[:3, :3])

    @property
    def start(self) -> FloatArray:
        """Index of the box's first voxel in the mask."""
        return np.array([part.start for part in self.box], dtype=np.float64)


def structures_of(mask: LabelMap) -> Iterator[Structure]:
    """Cut out every structure of the legend, absent ones too."""
    array = mask.array.astype(np.uint8) if mask.array.dtype == bool else mask.array
    boxes = ndimage.find_objects(array, max(mask.legend.values))
    for label in mask.legend:
        box = boxes[label.value - 1]
        if box is None:
            yield absent(label.name, mask.grid)
        else:
            yield Structure(label.name, array[box] == label.value, box, mask.grid)


def structure_of(label: str, inside: BoolArray, grid: Grid) -> Structure:
    """Cut out the voxels of a mask that are true."""
    (box,) = ndimage.find_objects(inside.astype(np.uint8), 1) or [None]
    return absent(label, grid) if box is None else Structure(label, inside[box], box, grid)


def absent(label: str, grid: Grid) -> Structure:
    """Return a structure without a voxel."""
    nowhere = (slice(0, 0),) * grid.ndim
    return Structure(label, np.zeros((0,) * grid.ndim, dtype=bool), nowhere, grid)
