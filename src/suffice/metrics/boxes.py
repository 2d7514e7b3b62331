"""Where in an image the structures lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import Legend

Box = tuple[slice, ...]

# Finding the box of every value takes as long as comparing the image with about so many values.
_MOST_COMPARED = 12


def structure_boxes(masks: Sequence[npt.NDArray[Any]], legend: Legend) -> dict[int, Box]:
    """Return boxes that hold each structure of all the masks, by value; empty where there is none.

    A few structures share the box around them all, many have their own.

    Parameters
    ----------
    masks : sequence of integer or bool array of one shape
    legend : Legend
    """
    nowhere = (slice(0, 0),) * masks[0].ndim
    around = [box for box in map(_box_of_all, masks) if box is not None]
    if not around:
        return dict.fromkeys(legend.values, nowhere)
    common = _joined(around)
    if len(legend) <= _MOST_COMPARED:
        return dict.fromkeys(legend.values, common)
    boxes: dict[int, Box] = {}
    for mask in masks:
        part = mask[common]
        found = ndimage.find_objects(part.astype(np.uint8) if part.dtype == bool else part)
        for value in legend.values:
            box = found[value - 1] if value <= len(found) else None
            if box is not None:
                boxes[value] = _joined([boxes[value], box]) if value in boxes else box
    return {
        value: _moved(boxes[value], common) if value in boxes else nowhere
        for value in legend.values
    }


def _box_of_all(mask: npt.NDArray[Any]) -> Box | None:
    """Box around every value above 0; ``None`` where there is none."""
    if mask.flags.f_contiguous and not mask.flags.c_contiguous:
        turned = _box_of_all(mask.T)
        return None if turned is None else turned[::-1]
    first = np.flatnonzero(mask.max(axis=tuple(range(1, mask.ndim))) > 0)
    if not first.size:
        return None
    box = [slice(int(first[0]), int(first[-1]) + 1)]
    rest = mask[box[0]].max(axis=0) > 0
    for axis in range(rest.ndim):
        hit = np.flatnonzero(rest.any(axis=tuple(a for a in range(rest.ndim) if a != axis)))
        box.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return tuple(box)


def _joined(boxes: Sequence[Box]) -> Box:
    return tuple(
        slice(min(s.start for s in sides), max(s.stop for s in sides))
        for sides in zip(*boxes, strict=True)
    )


def _moved(box: Box, within: Box) -> Box:
    """Put a box of a part into the whole."""
    return tuple(
        slice(inner.start + outer.start, inner.stop + outer.start)
        for inner, outer in zip(box, within, strict=True)
    )
