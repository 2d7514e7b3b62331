"""What the values in a mask mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from suffice.core.errors import LabelError

_Value = TypeVar("_Value", bound=np.generic)

_LARGEST_VALUE = 65535
# Classes are held in a byte.
_MOST_LABELS = 255

# Okabe and Ito's palette (2008), which colour-blind readers can tell apart, then a few more.
COLOURS = (
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
    "#8C564B",
    "#7F7F7F",
    "#17BECF",
)


@dataclass(frozen=True, slots=True)
class Label:
    """One structure: its value in the mask, name, colour and, where known, a code."""

    value: int
    name: str
    colour: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Legend:
    """The structures of a cohort, background (0) left out.

    Parameters
    ----------
    labels : tuple of Label
    ignore : int, optional
        The value of voxels that nobody labelled, which say nothing: neither that a structure is
        there nor that it is not.

    Examples
    --------
    >>> legend = Legend.from_names({1: "anterior", 2: "posterior"})
    >>> legend.names, legend.n_classes
    (('anterior', 'posterior'), 3)
    """

    labels: tuple[Label, ...]
    ignore: int | None = None

    def __post_init__(self) -> None:
        values = [label.value for label in self.labels]
        names = [label.name for label in self.labels]
        if not self.labels:
            raise LabelError("A legend needs at least one structure besides the background")
        if len(set(values)) < len(values) or len(set(names)) < len(names):
            raise LabelError("A legend's values and names must be unique", got=self.labels)
        if min(values) < 1 or max(values) > _LARGEST_VALUE:
            raise LabelError("Label values must lie in 1 to 65535; 0 is background", got=values)
        most = _MOST_LABELS - (self.ignore is not None)
        if len(values) > most:
            raise LabelError(
                f"A legend can name at most {most} structures",
                got=len(values),
                cure="Give objects of one kind one value.",
            )
        if self.ignore is not None and (
            self.ignore in values or not 1 <= self.ignore <= _LARGEST_VALUE
        ):
            raise LabelError(
                "The value of unlabelled voxels must be one that no structure has",
                got=self.ignore,
                expected="1 to 65535; 0 is background",
                cure="Where 0 is unlabelled, import with --ignore 0 --background VALUE.",
            )

    @classmethod
    def from_names(cls, names: Mapping[int, str], *, ignore: int | None = None) -> Legend:
        """Make a legend from ``{value: name}``, with colours from the default palette."""
        ordered = sorted(names.items())
        return cls(
            tuple(
                Label(int(value), str(name), COLOURS[i % len(COLOURS)])
                for i, (value, name) in enumerate(ordered)
            ),
            ignore,
        )

    def __repr__(self) -> str:
        # Digests of cohorts rest on it: where every voxel is labelled they stay as they were.
        ignore = "" if self.ignore is None else f", ignore={self.ignore}"
        return f"Legend(labels={self.labels!r}{ignore})"

    def __iter__(self) -> Iterator[Label]:
        return iter(self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def values(self) -> tuple[int, ...]:
        """Label values, background left out."""
        return tuple(label.value for label in self.labels)

    @property
    def names(self) -> tuple[str, ...]:
        """Structure names in the order of the labels."""
        return tuple(label.name for label in self.labels)

    @property
    def n_classes(self) -> int:
        """Number of classes with the background."""
        return len(self.labels) + 1

    @property
    def whole(self) -> Legend:
        """The same structures in masks that label every voxel, as those of a model do."""
        return self if self.ignore is None else Legend(self.labels)

    def unknown_values(self, mask: npt.NDArray[np.generic]) -> list[int]:
        """Values in ``mask`` that are neither background, unlabelled nor in the legend."""
        present: set[int] = set()
        for plane in _planes(mask):
            present.update(_values(plane))
        return sorted(present - {0, self.ignore, *self.values})

    def to_classes(self, mask: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
        """Map label values to contiguous classes 0..n (the order of the labels).

        Unlabelled voxels get one more than the last class, `n_classes`.
        """
        unknown = self.unknown_values(mask)
        if unknown:
            raise LabelError(
                "The mask holds values that the legend does not know",
                got=unknown,
                expected=list(self.values),
                cure="Add them to the legend in cohort.toml or mend the mask.",
            )
        table = np.zeros(max(self._all_values) + 1, dtype=np.uint8)
        for i, value in enumerate(self._all_values, start=1):
            table[value] = i
        return _looked_up(table, mask)

    def from_classes(self, classes: npt.NDArray[np.generic]) -> npt.NDArray[np.uint16]:
        """Map contiguous classes back to label values."""
        table = np.array([0, *self._all_values], dtype=np.uint16)
        return _looked_up(table, classes)

    @property
    def _all_values(self) -> tuple[int, ...]:
        return self.values if self.ignore is None else (*self.values, self.ignore)


def _looked_up(table: npt.NDArray[_Value], array: npt.NDArray[Any]) -> npt.NDArray[_Value]:
    values = np.empty_like(array, dtype=table.dtype)
    for plane, indices in zip(_planes(values), _planes(array), strict=True):
        np.take(table, indices, out=plane)
    return values


def _planes(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """View an array so that its first axis is the slowest in memory.

    Work goes plane by plane, because numpy makes indices of 8 bytes for all that it is given.
    """
    if array.ndim < 3:
        return array[None]
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    return array.T if fortran else array


def _values(plane: npt.NDArray[Any]) -> list[int]:
    countable = plane.dtype.kind in "iu" and plane.size > 0
    if countable and plane.min() >= 0 and plane.max() <= _LARGEST_VALUE:
        # Counting is many times as fast as the sorting that numpy.unique does.
        return [int(value) for value in np.flatnonzero(np.bincount(plane.ravel()))]
    return [int(value) for value in np.unique(plane)]
