"""The neighbourhood of structures, where a model can be unsure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import UsageError


def near_structures(
    mask: npt.NDArray[Any], spacing: Sequence[float], width: float
) -> npt.NDArray[np.bool_]:
    """Mark the structures of a mask and a band around them.

    Parameters
    ----------
    mask : bool or integer array of shape (N0, N1) or (N0, N1, N2)
        0 is background.
    spacing : sequence of float
        Distance between neighbours along each axis, in mm or pixels.
    width : float
        How far the band reaches from the nearest voxel of a structure, in the unit of the
        spacing.

    Returns
    -------
    bool array of the same shape
        Empty where the mask is.

    Examples
    --------
    >>> near_structures(np.array([[0, 0, 0, 2, 0]]), (1.0, 1.5), 2.0).astype(int)
    array([[0, 0, 1, 1, 1]])
    """
    if not width >= 0:
        raise UsageError("The width of a band must be 0 or more", got=width)
    is_structure = np.asarray(mask != 0)
    marked = is_structure.copy()
    boxes = ndimage.find_objects(is_structure.astype(np.uint8))
    if not boxes:
        return marked
    # Only the box that the band can reach: a distance transform of a whole scan takes seconds.
    reach = [int(np.ceil(width / step)) for step in spacing]
    box = tuple(
        slice(max(0, axis.start - n), axis.stop + n)
        for axis, n in zip(boxes[0], reach, strict=True)
    )
    distance = ndimage.distance_transform_edt(~is_structure[box], sampling=tuple(spacing))
    marked[box] = distance <= width * (1 + 1e-9)
    return marked
