"""The forest rung: a classifier of voxels by their features at several scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from suffice.core import Budget, Cohort, CohortError, Listener, silent
from suffice.segmenters.boosted_trees import BoostedTrees
from suffice.segmenters.features import FilterBank
from suffice.segmenters.forest_finish import Finish, search_finish
from suffice.segmenters.forest_stages import (
    JUDGING,
    Rows,
    all_features,
    class_parts,
    corrections,
    judged,
)
from suffice.segmenters.model_folder import naming_damage
from suffice.segmenters.postprocess import Cleaning
from suffice.segmenters.searched import Arrays, SearchedSegmenter
from suffice.segmenters.searching import FINE, FloatArray, Sample, Search, View

# Of the smallest voxel, as far as one look at a voxel reaches.
_SCALES = {2: (0.7, 1.5, 3.0, 6.0, 12.0, 24.0), 3: (0.7, 1.5, 3.0, 6.0, 12.0)}
_CONTEXT = (0.7, 3.0, 6.0, 12.0)
# Where nothing can be judged: half of what even drawing adds to rare classes is taken back.
_USUAL_POWER = 0.5
# Tried in this order, as time may end before the last.
_POWERS = (_USUAL_POWER, 0.25, 0.75, 0.0, 1.0)
# A second stage or position must help by more than chance does.
_LEAST_GAIN = 0.002
_CLIP_PERCENT = (0.5, 99.5)
_FIELDS = tuple(field.name for field in fields(BoostedTrees))


@dataclass(frozen=True, kw_only=True)
class ForestParameters:
    """What a forest knows besides its trees.

    Parameters
    ----------
    n_channels : int
    used : tuple of int
        The channels that are looked at: of a grey picture in a colour file but the first.
    is_absolute : tuple of bool
        Of the channels that are used: whether brightness means the same in every scan, as in HU.
    banks : tuple of FilterBank
        Of the stages, one or two: the second also sees what the first found around a voxel.
    finish : Finish
    """

    n_channels: int
    used: tuple[int, ...]
    is_absolute: tuple[bool, ...]
    banks: tuple[FilterBank, ...]
    finish: Finish


class ForestSegmenter(SearchedSegmenter[ForestParameters]):
    """Gradient-boosted trees on features of voxels, as users of ilastik know them.

    Scans are sampled down to some 260,000 voxels. Whether a voxel's place in the scan is a
    feature, whether a second stage follows that sees what the first found nearby, how the
    probabilities are weighed, smoothed and cleaned: all of it is chosen on the labelled cases,
    each judged by trees that never saw its subject.
    """

    rung: ClassVar[str] = "forest"
    library: ClassVar[str] = "scikit-learn"
    kind: ClassVar[type] = ForestParameters
    most_structures: ClassVar[int] = 20
    most_voxels: ClassVar[Mapping[int, int]] = FINE
    array_names: ClassVar[tuple[str, ...]] = tuple(
        f"stage{stage}_{name}" for stage in (1, 2) for name in _FIELDS
    )

    def fit(
        self,
        labelled: Cohort,
        *,
        budget: Budget,
        seed: int,
        workdir: Path,
        listener: Listener = silent,
    ) -> Self:
        """Learn from at most sixteen labelled cases, see `SearchedSegmenter.fit`.

        Raises
        ------
        CohortError
            If the cases do not fit each other, or nothing is drawn in any of them.
        """
        self._seed = seed
        return super().fit(labelled, budget=budget, seed=seed, workdir=workdir, listener=listener)

    def _search(
        self, samples: list[Sample], labelled: Cohort, search: Search
    ) -> tuple[ForestParameters, Arrays]:
        if not any(sample.classes.any() for sample in samples):
            raise CohortError(
                "A forest learns from structures, and nothing is drawn in these cases",
                got=f"{len(samples)} empty masks",
                cure="Label a case in which the structure is present.",
            )
        n_channels, ndim = len(samples[0].view.array), samples[0].classes.ndim
        used = _distinct(samples)
        absolute = _absolute(labelled, n_channels)
        is_absolute = tuple(absolute[c] for c in used)
        samples = [replace(s, view=_normal(s.view, used, is_absolute)) for s in samples]
        voxel = float(np.median([min(s.view.spacing) for s in samples]))
        bank = FilterBank(scales=tuple(voxel * s for s in _SCALES[ndim]), has_position=True)
        banks, trees, finish = _learn(samples, labelled, bank, voxel, self._seed, search)
        parameters = ForestParameters(
            n_channels=n_channels,
            used=used,
            is_absolute=is_absolute,
            banks=banks,
            finish=finish,
        )
        if not search.history:
            # Too little time, or too few subjects, to judge anything.
            search.history.append({"step": 0.0, "seconds": 0.0, "dice": float("nan")})
        # Both stages have their files; of one that was not chosen they are empty.
        arrays: Arrays = {
            name: np.empty(0, array.dtype)
            for name, array in zip(self.array_names, [*trees[0].arrays().values()] * 2, strict=True)
        }
        for stage, grown in enumerate(trees, start=1):
            arrays |= {f"stage{stage}_{name}": a for name, a in grown.arrays().items()}
        return parameters, arrays

    def _segment(self, view: View) -> tuple[npt.NDArray[np.uint8], FloatArray | None]:
        view = _normal(view, self.parameters_.used, self.parameters_.is_absolute)
        finish, n_classes = self.parameters_.finish, self.legend_.n_classes
        shares: FloatArray | None = None
        for trees, bank in zip(self._trees(), self.parameters_.banks, strict=True):
            context = None if shares is None else shares[1:]
            features = all_features(view.array, view.spacing, bank, context)
            shares = trees.probabilities(features, n_classes).reshape(n_classes, *view.shape)
        if shares is None:
            return np.zeros(view.shape, np.uint8), None
        shares = finish.weighted(shares, view.spacing)
        decided = shares.argmax(axis=0).astype(np.uint8)
        classes = finish.cleaned(decided, view.spacing)
        # Probabilities agree with what cleaning has changed.
        for k in range(n_classes):
            shares[k][classes != decided] = 0.0
            shares[k][(classes != decided) & (classes == k)] = 1.0
        return classes, shares

    def _trees(self) -> list[BoostedTrees]:
        return [
            BoostedTrees.from_arrays({n: self._arrays[f"stage{stage}_{n}"] for n in _FIELDS})
            for stage in range(1, len(self.parameters_.banks) + 1)
        ]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        ModelError
            If a file is missing or damaged.
        """
        segmenter = super().load(folder)
        with naming_damage(folder):
            segmenter._trees()
        return segmenter


def _learn(
    samples: Sequence[Sample],
    labelled: Cohort,
    bank: FilterBank,
    voxel: float,
    seed: int,
    search: Search,
) -> tuple[tuple[FilterBank, ...], list[BoostedTrees], Finish]:
    """Choose position, stages and finish on the cases, then learn from all of them."""
    names, n_classes = labelled.legend.names, labelled.legend.n_classes
    everyone = range(len(samples))
    rows = Rows.draw(samples, bank, n_classes, seed)
    parts, drawn = class_parts(samples, n_classes), rows.frequencies(n_classes)
    weights = list(corrections(parts, drawn, _POWERS))
    bare_bank = replace(bank, has_position=False)
    bare = rows.without_last(samples[0].classes.ndim)
    found = judged(samples, [(rows, bank), (bare, bare_bank)], n_classes, seed=seed, search=search)
    if found is None:
        usual = next(corrections(parts, drawn, [_USUAL_POWER]))
        finish = Finish(weights=usual, blur=voxel, cleaning=(Cleaning(),) * len(names))
        return (bare_bank,), [bare.grow(everyone, seed)], finish
    seen = [samples[i] for i in found.cases]
    finish, best = search_finish(seen, found.shares[1], weights, names, search)
    placed_finish, placed = search_finish(seen, found.shares[0], weights, names, search)
    shares = found.shares[1]
    if placed > best + _LEAST_GAIN:
        finish, best, shares = placed_finish, placed, found.shares[0]
    else:
        bank, rows = bare_bank, bare
    banks, trees = (bank,), [rows.grow(everyone, seed)]
    if len(seen) < len(samples) or not search.has_time(JUDGING):
        return banks, trees, finish
    # The first stage's probabilities are those of cases it never saw, as they will be in use.
    wide = replace(bank, context=tuple(voxel * s for s in _CONTEXT))
    more = rows.with_context(samples, shares, wide)
    again = judged(samples, [(more, wide)], n_classes, seed=seed, search=search, contexts=shares)
    if again is not None and len(again.cases) == len(samples):
        second_finish, second = search_finish(samples, again.shares[0], weights, names, search)
        if second > best + _LEAST_GAIN:
            return (bank, wide), [*trees, more.grow(everyone, seed)], second_finish
    return banks, trees, finish


def _absolute(labelled: Cohort, n_channels: int) -> tuple[bool, ...]:
    """Which channels of an image have a unit; a colour file's channels share one."""
    units = [channel.unit for channel in labelled.channels]
    if len(units) != n_channels:
        units = [units[0]] * n_channels
    return tuple(unit != "none" for unit in units)


def _distinct(samples: Sequence[Sample]) -> tuple[int, ...]:
    """Channels that differ from all before them in some case."""
    arrays = [sample.view.array for sample in samples]
    kept: list[int] = []
    for c in range(len(arrays[0])):
        if not any(all(np.array_equal(a[c], a[k]) for a in arrays) for k in kept):
            kept.append(c)
    return tuple(kept)


def _normal(view: View, used: Sequence[int], is_absolute: Sequence[bool]) -> View:
    """Take some channels; bring brightness without a unit to mean 0 and standard deviation 1."""
    array = view.array[list(used)]
    for channel, keep in zip(array, is_absolute, strict=True):
        if not keep:
            low, high = (float(v) for v in np.percentile(channel, _CLIP_PERCENT))
            np.clip(channel, low, high, out=channel)
            channel -= channel.mean()
            channel /= max(float(channel.std()), 1e-6)
    return replace(view, array=array)
