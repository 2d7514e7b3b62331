"""The rungs that make evidence smooth: all that they share but how they do it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from suffice.core import Cohort
from suffice.segmenters.evidence import Evidence, search_evidence
from suffice.segmenters.postprocess import Cleaning, cleaned_classes, search_cleaning
from suffice.segmenters.searched import Arrays, SearchedSegmenter
from suffice.segmenters.searching import COARSE, FloatArray, Sample, Search, View, mean_dice

_TABLE = "table"
# Of the budget; cleaning has what is left.
_EVIDENCE, _SMOOTHING = 0.45, 0.85
# Of the time for smoothing, what the first option may take.
_FIRST = 0.2
_GAIN = 1e-3

Option = tuple[float, float]
# View, log shares of its evidence, the evidence, an option: probabilities (n_classes, *spatial).
Regularise = Callable[[View, FloatArray, Evidence, Option], FloatArray]


@dataclass(frozen=True, kw_only=True)
class RegularisedParameters:
    """What every such model knows, beside its table.

    Parameters
    ----------
    n_channels : int
    evidence : Evidence
    cleanings : tuple of Cleaning
        One for each structure.
    """

    n_channels: int
    evidence: Evidence
    cleanings: tuple[Cleaning, ...]


R = TypeVar("R", bound=RegularisedParameters)


class RegularisedSegmenter(SearchedSegmenter[R], Generic[R]):
    """Evidence from brightness and place, made smooth under one of a few options.

    Attributes
    ----------
    options : tuple of (float, float)
        To try in this order.
    option_names : (str, str)
        What the two are called among the parameters.
    """

    options: ClassVar[tuple[Option, ...]]
    option_names: ClassVar[tuple[str, str]]
    most_voxels: ClassVar[Mapping[int, int]]
    array_names: ClassVar[tuple[str, ...]] = (_TABLE,)

    @staticmethod
    @abstractmethod
    def regularise(
        view: View, log_shares: FloatArray, evidence: Evidence, option: Option
    ) -> FloatArray:
        """Make evidence ``(n_classes, *spatial)`` into probabilities under an option."""

    def _search(self, samples: list[Sample], labelled: Cohort, search: Search) -> tuple[R, Arrays]:
        found = search_regularised(
            samples,
            labelled,
            search,
            most_voxels=self.most_voxels[samples[0].classes.ndim],
            options=self.options,
            regularise=self.regularise,
        )
        parameters = self.kind(
            n_channels=found.evidence.n_channels,
            evidence=found.evidence,
            cleanings=found.cleanings,
            **dict(zip(self.option_names, found.option, strict=True)),
        )
        return parameters, {_TABLE: found.table}

    def _segment(self, view: View) -> tuple[npt.NDArray[np.uint8], FloatArray | None]:
        known = self.parameters_
        first, second = (getattr(known, name) for name in self.option_names)
        log_shares = known.evidence.log_shares(view, self._arrays[_TABLE])
        shares = self.regularise(view, log_shares, known.evidence, (first, second))
        return with_cleaning(shares, known.cleanings, view)


@dataclass(frozen=True, eq=False)
class Regularised:
    """What a search found: the evidence, its table, the best option and the cleanings."""

    evidence: Evidence
    table: npt.NDArray[np.float32]
    option: Option
    cleanings: tuple[Cleaning, ...]


def search_regularised(
    samples: Sequence[Sample],
    labelled: Cohort,
    search: Search,
    *,
    most_voxels: int,
    options: Sequence[Option],
    regularise: Regularise,
) -> Regularised:
    """Search the evidence first, then how it is made smooth, then the cleaning.

    Parameters
    ----------
    samples : sequence of Sample
    labelled : Cohort
    search : Search
    most_voxels : int
        Which scans are sampled down to, here as in prediction.
    options : sequence
        To try in this order.
    regularise : callable
        Gives the probabilities of a view under an option.
    """
    legend = labelled.legend
    coarse = [s.coarser(most_voxels, legend.n_classes) for s in samples]
    coarsest = [s.coarser(COARSE[s.classes.ndim], legend.n_classes) for s in coarse]
    evidence, table = search_evidence(
        coarsest, legend.n_classes, legend.names, search, part=_EVIDENCE
    )

    def smooth(sample: Sample, option: Option) -> npt.NDArray[np.intp]:
        log_shares = evidence.log_shares(sample.view, table)
        shares = regularise(sample.view, log_shares, evidence, option)
        return np.asarray(shares.argmax(axis=0))

    best, score, found = _compared(coarse, legend.n_classes, options, smooth, search)
    coarse = coarse[: len(found)]
    for name in legend.names:
        search.tell(name, score, n_tried=0)
    cleanings = tuple(
        search_cleaning(
            [f == k for f in found],
            [s.classes == k for s in coarse],
            [s.view.spacing for s in coarse],
            has_time=search.has_time,
        )
        for k in range(1, legend.n_classes)
    )
    return Regularised(evidence, table, best, cleanings)


def _compared(
    samples: Sequence[Sample],
    n_classes: int,
    options: Sequence[Option],
    smooth: Callable[[Sample, Option], npt.NDArray[np.intp]],
    search: Search,
) -> tuple[Option, float, list[npt.NDArray[np.intp]]]:
    """Find the option of the best mean Dice, that Dice, and the classes that it gives.

    All options are compared on the same cases: on as many, the first of them, as the first option
    finds time for.
    """
    best, score, found = options[0], -1.0, list[npt.NDArray[np.intp]]()
    part = _EVIDENCE + _FIRST * (_SMOOTHING - _EVIDENCE)
    for option in options:
        done: list[npt.NDArray[np.intp]] = []
        for sample in samples:
            if (done or found) and not search.has_time(part):
                break
            done.append(smooth(sample, option))
        if found and len(done) < len(samples):
            break
        samples, part = samples[: len(done)], _SMOOTHING
        truths = [s.classes for s in samples]
        reached = mean_dice(done, truths, n_classes)
        search.n_tried += 1
        if reached > score + _GAIN:
            best, score, found = option, reached, done
    return best, score, found


def with_cleaning(
    shares: FloatArray, cleanings: Sequence[Cleaning], view: View
) -> tuple[npt.NDArray[np.uint8], FloatArray]:
    """Clean the most probable classes, and make the probabilities agree with them.

    Returns
    -------
    classes : uint8 array of shape (*spatial)
    shares : float32 array of shape (n_classes, *spatial)
    """
    before = shares.argmax(axis=0).astype(np.uint8)
    classes = cleaned_classes(before, cleanings, view.spacing)
    changed = classes != before
    agreeing = shares.copy()
    agreeing[:, changed] = 0.0
    for k in range(len(shares)):
        agreeing[k, changed & (classes == k)] = 1.0
    return classes, agreeing
