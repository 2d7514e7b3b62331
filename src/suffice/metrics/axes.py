"""Distances between two far sets of cells, one axis after the other.

A squared distance is a sum over the axes, so its minimum can be found axis by axis: along the
first within each line, then over the lines of each plane, then over the planes. Unlike a distance
transform it looks only at lines that hold goals and at places that hold starting points.
"""

from __future__ import annotations

import itertools
from math import prod

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

# Each line costs calls that take as long as so many sums.
_CALL = 1000

# Farther than any cell.
_NOWHERE = 1 << 28


def axis_order(start: IntArray, goals: IntArray) -> tuple[tuple[int, ...], int]:
    """Return the order of the axes that takes the fewest sums, and how many those are.

    Parameters
    ----------
    start, goals : int array of shape (n_axes, n), (n_axes, m)
        Cells.
    """
    lengths = [np.ptp(cells, axis=1) + 1 for cells in (start, goals)]
    (begin, end), n_points = (side.tolist() for side in lengths), start.shape[1]

    def sums(order: tuple[int, ...]) -> int:
        planes, *middle, line = order
        along = prod(end[axis] for axis in order[:-1]) * (begin[line] + end[line] + _CALL)
        between = sum(end[planes] * end[m] * begin[m] * begin[line] for m in middle)
        return int(along + between + end[planes] * n_points)

    return min(((order, sums(order)) for order in _orders(len(begin))), key=lambda each: each[1])


def distances_by_axes(
    start: IntArray, goals: IntArray, spacing: tuple[float, ...], order: tuple[int, ...]
) -> FloatArray:
    """Measure the distance from each cell of ``start`` to the nearest of ``goals``.

    Parameters
    ----------
    start, goals : int array of shape (n_axes, n), (n_axes, m)
        Cells; goals must not be empty.
    spacing : tuple of float
    order : tuple of int
        As `axis_order` has it.

    Examples
    --------
    >>> start, goals = np.array([[0, 5], [0, 0]]), np.array([[3, 3], [2, 9]])
    >>> distances_by_axes(start, goals, (1.0, 2.0), (0, 1))
    array([5.        , 4.47213595])
    """
    turn = list(order)
    start, goals, steps = start[turn], goals[turn], [spacing[axis] for axis in order]
    first, goals_first = start.min(axis=1), goals.min(axis=1)
    at, offset = start - first[:, np.newaxis], first - goals_first
    lengths = (at.max(axis=1) + 1).tolist()
    ways = _along_lines(goals - goals_first[:, np.newaxis], lengths[-1], int(offset[-1]))
    ways = (ways * steps[-1]) ** 2
    places = np.ravel_multi_index(tuple(at[1:]), tuple(lengths[1:]))
    nearest = np.full(start.shape[1], np.inf)
    for plane, lines in enumerate(ways):
        if len(turn) == 3:
            between = (np.arange(lengths[1]) + offset[1]) * steps[1]
            reached = _over_lines(lines, between, steps[1])
        else:
            reached = lines
        away = ((at[0] + (offset[0] - plane)) * steps[0]) ** 2
        away += reached.ravel()[places]
        np.minimum(nearest, away, out=nearest)
    return np.asarray(np.sqrt(nearest))


def _orders(n_axes: int) -> list[tuple[int, ...]]:
    return list(itertools.permutations(range(n_axes)))


def _along_lines(goals: IntArray, length: int, offset: int) -> FloatArray:
    """Cells along the last axis to the nearest goal of the same line; infinite without any.

    Returns
    -------
    float array of shape (*goal_lengths[:-1], length)
        From the places ``offset`` to ``offset + length`` of each line.
    """
    *across, n_goals = (goals.max(axis=1) + 1).tolist()
    begin, end = min(offset, 0), max(offset + length, n_goals)
    places = np.arange(end - begin, dtype=np.int32)
    before = np.full((*across, end - begin), -_NOWHERE, dtype=np.int32)
    behind = np.full_like(before, _NOWHERE)
    here = (*goals[:-1], goals[-1] - begin)
    before[here] = behind[here] = here[-1]
    np.maximum.accumulate(before, axis=-1, out=before)
    turned = behind[..., ::-1]
    np.minimum.accumulate(turned, axis=-1, out=turned)
    ways = np.minimum(places - before, behind - places)
    ways = ways[..., offset - begin : offset - begin + length].astype(np.float64)
    ways[ways >= _NOWHERE / 2] = np.inf
    return np.asarray(ways)


def _over_lines(lines: FloatArray, between: FloatArray, step: float) -> FloatArray:
    """Square of the way within a plane from each place to the nearest goal of any of its lines."""
    reached = np.full((between.size, lines.shape[1]), np.inf)
    sums = np.empty_like(reached)
    # A line with a goal leads to it from all of its places.
    for i in np.flatnonzero(np.isfinite(lines[:, 0])):
        np.add(lines[i], ((between - i * step) ** 2)[:, np.newaxis], out=sums)
        np.minimum(reached, sums, out=reached)
    return reached
