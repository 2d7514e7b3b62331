"""Where in an image the structures lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import Legend


def structure_boxes(
    masks: Sequence[npt.NDArray[np.generic]], legend: Legend
) -> dict[int, tuple[slice, ...]]:
    """Box around each structure in any of the masks, by value; absent ones are left out.

    Parameters
    ----------
    masks : sequence of integer or bool array of one shape
    legend : Legend
    """
    highest = max(legend.values)
    boxes: dict[int, tuple[slice, ...]] = {}
    for mask in masks:
        found = ndimage.find_objects(mask.astype(np.uint8) if mask.dtype == bool else mask, highest)
        for value in legend.values:
            box = found[value - 1]
            if box is not None:
                boxes[value] = _around(boxes.get(value, box), box)
    return boxes


def _around(one: tuple[slice, ...], other: tuple[slice, ...]) -> tuple[slice, ...]:
    return tuple(
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
