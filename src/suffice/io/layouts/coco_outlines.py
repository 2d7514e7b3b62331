"""Outlines of COCO as pixels. What is not sound is refused before pycocotools' C code sees it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_MIN_POLYGON = 6
# A run in COCO's text form: 5 bits a character from chr(48) on, then a sign and a flag for more.
_BASE, _BITS, _SIGN, _MORE, _MAX_CHARACTERS = 48, 5, 0x10, 0x20, 7

Outline = list[list[float]] | dict[str, Any]


def sound_outline(segmentation: Any, size: tuple[int, int]) -> Outline | None:
    """Return polygons or run lengths that can be filled, or ``None``.

    Parameters
    ----------
    segmentation : object
        As in the JSON: a list of polygons ``[x, y, x, y, ...]``, or ``size`` and ``counts``.
    size : tuple of int
        Height and width of the image.

    Examples
    --------
    >>> sound_outline([[0, 0, 4, 0, 4, 4]], (5, 5)), sound_outline([], (5, 5))
    ([[0.0, 0.0, 4.0, 0.0, 4.0, 4.0]], None)
    """
    if isinstance(segmentation, dict):
        counts, stated = segmentation.get("counts"), segmentation.get("size")
        if not isinstance(stated, list) or tuple(stated) != size:
            return None
        runs = run_lengths(counts) if isinstance(counts, str) else counts
        sound = isinstance(runs, list) and all(type(run) is int and run >= 0 for run in runs)
        if not sound or runs is None or sum(runs) != size[0] * size[1]:
            return None
        return {"size": list(size), "counts": runs}
    if not isinstance(segmentation, list) or not segmentation:
        return None
    polygons = [_polygon(each, max(size)) for each in segmentation]
    return None if None in polygons else [polygon for polygon in polygons if polygon]


def _polygon(numbers: Any, reach: int) -> list[float] | None:
    """Check that there are three points at least, none much outside the image."""
    if not isinstance(numbers, list) or len(numbers) < _MIN_POLYGON or len(numbers) % 2:
        return None
    if not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
        return None
    return [float(n) for n in numbers] if max(map(abs, numbers)) <= 2 * reach else None


def run_lengths(text: str) -> list[int] | None:
    """Read COCO's text form of run lengths, or give ``None`` where it is damaged.

    Examples
    --------
    >>> run_lengths("52203"), run_lengths("p")
    ([5, 2, 2, 2, 5], None)
    """
    runs: list[int] = []
    value = n_characters = 0
    for character in text:
        bits = ord(character) - _BASE
        if not 0 <= bits < 2 * _MORE or n_characters == _MAX_CHARACTERS:
            return None
        value |= (bits & (_MORE - 1)) << (_BITS * n_characters)
        n_characters += 1
        if not bits & _MORE:
            value -= (1 << (_BITS * n_characters)) if bits & _SIGN else 0
            # From the fourth run on, the text holds the difference to the run before the last.
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = n_characters = 0
    return None if n_characters else runs


def fill(outlines: Sequence[tuple[int, Outline]], shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
    """Fill sound outlines with their label values, in order: the later lies on top."""
    from pycocotools import mask as coco_mask

    array = np.zeros(shape, dtype=np.uint16)
    for value, outline in outlines:
        with warnings.catch_warnings():
            # pycocotools predates the way in which numpy 2 asks for arrays.
            warnings.simplefilter("ignore", DeprecationWarning)
            runs = coco_mask.frPyObjects(outline, *shape)
            inside = coco_mask.decode(coco_mask.merge(runs) if isinstance(runs, list) else runs)
        array[inside.astype(bool)] = value
    return array
