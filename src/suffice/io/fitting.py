"""Whether the images of a case, and a mask and its image, fit each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from suffice.core import CohortError, GeometryError, Grid, LabelError
from suffice.io.images import read_grid
from suffice.io.layouts.draft import LabelArray
from suffice.io.masks import read_mask_array

_MAX_LABEL = 65535


def require_utf8(paths: Iterable[Path]) -> None:
    """Raise a `CohortError` where a path cannot be written into a table."""
    for path in paths:
        try:
            str(path).encode()
        except UnicodeEncodeError as error:
            raise CohortError(
                f"The name {str(path)!r} is not UTF-8", cure="Rename the file."
            ) from error


def common_grid(paths: Sequence[Path]) -> Grid:
    """Read the grid that the channels of a case share.

    Raises
    ------
    GeometryError
        If they lie on different ones.
    """
    first = read_grid(paths[0])
    for other in paths[1:]:
        first.require_match(read_grid(other), f"'{paths[0]}'", f"'{other}'")
    return first


def fitting_mask(path: Path, grid: Grid, image: Path) -> LabelArray:
    """Read a mask that lies on the grid of an image.

    Raises
    ------
    SufficeError
        If it cannot be read, or lies elsewhere.
    """
    array, own = read_mask_array(path)
    if grid.ndim == own.ndim == 2 and own.shape != grid.shape:
        raise _other_size(path, own, grid, image)
    grid.require_match(own, f"'{image.name}'", f"its mask '{path.name}'")
    return array


def _other_size(path: Path, own: Grid, grid: Grid, image: Path) -> GeometryError:
    mine, theirs = ("x".join(map(str, shape)) for shape in (own.shape, grid.shape))
    if all(a <= b for a, b in zip(own.shape, grid.shape, strict=True)):
        return GeometryError(
            f"'{path.name}' is smaller than '{image.name}'",
            got=f"{mine} pixels of {theirs}",
            cure="It may be a crop: nothing says where in the image it lies.",
        )
    return GeometryError(
        f"'{path.name}' and '{image.name}' differ in size", got=mine, expected=theirs
    )


def mask_values(array: LabelArray, path: Path) -> frozenset[int]:
    """List the values of a mask, background left out, without sorting its voxels."""
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > _MAX_LABEL:
        raise LabelError(
            f"'{path.name}' holds values that no label has",
            got=f"{low} to {high}",
            expected=f"0 to {_MAX_LABEL}",
        )
    seen = np.zeros(high + 1, dtype=bool)
    for slab in array:
        seen[slab] = True
    return frozenset(int(v) for v in np.flatnonzero(seen) if v)
