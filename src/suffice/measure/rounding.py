"""How far off a size is because voxels are counted whole."""

from __future__ import annotations

from math import sqrt

import numpy as np
from scipy import ndimage
from scipy.stats import norm

from suffice.core import UsageError
from suffice.measure.size import size_unit
from suffice.measure.structure import BoolArray, Structure

# What a curved terrace errs, in parts of a flat one: 0.22 by the mean over heights of a
# paraboloid, and more where its steps are not all around.
_CURVED = 0.5


def rounding_interval(structure: Structure, level: float = 0.9) -> tuple[float, float]:
    """Interval of the true volume or area of what was voxelised, in the unit of `size_unit`.

    It carries the size of the voxels alone: it is for masks that are true but for that, such as
    a phantom's, and says nothing of a rater's or a model's error.

    Parameters
    ----------
    structure : Structure
        Voxels that count where at least half is filled.
    level : float

    Notes
    -----
    A face between a voxel inside and one outside stands for a border that lies up to half a voxel
    to either side, evenly spread: a variance of 1/12. Where the border runs across the planes of
    voxels, as that of most curved structures does, faces err apart from each other and their
    variances add up to n / 12. On a terrace, a patch of k faces in one plane that is higher (or
    lower) than all around it, they err together: k^2 / 12 where it ends in cliffs, as a flat one
    does, a quarter of that where it ends in steps of one voxel, as the top of something curved
    does. Both are added, over all terraces and directions, and the interval is z standard
    deviations wide to either side. It is wider than it had to be for curved structures: see the
    page of measures for how often it held.
    """
    if not 0 < level < 1:
        raise UsageError("The level of an interval must lie between 0 and 1", got=level)
    _, each = size_unit(structure.grid)
    n_voxels = structure.n_voxels
    wide = float(norm.ppf((1 + level) / 2)) * sqrt(_variance(structure.inside))
    return max(n_voxels - wide, 0.0) * each, (n_voxels + wide) * each


def _variance(inside: BoolArray) -> float:
    """Variance of the number of voxels, by the faces of what they make up."""
    if inside.size == 0:
        return 0.0
    padded = np.pad(inside, 2)
    total = 0.0
    for axis in range(padded.ndim):
        for ahead in (-1, 1):
            faces = padded & ~np.roll(padded, ahead, axis)
            total += np.count_nonzero(faces) + _terraces(faces, padded, axis, ahead)
    return total / 12


def _terraces(faces: BoolArray, inside: BoolArray, axis: int, ahead: int) -> float:
    """Add up the squared sizes of the patches around which all steps lead down, or all up.

    Around a flat terrace they are cliffs; where all are of one voxel, it is the top of something
    curved.
    """
    in_plane = ndimage.generate_binary_structure(faces.ndim, 1)
    for end in (0, 2):
        in_plane[tuple(end if a == axis else slice(None) for a in range(faces.ndim))] = False
    patches, n_patches = ndimage.label(faces, in_plane)
    sizes = np.bincount(patches.ravel(), minlength=n_patches + 1)
    below, above = np.roll(inside, -ahead, axis), np.roll(inside, ahead, axis)
    far_above = np.roll(inside, 2 * ahead, axis)
    # For each patch: steps down, those of one voxel, steps up, those of one voxel.
    steps = np.zeros((4, n_patches + 1))
    for side in (a for a in range(faces.ndim) if a != axis):
        for way in (-1, 1):
            there, under, over, far = (
                np.roll(a, way, side) for a in (inside, below, above, far_above)
            )
            # A patch goes on where the neighbour has a face; else the border steps down or up.
            kinds = (~there, ~there & under, there & over, there & over & ~far)
            for row, kind in zip(steps, kinds, strict=True):
                row += np.bincount(patches[faces & kind], minlength=n_patches + 1)
    down, short_down, up, short_up = steps
    n_steps = down + up
    short = np.divide(short_down + short_up, n_steps, out=np.zeros_like(n_steps), where=n_steps > 0)
    alone = (down == 0) | (up == 0)
    together = sizes**2 * (1 - short * (1 - _CURVED**2))
    return float(together[1:][alone[1:]].sum())
