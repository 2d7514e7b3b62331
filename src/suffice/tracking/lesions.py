"""What became of each single lesion between two visits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from suffice.core import Grid
from suffice.metrics import components
from suffice.tracking.registration import Alignment, index_affine, onto_grid

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float64]

NEW, GONE, GROWN, SHRUNK, UNCHANGED = "new", "gone", "grown", "shrunk", "unchanged"
FATES = (NEW, GROWN, UNCHANGED, SHRUNK, GONE)
LEAST_CHANGE_PERCENT = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesion:
    """One lesion, or those that merged or split, at two visits.

    Parameters
    ----------
    number : int
        From 1, the largest first.
    fate : str
        ``new``, ``grown``, ``unchanged``, ``shrunk`` or ``gone``.
    before, after : float
        Sizes in ml (of pictures in mm2, or pixels), each on its visit's own grid.
    n_before, n_after : int
        Pieces: more than one where lesions merged or split.
    place_mm : tuple of float
        Middle in the world of the later visit, RAS+; of pictures row and column times spacing.
    """

    number: int
    fate: str
    before: float
    after: float
    n_before: int
    n_after: int
    place_mm: tuple[float, ...]

    @property
    def change_percent(self) -> float:
        """Change in percent of the size before; not a number for a new lesion."""
        return 100 * (self.after - self.before) / self.before if self.before > 0 else float("nan")


def match_lesions(
    before: Mask,
    after: Mask,
    grid: Grid,
    other: Grid,
    alignment: Alignment,
    *,
    least_change_percent: float = LEAST_CHANGE_PERCENT,
) -> list[Lesion]:
    """Match the connected pieces of a structure at two visits by their overlap.

    Parameters
    ----------
    before, after : bool arrays of shape ``grid.shape`` and ``other.shape``
    grid, other : Grid
        Of the earlier and of the later scan.
    alignment : Alignment
        Where the registration is only so good, pieces that come within a voxel of each other
        count as overlapping.
    least_change_percent : float
        A lesion whose size changes by less is unchanged.

    Returns
    -------
    list of Lesion
        The largest first.

    Notes
    -----
    Pieces that overlap, directly or through others, are one lesion, so that one that splits or
    two that merge are compared whole. Sizes are counted on the visits' own grids: resampling
    changes no size.

    Examples
    --------
    >>> before, after = np.zeros((8, 8, 1), bool), np.zeros((8, 8, 1), bool)
    >>> before[1:3, 1:3] = after[1:3, 1:4] = after[6, 6] = True
    >>> grid = Grid.from_spacing((8, 8, 1), (1.0, 1.0, 1.0))
    >>> same = Alignment(np.eye(4), "same grid")
    >>> found = match_lesions(before, after, grid, grid, same)
    >>> [(one.fate, one.before, one.after) for one in found]
    [('grown', 0.004, 0.006), ('new', 0.0, 0.001)]
    """
    old, new = components(before), components(after)
    n_old, n_new = int(old.max(initial=0)), int(new.max(initial=0))
    moved = _moved(old, grid, other, alignment)
    links = _overlaps(moved, new, reach=1 if alignment.is_moved else 0)
    size_before = _sizes(old, n_old) * _voxel_size(grid)
    size_after = _sizes(new, n_new) * _voxel_size(other)
    groups = _groups(links, n_old, n_new)
    places = _places(moved, new, other, n_old, n_new)
    found = []
    for group in range(int(groups.max(initial=-1)) + 1):
        mine = np.flatnonzero(groups == group)
        olds, news = mine[mine < n_old], mine[mine >= n_old] - n_old
        small, large = float(size_before[olds].sum()), float(size_after[news].sum())
        shown = news + n_old if len(news) else olds
        weights = np.concatenate([size_before, size_after])[shown]
        middle = np.average(places[shown], axis=0, weights=weights)
        found.append(
            Lesion(
                number=0,
                fate=_fate(small, large, least_change_percent),
                before=small,
                after=large,
                n_before=len(olds),
                n_after=len(news),
                place_mm=tuple(float(c) for c in middle),
            )
        )
    found.sort(key=lambda one: (-max(one.before, one.after), one.place_mm))
    return [_numbered(one, i) for i, one in enumerate(found, start=1)]


def _numbered(lesion: Lesion, number: int) -> Lesion:
    return Lesion(
        number=number,
        fate=lesion.fate,
        before=lesion.before,
        after=lesion.after,
        n_before=lesion.n_before,
        n_after=lesion.n_after,
        place_mm=lesion.place_mm,
    )


def _fate(before: float, after: float, least_change_percent: float) -> str:
    if before == 0:
        return NEW
    if after == 0:
        return GONE
    if abs(after - before) < least_change_percent / 100 * before:
        return UNCHANGED
    return GROWN if after > before else SHRUNK


def _moved(old: Numbers, grid: Grid, other: Grid, alignment: Alignment) -> Numbers:
    """Resample numbered pieces; one too small for the later grid keeps the voxel of its middle."""
    moved = np.array(onto_grid(old, grid, other, alignment), np.int32)
    n_old = int(old.max(initial=0))
    lost = np.setdiff1d(np.arange(1, n_old + 1), moved)
    if len(lost):
        forth = np.linalg.inv(index_affine(grid, other, alignment))
        for number, middle in zip(lost, ndimage.center_of_mass(old > 0, old, lost), strict=True):
            index = np.rint(forth[:-1, :-1] @ np.asarray(middle) + forth[:-1, -1]).astype(int)
            if (index >= 0).all() and (index < other.shape).all():
                moved[tuple(index)] = number
    return moved


def _overlaps(moved: Numbers, new: Numbers, *, reach: int) -> tuple[Numbers, Numbers]:
    """Pairs of an old and a new piece that share a voxel, or come within ``reach`` of it."""
    if reach:
        around = ndimage.generate_binary_structure(moved.ndim, moved.ndim)
        # Where pieces touch, the largest number wins: the others still overlap by themselves.
        wide = ndimage.grey_dilation(moved, footprint=around)
        moved_pairs = [_pairs(moved, new), _pairs(np.asarray(wide, np.int32), new)]
        both = np.unique(np.concatenate(moved_pairs, axis=1), axis=1)
        return both[0], both[1]
    pairs = _pairs(moved, new)
    return pairs[0], pairs[1]


def _pairs(moved: Numbers, new: Numbers) -> Numbers:
    both = (moved > 0) & (new > 0)
    return np.asarray(np.unique(np.stack([moved[both], new[both]]), axis=1), np.int32)


def _groups(links: tuple[Numbers, Numbers], n_old: int, n_new: int) -> Numbers:
    """Number of the group of each piece, old ones first."""
    n = n_old + n_new
    if n == 0:
        return np.zeros(0, np.int32)
    rows, columns = links[0] - 1, links[1] - 1 + n_old
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int32)


def _sizes(numbers: Numbers, n: int) -> FloatArray:
    return np.bincount(numbers.ravel(), minlength=n + 1)[1:].astype(np.float64)


def _voxel_size(grid: Grid) -> float:
    if grid.voxel_volume_ml is not None:
        return grid.voxel_volume_ml
    return float(np.prod(grid.unit_spacing))


def _places(moved: Numbers, new: Numbers, other: Grid, n_old: int, n_new: int) -> FloatArray:
    """Middle of each piece in the later world, old ones first; not numbers outside its view."""
    places = np.full((n_old + n_new, other.ndim), np.nan)
    for numbers, start in ((moved, 0), (new, n_old)):
        there = np.unique(numbers[numbers > 0])
        if len(there):
            middles = np.asarray(ndimage.center_of_mass(numbers > 0, numbers, there))
            world = (
                middles * np.asarray(other.unit_spacing)
                if other.affine is None
                else other.to_world_mm(middles)
            )
            places[start + there - 1] = world
    return places
