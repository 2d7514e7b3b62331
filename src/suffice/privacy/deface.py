"""Take the face off a scan of a head: what lies before and below a plane under the brow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import Grid

Volume = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

# Millimetres. The plane starts this far below the crown, at the skin before the brow, and falls
# to the back: the eyes, the nose, the mouth and the chin lie before it, the brain behind it.
BROW_BELOW_CROWN_MM = 85.0
FALL_MM_PER_MM = 0.6
# A head is so large from side to side and from front to back, at its widest.
_WIDTH_MM, _DEPTH_MM = (100.0, 220.0), (130.0, 270.0)
_LEAST_BELOW_CROWN_MM = 100.0
_WORKING_MM = 3.0
_CT_AIR_HU, _CT_SKIN_HU = -1000.0, -300.0


@dataclass(frozen=True, slots=True)
class NoHead:
    """Why a volume was not taken for that of a head."""

    reason: str


def face_of(array: Volume, grid: Grid, *, is_ct: bool = False) -> Mask | NoHead:
    """Find the voxels of the face.

    Parameters
    ----------
    array : array of shape (X, Y, Z)
        In the axis order of the file.
    grid : Grid
        Says where right, front and up are.
    is_ct : bool
        Whether values are in HU.

    Returns
    -------
    mask : array of shape (X, Y, Z) or NoHead
        All that lies before the plane, air too, so that no outline of the face is left.

    Notes
    -----
    No template and no learning: the head is the largest bright body, its crown the highest point,
    and the plane runs from the skin 85 mm below the crown downwards, and backwards by 0.6 mm a
    mm. Nothing above that height is touched, nor anything behind the plane, in which the brain of
    a head of common size lies; in a head that is tilted by much more than 15 degrees, of a small
    child, or deformed, look. Ears, teeth behind the plane and the shape of the skull stay.
    """
    affine = grid.affine
    if affine is None or array.ndim != 3:
        return NoHead("it is no volume")
    small, steps = _coarse(array, grid)
    head = _head(small, is_ct=is_ct)
    if head is None:
        return NoHead("no body was found in it")
    at = np.argwhere(head) * steps
    place = at @ affine[:3, :3].T + affine[:3, 3]
    crown = float(np.percentile(place[:, 2], 99.9))
    if crown - float(place[:, 2].min()) < _LEAST_BELOW_CROWN_MM:
        return NoHead("it ends above the face, or is smaller than a head")
    top = place[place[:, 2] > crown - BROW_BELOW_CROWN_MM]
    width, depth = (float(np.ptp(np.percentile(top[:, axis], [0.2, 99.8]))) for axis in (0, 1))
    if not (_WIDTH_MM[0] <= width <= _WIDTH_MM[1] and _DEPTH_MM[0] <= depth <= _DEPTH_MM[1]):
        return NoHead(f"{width:.0f} mm wide and {depth:.0f} mm deep is no head")
    brow = float(np.percentile(top[:, 1], 99.8))
    return _before_plane(array.shape, affine, crown - BROW_BELOW_CROWN_MM, brow)


def without_face(array: Volume, face: Mask, *, is_ct: bool = False) -> Volume:
    """Give a copy in which the face is air, or as dark as the volume gets."""
    lowest = array.min()
    value = max(lowest, array.dtype.type(_CT_AIR_HU)) if is_ct and lowest < 0 else lowest
    done = array.copy()
    done[face] = value
    return done


def _before_plane(
    shape: tuple[int, ...], affine: npt.NDArray[np.float64], brow_z: float, brow_y: float
) -> Mask:
    """Mark voxels below the brow and before the plane, slab by slab."""
    i, j, k = (np.arange(n, dtype=np.float32) for n in shape)

    def along(row: int) -> npt.NDArray[np.float32]:
        a = affine[row]
        out = a[0] * i[:, None, None] + a[1] * j[None, :, None] + a[2] * k[None, None, :] + a[3]
        return np.asarray(out, np.float32)

    below = brow_z - along(2)
    return np.asarray((below > 0) & (along(1) > brow_y - FALL_MM_PER_MM * below))


def _coarse(array: Volume, grid: Grid) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    spacing = np.asarray(grid.unit_spacing)
    steps = np.maximum(1, np.round(_WORKING_MM / spacing)).astype(np.int64)
    small = array[:: steps[0], :: steps[1], :: steps[2]].astype(np.float32)
    return np.nan_to_num(small), steps


def _head(small: npt.NDArray[np.float32], *, is_ct: bool) -> Mask | None:
    """Find the largest connected body."""
    level = _CT_SKIN_HU if is_ct else _level(small)
    if level is None:
        return None
    body = ndimage.binary_opening(small > level, iterations=1)
    labels, count = ndimage.label(body)
    if not count:
        return None
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(ndimage.binary_fill_holes(labels == int(sizes.argmax())))


def _level(small: npt.NDArray[np.float32]) -> float | None:
    """Part dark ground from tissue: by Otsu's way, on the lower half of the range."""
    low, high = (float(p) for p in np.percentile(small, (1, 98)))
    if high <= low:
        return None
    counts, edges = np.histogram(np.clip(small, low, high), bins=128)
    centres = (edges[:-1] + edges[1:]) / 2
    weight = np.cumsum(counts)
    total = np.cumsum(counts * centres)
    rest = weight[-1] - weight
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = weight * rest * (total / weight - (total[-1] - total) / rest) ** 2
    best = float(centres[int(np.nanargmax(apart[:-1]))])
    # Scalp and cheeks are darker than the brightest tissue.
    return low + 0.5 * (best - low)
