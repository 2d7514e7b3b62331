"""From each point of one surface to the nearest point of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from suffice.metrics.axes import axis_order, distances_by_axes
from suffice.metrics.lattice import Lattice

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

# Places looked up at a time: few enough to stay in the processor's cache, enough to hide the call.
_LOOKUPS = 50_000

# Steps on end that must bring a share of the points to a goal, or no more are tried on them.
_TRIAL = 64
_SHARE = 0.05

# What is cheapest for far points: a window around each costs as much as a tree of about so many
# goals, the search from one in a tree as much as the transform of so many voxels; and so many
# sums along the axes cost as much as a search, or as a voxel's transform.
_GOALS_A_WINDOW = 200
_VOXELS_A_SEARCH = 100
_SUMS_A_SEARCH = 7000
_SUMS_A_VOXEL = 30


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The points of one surface on a lattice.

    Parameters
    ----------
    here : bool array of shape (n_places,)
        Whether the surface passes through each place of the flat lattice.
    points : int array of shape (n,)
        Where it does.
    size : float array of shape (n,)
        What each point stands for: an area, a length or just one.
    """

    here: BoolArray
    points: IntArray
    size: FloatArray


def nearest(start: Surface, goal: Surface, lattice: Lattice) -> tuple[IntArray, FloatArray]:
    """Measure the distance from each point of ``start`` to the nearest of ``goal``.

    Returns
    -------
    order : int array of shape (n,)
        The points of ``start`` from near to far, as indices into them.
    distance : float array of shape (n,)
        In that order; infinite where ``goal`` is empty.

    Notes
    -----
    Two surfaces of one structure mostly run within a few voxels of each other, often through the
    same places. So every step is tried, from short to long, on the points that have not
    arrived yet; a tree finds the way of those that are still left.
    """
    if not goal.points.size:
        return np.arange(start.points.size), np.full(start.points.size, np.inf)
    rank = _shortest_steps(start.points, goal.here, lattice.flat_steps)
    order = np.argsort(rank, kind="stable")
    n_near = int(np.count_nonzero(rank < len(lattice.lengths)))
    if n_near == order.size:
        return order, lattice.lengths[rank[order]]
    near, far = order[:n_near], order[n_near:]
    away = _far_distances(start.points[far], goal, lattice)
    by_distance = np.argsort(away)
    return (
        np.concatenate([near, far[by_distance]]),
        np.concatenate([lattice.lengths[rank[near]], away[by_distance]]),
    )


def _shortest_steps(
    points: IntArray, goal: BoolArray, flat_steps: IntArray
) -> npt.NDArray[np.int16]:
    """Index of the first step from each point that arrives; the number of steps where none does."""
    n_steps = len(flat_steps)
    rank = np.full(points.size, n_steps, dtype=np.int16)
    left = np.arange(points.size)
    tried, n_before, check = 0, points.size, _TRIAL
    while points.size and tried < n_steps:
        some = flat_steps[tried : tried + min(max(1, _LOOKUPS // points.size), _TRIAL)]
        hits = goal[points + some[:, np.newaxis]]
        arrived = hits.any(axis=0)
        rank[left[arrived]] = tried + hits[:, arrived].argmax(axis=0)
        left, points = left[~arrived], points[~arrived]
        tried += len(some)
        if tried >= check:
            if points.size > (1 - _SHARE) * n_before:
                break
            n_before, check = points.size, tried + _TRIAL
    return rank


def _far_distances(points: IntArray, goal: Surface, lattice: Lattice) -> FloatArray:
    """Distances from points that no step leads away from; each way gives the same ones."""
    if points.size * _GOALS_A_WINDOW < goal.points.size:
        here = lattice.unfold(goal.here)
        cells = lattice.cells(points).T
        return np.array([_distance_in_windows(cell, here, lattice.spacing) for cell in cells])
    begin, end = lattice.cells(points), lattice.cells(goal.points)
    order, n_sums = axis_order(begin, end)
    if n_sums < min(points.size * _SUMS_A_SEARCH, goal.here.size * _SUMS_A_VOXEL):
        return distances_by_axes(begin, end, lattice.spacing, order)
    if points.size * _VOXELS_A_SEARCH > goal.here.size:
        return _distances_by_transform(points, goal, lattice)
    scale = np.array(lattice.spacing)[:, np.newaxis]
    start, goals = ((cells * scale).T for cells in (begin, end))
    # A balanced tree takes longer to grow than it saves, and longer to search from afar.
    tree = cKDTree(goals, balanced_tree=False, compact_nodes=False)
    return np.asarray(tree.query(start)[0])


def _distance_in_windows(cell: IntArray, here: BoolArray, spacing: tuple[float, ...]) -> float:
    """Look into larger and larger windows around one point, until no nearer goal lies outside."""
    radius = 8 * max(spacing)
    while True:
        sides = [
            (max(int(c - radius / s), 0), int(c + radius / s) + 1)
            for c, s in zip(cell.tolist(), spacing, strict=True)
        ]
        window = here[tuple(slice(*side) for side in sides)]
        found = np.unravel_index(np.flatnonzero(window), window.shape)
        away = [
            (first + i - c) * s
            for (first, _), i, c, s in zip(sides, found, cell, spacing, strict=True)
        ]
        distance = float(np.linalg.norm(away, axis=0).min(initial=np.inf))
        if distance <= radius:
            return distance
        radius *= 2


def _distances_by_transform(points: IntArray, goal: Surface, lattice: Lattice) -> FloatArray:
    """Find the nearest goal of every voxel, but measure the distance at the points alone."""
    closest = ndimage.distance_transform_edt(
        ~lattice.unfold(goal.here),
        sampling=lattice.spacing,
        return_distances=False,
        return_indices=True,
    )
    cells = lattice.cells(points)
    scale = np.array(lattice.spacing)[:, np.newaxis]
    return np.asarray(np.linalg.norm((closest[(slice(None), *cells)] - cells) * scale, axis=0))
