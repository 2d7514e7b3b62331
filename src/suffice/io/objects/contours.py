"""Between masks and contours, exact both ways: even-odd fill and outlines half way to the next."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def filled(contours: Iterable[FloatArray], shape: tuple[int, int]) -> Mask:
    """Fill closed contours by the even-odd rule: what an odd number of them encloses is inside.

    So a hole may be a contour of its own or be reached through a keyhole, whose two sides cancel.

    Parameters
    ----------
    contours : iterable of array of shape (N, 2)
        Row and column of the vertices in pixels, the centre of the first pixel at 0; the last
        vertex is joined to the first.
    shape : tuple of int
        Rows and columns.

    Returns
    -------
    bool array of shape ``shape``
        Whether the centre of a pixel is inside.

    Examples
    --------
    >>> square = np.array([[0.5, 0.5], [0.5, 3.5], [2.5, 3.5], [2.5, 0.5]])
    >>> filled([square], (4, 5)).astype(int)
    array([[0, 0, 0, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 0, 0, 0]])
    """
    rows, columns = shape
    # A crossing turns everything to the right of it from outside to inside or back.
    turns = np.zeros((rows, columns + 1), dtype=np.int64)
    for contour in contours:
        row, column = _crossings(contour, rows)
        np.add.at(turns, (row, np.clip(np.ceil(column), 0, columns).astype(np.int64)), 1)
    inside: Mask = (np.cumsum(turns, axis=1)[:, :columns] % 2).astype(bool)
    return inside


def _crossings(contour: FloatArray, n_rows: int) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Find where edges cross the centres of rows; of an edge along a row, nowhere."""
    ends = np.stack([contour, np.roll(contour, -1, axis=0)])
    # From above down, so that both sides of a keyhole cross a row at the same place to the bit.
    order = np.lexsort((ends[..., 1], ends[..., 0]), axis=0)
    (top, left), (bottom, right) = np.take_along_axis(ends, order[..., None], axis=0).swapaxes(1, 2)
    first = np.ceil(np.clip(top, 0, n_rows)).astype(np.int64)
    count = np.ceil(np.clip(bottom, 0, n_rows)).astype(np.int64) - first
    edge = np.repeat(np.arange(len(contour)), count)
    row = np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    slope = (right - left)[edge] / (bottom - top)[edge]
    return row, left[edge] + (row - top[edge]) * slope


def outlined(plane: Mask) -> list[FloatArray]:
    """Outline what is drawn on a plane; holes are reached through keyholes.

    The outline runs half way between pixels inside and outside, so that `filled` gives the plane
    back.

    Returns
    -------
    list of array of shape (N, 2)
        Row and column of the vertices, one contour for each piece.
    """
    from skimage.measure import find_contours

    padded = np.pad(plane, 1).astype(np.float64)
    found = [_straightened(contour[:-1] - 1.0) for contour in find_contours(padded, 0.5)]
    # Contours run around what is drawn one way and around holes the other.
    outer = sorted((c for c in found if _area(c) > 0), key=_area)
    holes = sorted((c for c in found if _area(c) < 0), key=_area)
    merged = dict(enumerate(outer))
    for hole in holes:
        # The smallest contour around it is its own.
        owner = next(i for i, contour in enumerate(outer) if _encloses(contour, hole))
        merged[owner] = _through_keyhole(merged[owner], hole)
    return list(merged.values())


def _area(contour: FloatArray) -> float:
    row, column = contour.T
    return float((np.roll(row, -1) * column - row * np.roll(column, -1)).sum() / 2)


def _straightened(contour: FloatArray) -> FloatArray:
    """Leave out vertices on a straight line between others."""
    before, after = np.roll(contour, 1, axis=0), np.roll(contour, -1, axis=0)
    (a, b), (c, d) = (contour - before).T, (after - contour).T
    straight: FloatArray = contour[a * d - b * c != 0]
    return straight


def _encloses(contour: FloatArray, hole: FloatArray) -> bool:
    """Whether a contour encloses a hole, which it never touches."""
    # The middle of an edge, as a ray through vertices would be counted twice.
    row, column = (hole[0] + hole[1]) / 2 + (1e-3, 0.0)
    start, end = contour, np.roll(contour, -1, axis=0)
    crosses = (start[:, 0] > row) != (end[:, 0] > row)
    part = (row - start[crosses, 0]) / (end[crosses, 0] - start[crosses, 0])
    at = start[crosses, 1] + part * (end[crosses, 1] - start[crosses, 1])
    return bool((at > column).sum() % 2)


def _through_keyhole(contour: FloatArray, hole: FloatArray) -> FloatArray:
    """Go from the contour into a hole, around it and back the same way, where that is shortest."""
    apart = ((contour[:, None, :] - hole[None, :, :]) ** 2).sum(axis=-1)
    i, j = (int(k) for k in np.unravel_index(int(apart.argmin()), apart.shape))
    around = np.concatenate([hole[j:], hole[: j + 1]])
    return np.concatenate([contour[: i + 1], around, contour[i:]])
