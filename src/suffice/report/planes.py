"""Slices as a radiologist reads them: patient's right on the left, anterior and head up."""

from __future__ import annotations

from dataclasses import dataclass

import nibabel as nib
import numpy as np
import numpy.typing as npt

from suffice.core import Grid

Array = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Plane:
    """One way to cut a volume, once its axes run to the right, to the front and to the head.

    ``axis`` is the axis that is cut across; ``row`` and ``column`` are the axes shown, both
    backwards. The letters stand at the left, right, top and bottom edge.
    """

    name: str
    axis: int
    row: int
    column: int
    letters: str


PLANES = (
    Plane("axial", 2, 1, 0, "RLAP"),
    Plane("coronal", 1, 2, 0, "RLSI"),
    Plane("sagittal", 0, 2, 1, "APSI"),
)


@dataclass(frozen=True)
class Upright:
    """A volume's way to axes that run right, anterior and superior (the nearest, if oblique)."""

    orientation: npt.NDArray[np.float64]
    spacing_mm: tuple[float, float, float]
    is_oblique: bool

    @classmethod
    def of(cls, grid: Grid) -> Upright:
        """Work out which axis of ``grid`` runs which way."""
        orientation = np.zeros((3, 2))
        spacing = [0.0, 0.0, 0.0]
        for world, (axis, is_reversed) in enumerate(grid.nearest_axes):
            orientation[axis] = world, -1 if is_reversed else 1
            spacing[world] = grid.unit_spacing[axis]
        affine = np.asarray(grid.affine)[:3, :3] / np.asarray(grid.unit_spacing)
        steep = np.abs(affine).max(axis=0).min()
        return cls(orientation, (spacing[0], spacing[1], spacing[2]), bool(steep < 0.99))

    def apply(self, array: Array) -> Array:
        """Turn ``array`` of shape (X, Y, Z) upright; a view, nothing is resampled."""
        turned = nib.orientations.apply_orientation(array, self.orientation)
        return np.asarray(turned)


def span_along(mask: Array, axis: int) -> tuple[int, int] | None:
    """First index along an axis at which a mask holds anything, and the first after the last."""
    hit = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
    return (int(hit[0]), int(hit[-1]) + 1) if hit.size else None


def busiest_slice(upright_mask: Array, plane: Plane) -> int:
    """Return the slice with the most labelled voxels; the middle one of an empty mask."""
    others = tuple(axis for axis in range(3) if axis != plane.axis)
    labelled = np.count_nonzero(upright_mask, axis=others)
    if not labelled.any():
        return int(upright_mask.shape[plane.axis] // 2)
    return int(np.argmax(labelled))


def cut(upright: Array, plane: Plane, index: int) -> Array:
    """Return one slice, rows downwards and columns to the right as shown."""
    flat = np.asarray(np.take(upright, index, axis=plane.axis))
    return flat.T[::-1, ::-1]
