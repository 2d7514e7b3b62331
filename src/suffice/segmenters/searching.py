"""What the rungs share whose parameters are searched: scans as they see them, and the search."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.core import Budget, Cohort, Image, LabelMap, Listener, Progress, silent
from suffice.io import read_case_image, read_case_mask
from suffice.segmenters.place import place_of, place_on, places_without_own
from suffice.segmenters.preparing import Orientation
from suffice.training.resampling import resample_image, resample_labels

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

# A handful of parameters is known as well from sixteen cases as from a thousand.
MOST_CASES = 16
# Voxels by number of axes: what a search looks at, and what it first looks at coarsely.
FINE = {2: 1 << 18, 3: 1 << 18}
COARSE = {2: 1 << 14, 3: 1 << 16}
# Reading must leave time to search, and the search time to write the model.
_READING, _SEARCHING = 0.5, 0.95


@dataclass(frozen=True, eq=False)
class View:
    """A scan in canonical axes, sampled down where it is large.

    Parameters
    ----------
    array : float32 array of shape (C, *spatial)
    spacing : tuple of float
        In mm, or pixels where the spacing of a picture is unknown.
    place : float32 array of shape (n_classes, *spatial), optional
        Probability of each class at each voxel, from where it lies in other cases.
    """

    array: FloatArray
    spacing: tuple[float, ...]
    place: FloatArray | None = None

    @classmethod
    def of(cls, image: Image, most_voxels: int) -> View:
        """Look at an image; one of more voxels than ``most_voxels`` is sampled down evenly."""
        orientation = Orientation.of(image.grid)
        array = orientation.to_canonical(image.array)
        spacing = orientation.reorder(image.grid.unit_spacing)
        shape = shape_within(array.shape[1:], spacing, most_voxels)
        return cls(
            resample_image(array, shape),
            tuple(s * n / m for s, n, m in zip(spacing, array.shape[1:], shape, strict=True)),
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape."""
        return self.array.shape[1:]

    def placed(self, mean: npt.NDArray[np.uint8] | None) -> View:
        """Return the view with the places of a mean of cases."""
        return self if mean is None else replace(self, place=place_on(mean, self.shape))


@dataclass(frozen=True, eq=False)
class Sample:
    """A labelled case as a search sees it: its view, and its classes (uint8) on the same voxels."""

    name: str
    subject: str
    view: View
    classes: npt.NDArray[np.uint8]

    def coarser(self, most_voxels: int, n_classes: int) -> Sample:
        """Return the case with at most about ``most_voxels`` voxels."""
        view = self.view
        shape = shape_within(view.shape, view.spacing, most_voxels)
        if shape == view.shape:
            return self
        spacing = tuple(s * n / m for s, n, m in zip(view.spacing, view.shape, shape, strict=True))
        place = None if view.place is None else resample_image(view.place, shape)
        seen = View(resample_image(view.array, shape), spacing, place)
        return replace(self, view=seen, classes=resample_labels(self.classes, shape, n_classes))


def shape_within(
    shape: Sequence[int], spacing: Sequence[float], most_voxels: int
) -> tuple[int, ...]:
    """Shape of at most about ``most_voxels``; finely sampled axes give voxels before coarse ones.

    Examples
    --------
    >>> shape_within((512, 512, 40), (0.7, 0.7, 5.0), 1 << 18)
    (80, 80, 40)
    """
    size = np.asarray(shape, float)
    extent = size * np.asarray(spacing)
    if size.prod() <= most_voxels:
        return tuple(int(n) for n in shape)
    low, high = 0.0, float(extent.max())
    for _ in range(60):
        step = (low + high) / 2
        low, high = (
            (step, high) if np.minimum(size, extent / step).prod() > most_voxels else (low, step)
        )
    return tuple(int(max(1, n)) for n in np.floor(np.minimum(size, extent / high) + 1e-6))


class Search:
    """The clock, the count and the history of a search.

    Parameters
    ----------
    structures : sequence of str
        What is searched for; the Dice of the history is their mean.
    budget : Budget
    listener : callable
    started : float
        When the budget began to run, by ``clock``.
    clock : callable, optional
        By default `time.monotonic`.

    Attributes
    ----------
    history : list of dict
        A row of ``step, seconds, dice`` whenever a candidate was better than all before.
    n_tried : int
    """

    def __init__(
        self,
        structures: Sequence[str],
        budget: Budget,
        listener: Listener = silent,
        *,
        started: float | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._clock, self._listener = clock or time.monotonic, listener
        self._started = self._clock() if started is None else started
        self._seconds = budget.seconds
        self._best = dict.fromkeys(structures, 0.0)
        self.history: list[dict[str, float]] = []
        self.n_tried = 0

    @property
    def spent(self) -> float:
        """Part of the budget that is used up."""
        return (self._clock() - self._started) / self._seconds

    def has_time(self, part: float = 1.0) -> bool:
        """Whether less than a part of what may be searched is used up."""
        return self.spent < _SEARCHING * part

    def tell(self, structure: str, dice: float, n_tried: int = 1) -> None:
        """Count candidates, of which the best had this Dice."""
        self.n_tried += n_tried
        if dice <= self._best[structure] + 1e-6:
            return
        self._best[structure] = dice
        mean = float(np.mean(list(self._best.values())))
        seconds = self._clock() - self._started
        row = {"step": float(self.n_tried), "seconds": round(seconds, 3), "dice": round(mean, 6)}
        self.history.append(row)
        self._listener(
            Progress("search", min(1.0, self.spent), note=structure, values={"dice": mean})
        )


def read_samples(
    labelled: Cohort, *, seed: int, search: Search, listener: Listener = silent, least: int = 1
) -> list[Sample]:
    """Read some labelled cases one at a time, each sampled down to some 260,000 voxels.

    The place of each case is the mean of the other subjects'. Where reading takes half of the
    budget, the cases read by then have to do, if they are ``least`` or more.
    """
    rng = np.random.default_rng(seed)
    chosen = sorted(rng.permutation(len(labelled))[:MOST_CASES])
    n_classes = labelled.legend.n_classes
    samples: list[Sample] = []
    for done, index in enumerate(chosen):
        if len(samples) >= least and not search.has_time(_READING):
            break
        case = labelled.cases[index]
        listener(Progress("read", done / len(chosen), note=case.name))
        view = View.of(read := read_case_image(labelled, case), FINE[read.grid.ndim])
        classes = classes_on(read_case_mask(labelled, case), view.shape)
        samples.append(Sample(case.name, case.subject, view, classes))
    places = [place_of(sample.classes, n_classes) for sample in samples]
    means = places_without_own(places, [sample.subject for sample in samples])
    if means is None:
        return samples
    return [
        replace(sample, view=sample.view.placed(mean))
        for sample, mean in zip(samples, means, strict=True)
    ]


def classes_on(mask: LabelMap, shape: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Classes of a mask in canonical axes, sampled to a shape."""
    classes = Orientation.of(mask.grid).to_canonical(mask.legend.to_classes(mask.array))
    return resample_labels(np.ascontiguousarray(classes), shape, mask.legend.n_classes)


def sampled(numbered: npt.NDArray[Any], shape: Sequence[int]) -> npt.NDArray[Any]:
    """Take the nearest value for each voxel of another shape over the same extent."""
    if tuple(shape) == numbered.shape:
        return numbered
    at = [
        ((np.arange(m) + 0.5) * n / m).astype(int)
        for n, m in zip(numbered.shape, shape, strict=True)
    ]
    return numbered[np.ix_(*at)]


def dice(predicted: BoolArray, truth: BoolArray) -> float:
    """Dice of two masks; one where both are empty, as nothing was there to find."""
    total = int(np.count_nonzero(predicted)) + int(np.count_nonzero(truth))
    return 2.0 * int(np.count_nonzero(predicted & truth)) / total if total else 1.0


def mean_dice(predicted: Sequence[Any], truths: Sequence[Any], n_classes: int) -> float:
    """Mean Dice over the structures of some cases' classes."""
    values = [
        dice(one == k, other == k)
        for one, other in zip(predicted, truths, strict=True)
        for k in range(1, n_classes)
    ]
    return float(np.mean(values))
