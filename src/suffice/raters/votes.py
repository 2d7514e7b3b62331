"""What several raters said of every voxel, told by the few vote patterns that occur.

Five raters and five structures can vote in a few thousand ways at most, and on a scan of millions
of voxels some hundred ways do occur. What a consensus says of a voxel depends on its pattern
alone, so that it is worked out once a pattern and looked up for the voxels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from suffice.core import GeometryError, LabelError, UsageError

Masks = Mapping[str, npt.NDArray[np.generic]]
"""Rater to mask, on one grid. A rater who saw nothing is there with zeros, one who never looked
is not there at all."""

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

# Voxels worked on at a time: they stay in the processor's cache.
_CHUNK = 1 << 16
# Ways to vote that fit a table; with more raters than that, codes are made dense between.
_MOST_CODES = 1 << 16


@dataclass(frozen=True, eq=False)
class Votes:
    """The votes on one case.

    Parameters
    ----------
    raters : tuple of str
        In the order of the columns of ``table``.
    values : tuple of int
        Label value of each class; the first is 0, background.
    table : int array of shape (n_patterns, n_raters)
        The class that each rater gave, for each pattern that occurs.
    counts : int array of shape (n_patterns,)
        Voxels that have the pattern.
    codes : unsigned array of the spatial shape
        Code of the pattern of each voxel.
    code_of : int array of shape (n_patterns,)
        Code of each pattern, ascending.
    n_codes : int
        All codes are below.
    """

    raters: tuple[str, ...]
    values: tuple[int, ...]
    table: npt.NDArray[np.intp]
    counts: Counts
    codes: npt.NDArray[Any]
    code_of: npt.NDArray[np.intp]
    n_codes: int

    @property
    def n_classes(self) -> int:
        """Number of classes, background included."""
        return len(self.values)

    @cached_property
    def tallies(self) -> npt.NDArray[np.intp]:
        """How many raters gave each class, of shape (n_patterns, n_classes)."""
        return np.asarray((self.table[:, :, None] == np.arange(self.n_classes)).sum(axis=1))

    @cached_property
    def shares(self) -> FloatArray:
        """Share of the raters who gave each class, of shape (n_patterns, n_classes)."""
        return np.asarray(self.tallies / len(self.raters))

    def spread(self, per_pattern: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give every voxel the value of its pattern, in the spatial shape."""
        lookup = np.zeros(self.n_codes, dtype=per_pattern.dtype)
        lookup[self.code_of] = per_pattern
        spread = np.empty_like(self.codes, dtype=per_pattern.dtype)
        codes, flat = _in_memory_order(self.codes), _in_memory_order(spread)
        for start in range(0, len(codes), _CHUNK):
            part = slice(start, start + _CHUNK)
            # Codes are never out of range; clipping spares numpy a buffer.
            np.take(lookup, codes[part], out=flat[part], mode="clip")
        return spread

    def only(self, raters: Sequence[str]) -> Votes:
        """Return the votes of some of the raters; patterns that now look alike stay apart."""
        columns = [self.raters.index(rater) for rater in raters]
        return replace(self, raters=tuple(raters), table=self.table[:, columns])

    def labels(self, classes: npt.NDArray[np.intp]) -> npt.NDArray[np.uint16]:
        """Label value of every voxel from the class of every pattern."""
        return self.spread(np.asarray(self.values, dtype=np.uint16)[classes])

    def shared(self, classes: npt.NDArray[np.intp]) -> Counts:
        """Voxels that rater and consensus gave a pair of classes, for every rater.

        Parameters
        ----------
        classes : int array of shape (n_patterns,)
            The class that the consensus gives each pattern.

        Returns
        -------
        int array of shape (n_raters, n_classes, n_classes)
            ``[rater, consensus, drawn]``.
        """
        k = self.n_classes
        cells = [
            np.bincount(classes * k + drawn, weights=self.counts, minlength=k * k)
            for drawn in self.table.T
        ]
        return np.rint(cells).astype(np.int64).reshape(-1, k, k)


def collect_votes(masks: Masks, values: tuple[int, ...] | None = None) -> Votes:
    """Collapse the masks of one case to vote patterns.

    Parameters
    ----------
    masks : mapping of str to integer or bool array
        One shape for all.
    values : tuple of int, optional
        Label values that may occur, background (0) left out; those found, where not given.

    Raises
    ------
    UsageError, GeometryError, LabelError
        If there is no rater, shapes differ, or a mask holds anything but these values.

    Examples
    --------
    >>> anna, ben = np.array([[0, 1, 1]]), np.array([[0, 0, 1]])
    >>> votes = collect_votes({"anna": anna, "ben": ben})
    >>> votes.table.tolist(), votes.counts.tolist()
    ([[0, 0], [1, 0], [1, 1]], [1, 1, 1])
    """
    require_masks(masks)
    if values is None:
        found: set[int] = set()
        for mask in masks.values():
            found.update(int(v) for v in np.unique(mask))
        values = tuple(sorted(found - {0})) or (1,)
    values = (0, *values)
    flats, shaped = _aligned(masks)
    read = _class_reader(values)
    n_classes, n_raters = len(values), len(flats)
    at_once = max(1, int(np.log(_MOST_CODES) / np.log(n_classes) + 1e-9))
    codes, present, counts = _packed(flats[:at_once], read, n_classes)
    n_codes = n_classes ** min(at_once, n_raters)
    table = _digits(present, n_classes, min(at_once, n_raters))
    for start in range(at_once, n_raters, at_once):
        group = flats[start : start + at_once]
        more, more_present, _ = _packed(group, read, n_classes)
        dense = np.searchsorted(present, codes) * np.int64(len(more_present))
        dense += np.searchsorted(more_present, more)
        pairs, inverse, tally = np.unique(dense, return_inverse=True, return_counts=True)
        left, right = np.divmod(pairs, len(more_present))
        table = np.hstack([table[left], _digits(more_present, n_classes, len(group))[right]])
        codes, present, counts = inverse.astype(np.uint32), np.arange(len(pairs)), tally
        n_codes = len(pairs)
    return Votes(tuple(masks), values, table, counts, shaped(codes), present, n_codes)


def require_masks(masks: Masks, shape: tuple[int, ...] | None = None) -> None:
    """Raise unless there are raters, whose masks hold whole numbers and have one shape."""
    if not masks:
        raise UsageError("There is no rater", cure="Give a mask of at least one.")
    for rater, mask in masks.items():
        if shape is None:
            shape = mask.shape
        if mask.shape != shape:
            raise GeometryError(
                f"The mask of rater '{rater}' has another shape than the scan or the others",
                got=mask.shape,
                expected=shape,
            )
        if mask.dtype.kind not in "iub":
            raise LabelError(f"The mask of rater '{rater}' must hold integers", got=mask.dtype)


def _in_memory_order(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.ravel(order="K")


def _aligned(
    masks: Masks,
) -> tuple[list[npt.NDArray[Any]], Callable[[npt.NDArray[Any]], npt.NDArray[Any]]]:
    """Give flat views of masks in one memory order, and how to shape a flat array like them."""
    arrays = list(masks.values())
    shape = arrays[0].shape
    fortran = all(a.flags.f_contiguous and not a.flags.c_contiguous for a in arrays)
    order: Literal["C", "F"] = "F" if fortran else "C"
    flats = [a.view(np.uint8) if a.dtype == bool else a for a in arrays]
    flats = [a.ravel(order=order) for a in flats]
    return flats, lambda flat: flat.reshape(shape, order=order)


def _class_reader(values: tuple[int, ...]) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
    """Make a function from label values to classes that refuses unknown ones."""
    highest = max(values)
    contiguous = values == tuple(range(len(values)))
    lookup = np.full(highest + 1, -1, dtype=np.int32)
    lookup[list(values)] = np.arange(len(values))

    def read(chunk: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if chunk.max() > highest or (chunk.dtype.kind == "i" and chunk.min() < 0):
            raise _unknown(chunk, values)
        if contiguous:
            return chunk
        classes: npt.NDArray[Any] = lookup[chunk]
        if classes.min() < 0:
            raise _unknown(chunk, values)
        return classes

    return read


def _unknown(chunk: npt.NDArray[Any], values: tuple[int, ...]) -> LabelError:
    found = sorted(int(v) for v in np.unique(chunk) if v not in values)
    return LabelError(
        "A mask holds values that the legend does not know",
        got=found[:5],
        expected=list(values),
        cure="Add them to the legend or mend the mask.",
    )


def _packed(
    flats: list[npt.NDArray[Any]],
    read: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
    n_classes: int,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp], Counts]:
    """Write each voxel's votes as one number in base ``n_classes``, and count the numbers."""
    n_codes = n_classes ** len(flats)
    codes = np.empty(len(flats[0]), dtype=np.min_scalar_type(n_codes - 1))
    total = np.zeros(n_codes, dtype=np.int64)
    for start in range(0, len(codes), _CHUNK):
        part = slice(start, start + _CHUNK)
        packed = codes[part]
        packed[:] = read(flats[0][part])
        for flat in flats[1:]:
            packed *= packed.dtype.type(n_classes)
            np.add(packed, read(flat[part]), out=packed, casting="unsafe")
        total += np.bincount(packed, minlength=n_codes)
    present = np.flatnonzero(total)
    return codes, present, np.asarray(total[present])


def _digits(numbers: npt.NDArray[np.intp], base: int, n_digits: int) -> npt.NDArray[np.intp]:
    powers = base ** np.arange(n_digits - 1, -1, -1)
    return np.asarray(numbers[:, None] // powers % base)
