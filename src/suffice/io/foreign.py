"""What is unlike most images of a cohort: pictures among volumes, other channels, other sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from suffice.core import Grid

# A volume so many times larger or smaller than the median is of another kind.
_FOREIGN_FACTOR = 50
_FOREIGN_MIN_CASES = 5


def strangers(images: Sequence[tuple[Grid, int | None]]) -> list[str | None]:
    """Say of each image why it is no part of the cohort, or ``None``.

    Parameters
    ----------
    images : sequence of (Grid, int or None)
        With the number of channels, where it is known.

    Examples
    --------
    >>> strangers([(Grid((8, 8)), 1), (Grid((8, 9)), 1), (Grid((8, 8)), 3)])
    [None, None, 'has 3 channels where most have 1']
    """
    n_volumes = sum(grid.ndim == 3 for grid, _ in images)
    ndim = 3 if 2 * n_volumes > len(images) else 2
    kinds = ("a picture", "volumes") if ndim == 3 else ("a volume", "pictures")
    median = median_shape(grid for grid, _ in images if grid.ndim == ndim)
    counts = Counter(n for _, n in images if n is not None)
    usual = counts.most_common(1)[0][0] if counts else None

    def reason(grid: Grid, n_channels: int | None) -> str | None:
        if grid.ndim != ndim:
            return f"{kinds[0]} in a cohort of {kinds[1]}"
        other = foreign_size(grid, median, len(images))
        if other is None and n_channels not in (None, usual):
            return f"has {n_channels} channels where most have {usual}"
        return other

    return [reason(grid, n_channels) for grid, n_channels in images]


def median_shape(grids: Iterable[Grid]) -> tuple[int, ...]:
    """Median of the sizes along each axis; empty where there is none."""
    shapes = [grid.shape for grid in grids]
    return tuple(int(n) for n in np.median(shapes, axis=0)) if shapes else ()


def foreign_size(grid: Grid, median: tuple[int, ...], n_cases: int) -> str | None:
    """Say why a volume cannot be of this cohort, or ``None``. Pictures vary too much to tell."""
    if grid.ndim != 3 or len(median) != 3 or n_cases < _FOREIGN_MIN_CASES:
        return None
    ratio = float(np.prod(grid.shape) / np.prod(median))
    if 1 / _FOREIGN_FACTOR < ratio < _FOREIGN_FACTOR:
        return None
    mine, theirs = ("x".join(map(str, shape)) for shape in (grid.shape, median))
    return f"a foreign volume: {mine} voxels where the median of the cohort is {theirs}"
