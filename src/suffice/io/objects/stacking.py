"""From the positions of frames, some missing and some several times, to one regular grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.core import GeometryError, Grid
from suffice.io.dicom_headers import Frame
from suffice.io.raw import LPS_TO_RAS

FloatArray = npt.NDArray[np.float64]

_SAME_PLACE_MM = 0.01
# Positions are often rounded to a tenth of a millimetre.
_ROUNDING_MM, _LARGEST_PART = 0.1, 0.25
_SAME_DIRECTION = 1e-3
# What no scan has; a gap so small between frames would ask for more.
_MOST_SLICES = 10_000


@dataclass(frozen=True, eq=False)
class Stack:
    """A grid with the slice of it that each frame lies on."""

    grid: Grid
    slices: tuple[int, ...]


def stacked(frames: Sequence[Frame], shape: tuple[int, int], gap_mm: float | None) -> Stack:
    """Find the grid of frames.

    Parameters
    ----------
    frames : sequence of Frame
        With positions and orientations; several may lie on one slice.
    shape : tuple of int
        Rows and columns.
    gap_mm : float, optional
        What the header says of the distance of slices; taken where all frames lie on such, else
        the smallest gap between any two is.

    Raises
    ------
    GeometryError
        If they lie in several directions, or in no regular distances.
    """
    rows, columns = shape
    first = frames[0]
    orientation = np.array(first.orientation, dtype=np.float64)
    if not all(np.allclose(f.orientation, orientation, atol=_SAME_DIRECTION) for f in frames):  # type: ignore[arg-type]
        raise GeometryError(
            "The frames lie in several directions", cure="Split it into an object for each."
        )
    across, down = orientation[:3], orientation[3:]
    normal = np.cross(across, down)
    normal /= np.linalg.norm(normal)
    positions = np.array([frame.position for frame in frames])
    along = positions @ normal
    slices, step_mm = _slices(along - along.min(), gap_mm, first.thickness_mm)
    low, high = int(slices.argmin()), int(slices.argmax())
    n = int(slices[high]) + 1
    # A tilted gantry shifts each slice against the last.
    step = (positions[high] - positions[low]) / (n - 1) if n > 1 else normal * step_mm
    row_mm, column_mm = first.spacing_mm or (1.0, 1.0)
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1], lps[:3, 2] = across * column_mm, down * row_mm, step
    lps[:3, 3] = positions[low]
    grid = Grid((columns, rows, n), affine=LPS_TO_RAS @ lps)
    return Stack(grid, tuple(int(i) for i in slices))


def _slices(
    along: FloatArray, gap_mm: float | None, thickness_mm: float | None
) -> tuple[npt.NDArray[np.int64], float]:
    """Number the slices, the lowest 0, and say how far they lie apart."""
    places = np.sort(along)
    gaps = np.diff(places)
    gaps = gaps[gaps > _SAME_PLACE_MM]
    if not gaps.size:
        return np.zeros(along.size, dtype=np.int64), gap_mm or thickness_mm or 1.0
    smallest = float(gaps.min())
    for candidate in (gap_mm, smallest):
        if candidate is None or candidate < _SAME_PLACE_MM:
            continue
        # The whole length tells the gap better than one rounded gap does.
        n = max(1, round(float(places[-1]) / candidate))
        step = float(places[-1]) / n
        index = np.rint(along / step)
        off = np.abs(along - index * step).max()
        if n < _MOST_SLICES and off <= min(_ROUNDING_MM, _LARGEST_PART * step):
            return index.astype(np.int64), step
    raise GeometryError(
        "The frames lie in irregular distances",
        got=f"gaps of {smallest:.2f} to {gaps.max():.2f} mm",
        cure="Export it again on a series of even slices, or leave it out.",
    )
