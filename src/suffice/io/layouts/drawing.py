"""Masks made of several files: of instances, or of structures drawn apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from suffice.core import GeometryError
from suffice.io.layouts.draft import Drawing, LabelArray
from suffice.io.masks import read_mask_array

_HALF_OF_8_BIT = 127


def combined(structures: Sequence[tuple[int, Path]]) -> Drawing:
    """Combine files that each mark one structure; where they overlap the later is on top.

    Parameters
    ----------
    structures : sequence of (int, Path)
        The label value that the foreground of each file gets.
    """
    return Drawing(tuple(path for _, path in structures), partial(_combine, tuple(structures)))


def numbered(paths: Sequence[Path]) -> Drawing:
    """Join files of an object each to one mask of the value 1, and number the objects."""
    joined = combined([(1, path) for path in paths])
    return replace(joined, number=partial(_combine, tuple(enumerate(paths, start=1))))


def _combine(structures: Sequence[tuple[int, Path]], shape: tuple[int, ...]) -> LabelArray:
    array = np.zeros(shape, dtype=np.uint16)
    for value, path in structures:
        marked = foreground(read_mask_array(path)[0])
        if marked.shape != shape:
            raise GeometryError(
                f"'{path.name}' has another size than its image", got=marked.shape, expected=shape
            )
        array[marked] = value
    return array


def foreground(array: LabelArray) -> npt.NDArray[np.bool_]:
    """Mark what a binary mask marks: above 127 where it reaches there, else above 0."""
    limit = _HALF_OF_8_BIT if array.max() > _HALF_OF_8_BIT else 0
    return np.asarray(array > limit)


def redundant_combinations(names: Mapping[str, object] | Sequence[str]) -> dict[str, str]:
    """Find names that join two others, e.g. ``axonmyelin``: ``{name: "axon and myelin"}``.

    Examples
    --------
    >>> redundant_combinations(["axon", "axonmyelin", "myelin"])
    {'axonmyelin': 'axon and myelin'}
    """
    known = list(names)
    return {
        first + joint + second: f"{first} and {second}"
        for first in known
        for second in known
        for joint in ("", "-", "+", "and")
        if first != second and first + joint + second in known
    }
