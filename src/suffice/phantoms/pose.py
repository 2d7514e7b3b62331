"""Grids to scan a chest on: any spacing, flipped, tilted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from suffice.core import Grid
from suffice.phantoms.anatomy import Chest


def chest_grid(
    chest: Chest,
    spacing_mm: Sequence[float],
    *,
    flipped: Sequence[int] = (),
    tilt_degrees: float = 0.0,
) -> Grid:
    """Return the grid that covers a chest.

    Parameters
    ----------
    chest : Chest
        At full inspiration, so that all scans of one person share a field of view.
    spacing_mm : sequence of float
        Voxel size along x, y and z.
    flipped : sequence of int
        Axes that run against the world's.
    tilt_degrees : float
        Turn of the grid about the left-right axis and half as much about the long axis.
    """
    spacing = np.asarray(spacing_mm, dtype=float)
    width = 2.0 * (chest.half_width_mm + 36.0 + chest.fat_mm + chest.margin_mm)
    depth = 2.0 * (chest.half_depth_mm + 26.0 + chest.fat_mm + chest.margin_mm)
    low, high = chest.base_mm - 16.0, chest.apex_mm + 20.0
    extent = np.array([width, depth, high - low])
    centre = np.array([chest.off_centre_mm[0], chest.off_centre_mm[1] - 7.0, (low + high) / 2.0])
    shape = np.ceil(extent / spacing).astype(int)
    turn = _turn(np.deg2rad(tilt_degrees))
    signs = np.array([-1.0 if axis in flipped else 1.0 for axis in range(3)])
    affine = np.eye(4)
    affine[:3, :3] = turn * (spacing * signs)
    affine[:3, 3] = centre - affine[:3, :3] @ ((shape - 1) / 2.0)
    return Grid(tuple(int(n) for n in shape), affine=affine)


def _turn(angle: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    c, s = np.cos(angle), np.sin(angle)
    about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    c, s = np.cos(angle / 2), np.sin(angle / 2)
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return np.asarray(about_x @ about_z, dtype=np.float64)
