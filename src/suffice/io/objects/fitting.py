"""Structures as DICOM objects hold them: masks that may overlap, on the grid of a series."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.core import GeometryError, Grid, Label, LabelError

FloatArray = npt.NDArray[np.float64]

_PART_OF_VOXEL = 0.05


@dataclass(frozen=True, slots=True)
class Structure:
    """What an object says of one of its structures; ``value`` is its number there."""

    value: int
    name: str
    colour: str
    code: str | None = None

    def as_label(self) -> Label:
        """Make a label of a legend of it."""
        return Label(self.value, self.name, self.colour, self.code)


def combined(
    path: Path,
    masks: Iterable[tuple[Structure, npt.NDArray[np.bool_]]],
    shape: tuple[int, ...],
) -> npt.NDArray[np.integer]:
    """Make one mask of many, the numbers of the structures its values.

    Raises
    ------
    LabelError
        If structures overlap: one mask cannot hold them, and none is drawn over another.
    """
    labels: npt.NDArray[np.uint16] = np.zeros(shape, dtype=np.uint16)
    names: dict[int, str] = {}
    for structure, mask in masks:
        names[structure.value] = structure.name
        taken = labels[mask]
        if taken.any():
            other = int(taken[taken > 0][0])
            raise LabelError(
                f"'{path.name}' holds structures that overlap: '{names[other]}' and "
                f"'{structure.name}'",
                got=f"{np.count_nonzero(taken)} voxels of both",
                expected="one structure a voxel",
                cure="`suffice import` takes each of them as a mask of its own.",
            )
        labels[mask] = structure.value
    return labels.astype(np.min_scalar_type(max(names, default=0)))


def placed_on(
    grid: Grid, own: Grid, array: npt.NDArray[Any], path: Path, background: int = 0
) -> npt.NDArray[Any]:
    """Put an array that covers part of a grid where it lies on the whole of it.

    Raises
    ------
    GeometryError
        If its voxels do not lie on those of the grid, or drawn ones lie outside.
    """
    if grid.ndim == 2 or own.ndim == 2:
        grid.require_match(own, "The picture", f"'{path.name}'")
        return array
    start, axes, flips = _where(grid, own, path)
    # An object may count its axes otherwise; its voxels are the same.
    array = array.transpose(axes)
    array = array[tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)]
    source, target = [], []
    for first, n, whole in zip(start, array.shape, grid.shape, strict=True):
        low, high = max(first, 0), min(first + n, whole)
        source.append(slice(low - first, max(high, low) - first))
        target.append(slice(low, max(high, low)))
    inside = array[tuple(source)]
    if np.count_nonzero(inside != background) != np.count_nonzero(array != background):
        raise GeometryError(
            f"'{path.name}' is drawn outside its series",
            got=f"{own} against {grid}",
            cure="It belongs to another series, or was cropped: name the one it was drawn on.",
        )
    whole_array = np.full(grid.shape, background, dtype=array.dtype)
    whole_array[tuple(target)] = inside
    return whole_array


def affine_of(grid: Grid) -> FloatArray:
    """Give the affine of a volume; a picture has none, which is an error here."""
    if grid.affine is None:
        raise GeometryError("A picture has no place in the world")
    return grid.affine


def _where(grid: Grid, own: Grid, path: Path) -> tuple[list[int], tuple[int, ...], list[bool]]:
    """First index on ``grid``, the axis of ``own`` for each axis, and which of them to reverse."""
    relative = np.linalg.solve(affine_of(grid), affine_of(own))
    turn = np.rint(relative[:3, :3])
    n = np.asarray(own.shape)
    reach = np.abs(relative[:3, :3] - turn) @ (n - 1)
    is_turn = np.array_equal(np.abs(turn).sum(0), [1, 1, 1]) and np.array_equal(
        np.abs(turn).sum(1), [1, 1, 1]
    )
    offset = relative[:3, 3]
    start = np.rint(offset).astype(int)
    if not is_turn or reach.max() > _PART_OF_VOXEL or np.abs(offset - start).max() > _PART_OF_VOXEL:
        raise GeometryError(
            f"'{path.name}' does not lie on the voxels of its series",
            got=f"{own} against {grid}",
            cure="It belongs to another series, or was resampled: name the one it was drawn on.",
        )
    axes = tuple(int(np.flatnonzero(row)[0]) for row in turn)
    flips = [bool(turn[i, axis] < 0) for i, axis in enumerate(axes)]
    first = [int(start[i] - (n[axis] - 1 if flips[i] else 0)) for i, axis in enumerate(axes)]
    return first, axes, flips
