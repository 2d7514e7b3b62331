"""The clusters rung: groups of like voxels that labelled cases merely give names to."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from suffice.core import Channel, Cohort, CohortError, Legend, UsageError
from suffice.segmenters.brightness import typical_voxel
from suffice.segmenters.card import ModelCard
from suffice.segmenters.clustering import (
    METHODS,
    Clusters,
    Description,
    Method,
    TooFewValuesError,
    find_clusters,
    means_within,
    name_clusters,
    superpixels,
)
from suffice.segmenters.searched import PLACE, Arrays, SearchedSegmenter
from suffice.segmenters.searching import COARSE, FloatArray, Sample, Search, View, mean_dice
from suffice.training.machine import threads_on

MOST_CLUSTERS = 64
MOST_POSITION = 100.0
# What is tried where it is not said.
_NUMBERS = (4, 8, 3, 6, 12, 2)
_POSITIONS = (0.0, 0.5, 1.0)
# In voxels of the finest axis.
_BLUR = 2.0
# Part of the budget for comparing; the best is then found again on finer voxels.
_COMPARING = 0.7
# Starts of k-means, where a person gives no other: the labelled cases choose, not luck.
_SEED = 0


@dataclass(frozen=True, kw_only=True)
class ClusterParameters:
    """What a model of clusters knows beside their centres.

    Parameters
    ----------
    method : {"kmeans", "gmm", "superpixels"}
    description : Description
    classes : tuple of int
        Of each cluster, the darkest first; 0 for the background.
    """

    method: Method
    description: Description
    classes: tuple[int, ...]

    @property
    def n_channels(self) -> int:
        """Of the images, those of a colour file counted each."""
        return self.description.n_channels


class ClusterSegmenter(SearchedSegmenter[ClusterParameters]):
    """Clusters of brightness; no mask has a part in them but to say which is what.

    `fit` finds them in the labelled cases and gives each structure the union of clusters that
    overlaps best with it there, so that their Dice on those cases is an upper bound.
    `of_scans` finds them where there is no mask at all.

    Parameters
    ----------
    method : {"kmeans", "gmm", "superpixels"}, optional
        By default the one with the best Dice on the labelled cases; so are the others.
    n_clusters : int, optional
    position : float, optional
        How much the place in the scan weighs against brightness.
    """

    rung: ClassVar[str] = "clusters"
    library: ClassVar[str] = "scikit-learn"
    kind: ClassVar[type] = ClusterParameters
    most_structures: ClassVar[int] = 12
    most_voxels: ClassVar[dict[int, int]] = {2: 1 << 20, 3: 1 << 22}
    array_names: ClassVar[tuple[str, ...]] = ("centres", "weights", "precisions")

    def __init__(
        self,
        *,
        method: Method | None = None,
        n_clusters: int | None = None,
        position: float | None = None,
    ) -> None:
        self.method, self.n_clusters, self.position = method, n_clusters, position

    @classmethod
    def of_scans(
        cls,
        views: Sequence[View],
        channels: Sequence[Channel],
        *,
        n_clusters: int,
        method: Method = "kmeans",
        position: float = 0.0,
        seed: int = 0,
    ) -> Self:
        """Find clusters in scans without masks; their numbers are 1 (the darkest) and on.

        Parameters
        ----------
        views : sequence of View
        channels : sequence of Channel
        n_clusters : int
        method : {"kmeans", "gmm", "superpixels"}
        position : float
        seed : int

        Raises
        ------
        UsageError
            If there is no such method, or so many clusters cannot be had.
        CohortError
            If there is no scan, or scans differ in channels or axes.
        """
        require_known(method, n_clusters, position)
        shapes = {(len(view.array), len(view.shape)) for view in views}
        if len(shapes) != 1:
            raise CohortError(
                "Clusters need scans of one kind",
                got="; ".join(f"{c} channels on {d} axes" for c, d in sorted(shapes)) or "none",
                cure="Give scans of the same channels, all of them pictures or all volumes.",
            )
        segmenter = cls(method=method, n_clusters=n_clusters, position=position)
        description = _description(views, channels, position)
        with threads_on(1):
            maps, pieces = _described(views, description, method)
            found = _found(maps, pieces, description, n_clusters, method, seed)
        numbers = range(1, n_clusters + 1)
        segmenter.parameters_ = ClusterParameters(
            method=method, description=description, classes=tuple(numbers)
        )
        no_place = np.zeros((0,) + (1,) * len(views[0].shape), np.uint8)
        segmenter._arrays = {**_arrays(found), PLACE: no_place}
        segmenter.legend_ = Legend.from_names({k: f"cluster_{k}" for k in numbers})
        segmenter.history_ = []
        segmenter.card_ = ModelCard(
            rung=cls.rung,
            legend=segmenter.legend_,
            channels=tuple(channels),
            n_cases=len(views),
            n_subjects=len(views),
            minutes=0.0,
            seed=seed,
            n_steps=1,
            versions={name: version(name) for name in ("suffice", cls.library)},
            method=method,
        )
        return segmenter

    def _search(
        self, samples: list[Sample], labelled: Cohort, search: Search
    ) -> tuple[ClusterParameters, Arrays]:
        wanted = list(
            itertools.product(
                _NUMBERS if self.n_clusters is None else (self.n_clusters,),
                METHODS if self.method is None else (self.method,),
                _POSITIONS if self.position is None else (self.position,),
            )
        )
        for number, method, position in wanted:
            require_known(method, number, position)
        n_classes = labelled.legend.n_classes
        coarse = [s.coarser(COARSE[s.classes.ndim], n_classes) for s in samples]
        best, chosen = -1.0, wanted[0]
        # One that is wanted alone need not be compared.
        for candidate in wanted if len(wanted) > 1 else ():
            if best >= 0 and not search.has_time(_COMPARING):
                break
            with contextlib.suppress(TooFewValuesError):
                *_, dice = _learned(coarse, labelled, *candidate)
                _tell(search, labelled, dice)
                if dice > best:
                    best, chosen = dice, candidate
        parameters, found, dice = _learned(samples, labelled, *chosen)
        _tell(search, labelled, dice)
        return parameters, _arrays(found)

    def _segment(self, view: View) -> tuple[npt.NDArray[np.uint8], FloatArray | None]:
        own = self.parameters_
        clusters = Clusters(**{name: self._arrays[name] for name in self.array_names})
        pieces = superpixels(view, own.description) if own.method == "superpixels" else None
        found = clusters.of(own.description.of(view), pieces)
        return np.asarray(own.classes, np.uint8)[found], None


def require_known(method: str, n_clusters: int, position: float) -> None:
    """Raise a `UsageError` for a way to cluster that there is not."""
    if method not in METHODS:
        raise UsageError("There is no such way to cluster", got=method, expected=", ".join(METHODS))
    if not 2 <= n_clusters <= MOST_CLUSTERS:
        raise UsageError(
            "So many clusters cannot be had", got=n_clusters, expected=f"2 to {MOST_CLUSTERS}"
        )
    if not 0 <= position <= MOST_POSITION:
        raise UsageError(
            "The place cannot weigh so much", got=position, expected=f"0 to {MOST_POSITION:g}"
        )


def _arrays(found: Clusters) -> Arrays:
    return {"centres": found.centres, "weights": found.weights, "precisions": found.precisions}


def _tell(search: Search, labelled: Cohort, dice: float) -> None:
    for i, name in enumerate(labelled.legend.names):
        search.tell(name, dice, n_tried=int(i == 0))


def _description(
    views: Sequence[View], channels: Sequence[Channel], position: float
) -> Description:
    return Description(
        n_channels=len(views[0].array),
        in_hu=channels[0].unit == "HU",
        blur=_BLUR * typical_voxel([view.spacing for view in views]),
        position=position,
    )


def _described(
    views: Sequence[View], description: Description, method: Method
) -> tuple[list[FloatArray], list[npt.NDArray[np.int64] | None]]:
    """Describe voxels, and number superpixels where they are wanted."""
    maps = [description.of(view) for view in views]
    if method != "superpixels":
        return maps, [None] * len(maps)
    return maps, [superpixels(view, description) for view in views]


def _found(
    maps: Sequence[FloatArray],
    pieces: Sequence[npt.NDArray[np.int64] | None],
    description: Description,
    n_clusters: int,
    method: Method,
    seed: int,
) -> Clusters:
    flat = [m.reshape(len(m), -1) for m in maps]
    points: list[npt.NDArray[Any]] = [
        one if own is None else means_within(one, own)
        for one, own in zip(flat, pieces, strict=True)
    ]
    return find_clusters(points, description, n_clusters, method, seed)


def _learned(
    samples: Sequence[Sample], labelled: Cohort, n_clusters: int, method: Method, position: float
) -> tuple[ClusterParameters, Clusters, float]:
    """Find clusters in labelled cases, name them, and tell the Dice of these names there."""
    views, n_classes = [s.view for s in samples], labelled.legend.n_classes
    description = _description(views, labelled.channels, position)
    maps, pieces = _described(views, description, method)
    found = _found(maps, pieces, description, n_clusters, method, _SEED)
    numbered = [found.of(one, own) for one, own in zip(maps, pieces, strict=True)]
    # The last column is what nobody labelled.
    counts = np.zeros((n_clusters, n_classes + 1), np.int64)
    for sample, numbers in zip(samples, numbered, strict=True):
        both = numbers.astype(np.int64) * (n_classes + 1) + sample.classes
        counts += np.bincount(both.ravel(), minlength=counts.size).reshape(counts.shape)
    classes = name_clusters(counts[:, :n_classes])
    named = [np.asarray(classes, np.uint8)[numbers] for numbers in numbered]
    dice = mean_dice(named, [s.classes for s in samples], n_classes)
    parameters = ClusterParameters(method=method, description=description, classes=classes)
    return parameters, found, dice
