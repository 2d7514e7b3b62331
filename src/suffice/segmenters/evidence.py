"""How likely each structure is at each voxel, from brightness and from where it lies."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.segmenters.brightness import (
    Brightness,
    candidates,
    distinct_channels,
    thinned,
    typical_voxel,
)
from suffice.segmenters.searching import FloatArray, Sample, Search, View, mean_dice

_N_BINS = 24
# Twelve cases leave bins empty; in bins.
_BLUR = 1.0
_LEAST = 1e-4
_TRUSTS = (0.0, 0.5, 1.0, 1.5)
_N_SECOND = 9
_RANGE_PERCENT = (0.5, 99.5)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Two brightnesses whose joint histogram is known for each class.

    Parameters
    ----------
    n_channels : int
        Of the images.
    first, second : Brightness
    edges : tuple of float
        Lowest and highest value of the first, then of the second, that bins lie between.
    trust : float
        Power that the probability by place is raised to; 0 where places say nothing.
    """

    n_channels: int
    first: Brightness
    second: Brightness
    edges: tuple[float, ...]
    trust: float

    def log_shares(self, view: View, table: npt.NDArray[np.float32]) -> FloatArray:
        """Logarithm of the probability of each class, shape ``(n_classes, *spatial)``.

        Parameters
        ----------
        view : View
        table : float32 array of shape (n_classes, 24, 24)
            Logarithm of how often a class shows the two brightnesses, see `search_evidence`.
        """
        one = _binned(self.first.of(view, 0), self.edges[:2])
        other = _binned(self.second.of(view, 0), self.edges[2:])
        scores = table[:, one, other]
        if self.trust and view.place is not None:
            scores = scores + np.float32(self.trust) * np.log(view.place + np.float32(_LEAST))
        top = scores.max(axis=0)
        total = top + np.log(np.exp(scores - top).sum(axis=0))
        return np.asarray(scores - total, dtype=np.float32)


def search_evidence(
    samples: Sequence[Sample], n_classes: int, names: Sequence[str], search: Search, part: float
) -> tuple[Evidence, npt.NDArray[np.float32]]:
    """Search the two brightnesses, the best one first, and how far places are trusted.

    Parameters
    ----------
    samples : sequence of Sample
        Coarse ones do.
    n_classes : int
        With the background.
    names : sequence of str
        Of the structures, for the history.
    search : Search
    part : float
        Of the budget, which must not be passed.

    Returns
    -------
    Evidence, float32 array of shape (n_classes, 24, 24)
    """
    voxel = typical_voxel([s.view.spacing for s in samples])
    has_places = samples[0].view.place is not None
    learner = _Learner(samples, n_classes, names, search)
    trust = 1.0 if has_places else 0.0
    ranked: list[tuple[float, Brightness]] = []
    for option in candidates(distinct_channels([s.view for s in samples]), voxel):
        if not ranked or search.has_time(0.6 * part):
            ranked.append((learner.score(option, option, trust), option))
    leaders = [option for _, option in sorted(ranked, key=lambda entry: -entry[0])]
    for first, second in itertools.product(leaders[:2], leaders[1:_N_SECOND]):
        if first != second and search.has_time(0.9 * part):
            learner.score(first, second, trust)
    evidence, _ = learner.best
    for trust in _TRUSTS:
        if has_places and trust != evidence.trust and search.has_time(part):
            learner.score(evidence.first, evidence.second, trust)
    return learner.best


class _Learner:
    """Learns one choice after another and keeps the best."""

    def __init__(
        self, samples: Sequence[Sample], n_classes: int, names: Sequence[str], search: Search
    ) -> None:
        self._samples, self._n_classes = samples, n_classes
        self._names, self._search = names, search
        self._score = -1.0
        self.best: tuple[Evidence, npt.NDArray[np.float32]]

    def score(self, first: Brightness, second: Brightness, trust: float) -> float:
        """Mean Dice of the most probable classes."""
        evidence, table = _learned(self._samples, first, second, trust, self._n_classes)
        found = [evidence.log_shares(s.view, table).argmax(axis=0) for s in self._samples]
        score = mean_dice(found, [s.classes for s in self._samples], self._n_classes)
        if score > self._score + 1e-3:
            self._score, self.best = score, (evidence, table)
        self._search.n_tried += 1
        for name in self._names:
            self._search.tell(name, score, n_tried=0)
        return score


def _learned(
    samples: Sequence[Sample],
    first: Brightness,
    second: Brightness,
    trust: float,
    n_classes: int,
) -> tuple[Evidence, npt.NDArray[np.float32]]:
    fields = [[b.of(s.view, 0) for s in samples] for b in (first, second)]
    edges: list[float] = []
    for of_cases in fields:
        values = np.concatenate([thinned(field, 5000) for field in of_cases])
        edges += [float(v) for v in np.percentile(values, _RANGE_PERCENT)]
    counts = np.zeros((n_classes, _N_BINS, _N_BINS))
    for one, other, sample in zip(*fields, samples, strict=True):
        np.add.at(counts, (sample.classes, _binned(one, edges[:2]), _binned(other, edges[2:])), 1.0)
    smooth = ndimage.gaussian_filter(counts, (0, _BLUR, _BLUR), mode="nearest")
    shares = smooth / np.maximum(smooth.sum(axis=(1, 2), keepdims=True), 1.0)
    if not trust:
        # Without places, how common a class is at all takes their part.
        shares *= counts.sum(axis=(1, 2), keepdims=True) / counts.sum()
    table = np.log(shares + _LEAST / _N_BINS**2).astype(np.float32)
    n_channels = len(samples[0].view.array)
    evidence = Evidence(
        n_channels=n_channels, first=first, second=second, edges=tuple(edges), trust=trust
    )
    return evidence, table


def _binned(values: FloatArray, ends: Sequence[float]) -> npt.NDArray[np.intp]:
    low, high = ends
    scaled = (values - np.float32(low)) * np.float32(_N_BINS / max(high - low, 1e-6))
    return np.asarray(np.clip(scaled, 0, _N_BINS - 1), dtype=np.intp)
