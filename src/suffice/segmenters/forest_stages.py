"""Learn stages of boosted trees: rows drawn from each case, cases judged by trees without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from suffice.segmenters.boosted_trees import BoostedTrees
from suffice.segmenters.features import FilterBank
from suffice.segmenters.searching import FloatArray, Sample, Search

# Rows of all cases together: enough for trees of these sizes, seconds to learn.
N_ROWS = 36_000
N_ROUNDS = 80
N_FOLDS = 4
# Part of the search; what is chosen on the judged cases takes the rest.
JUDGING = 0.8


@dataclass(frozen=True, eq=False)
class Rows:
    """Voxels drawn evenly from each class of each case, and their features.

    Parameters
    ----------
    chosen : list of int array
        Of each case, in the flat image.
    features : list of float32 array of shape (n_rows, n_features)
    classes : list of uint8 array of shape (n_rows,)
    """

    chosen: list[npt.NDArray[np.intp]]
    features: list[FloatArray]
    classes: list[npt.NDArray[np.uint8]]

    @classmethod
    def draw(cls, samples: Sequence[Sample], bank: FilterBank, n_classes: int, seed: int) -> Rows:
        """Draw voxels of each class of each case, at most ``N_ROWS`` together."""
        most = max(1, N_ROWS // (len(samples) * n_classes))
        rows = cls([], [], [])
        for i, sample in enumerate(samples):
            # Seeded by case: what is drawn from one does not depend on the others.
            rng = np.random.default_rng([seed, i])
            flat = sample.classes.ravel()
            found = [np.flatnonzero(flat == k) for k in range(n_classes)]
            chosen = np.concatenate(
                [rng.choice(f, most, replace=False) if len(f) > most else f for f in found]
            )
            maps = bank.maps(sample.view.array, sample.view.spacing)
            rows.chosen.append(chosen)
            rows.features.append(np.stack([m.ravel()[chosen] for m in maps], axis=1))
            rows.classes.append(flat[chosen])
        return rows

    def without_last(self, n: int) -> Rows:
        """Leave out the last features."""
        return replace(self, features=[f[:, : f.shape[1] - n] for f in self.features])

    def with_context(
        self, samples: Sequence[Sample], shares: Sequence[FloatArray], bank: FilterBank
    ) -> Rows:
        """Add what an earlier stage found in each case."""
        more = [
            np.stack(
                [m.ravel()[c] for m in bank.context_maps(found[1:], sample.view.spacing)], axis=1
            )
            for sample, found, c in zip(samples, shares, self.chosen, strict=True)
        ]
        features = [np.concatenate(pair, axis=1) for pair in zip(self.features, more, strict=True)]
        return replace(self, features=features)

    def grow(self, cases: Sequence[int], seed: int) -> BoostedTrees:
        """Learn from some of the cases."""
        return BoostedTrees.grow(
            np.concatenate([self.features[i] for i in cases]),
            np.concatenate([self.classes[i] for i in cases]),
            seed=seed,
            n_rounds=N_ROUNDS,
        )

    def frequencies(self, n_classes: int) -> npt.NDArray[np.float64]:
        """Part of each class in the rows."""
        counts = np.bincount(np.concatenate(self.classes), minlength=n_classes)
        return np.asarray(counts / counts.sum())


def folds(samples: Sequence[Sample]) -> list[list[int]]:
    """Cases that are judged together; those of one subject are never apart."""
    subjects = list(dict.fromkeys(sample.subject for sample in samples))
    n = min(N_FOLDS, len(subjects))
    parts = [set(subjects[i::n]) for i in range(n)]
    return [[i for i, s in enumerate(samples) if s.subject in part] for part in parts]


def all_features(
    array: FloatArray,
    spacing: Sequence[float],
    bank: FilterBank,
    context: FloatArray | None = None,
) -> FloatArray:
    """Features of all voxels, float32 of shape ``(n_features, n_voxels)``."""
    ndim, n_context = array.ndim - 1, 0 if context is None else len(context)
    n = bank.n_features(ndim, len(array), n_context)
    out = np.empty((n, array[0].size), np.float32)
    for row, values in zip(out, bank.maps(array, spacing, context=context), strict=True):
        row[:] = values.ravel()
    return out


@dataclass(frozen=True, eq=False)
class Judged:
    """Cases as trees see them that never saw their subject.

    Parameters
    ----------
    cases : list of int
        Those that there was time for, rising; one at least.
    shares : list of a list of float32 array of shape (n_classes, *spatial)
        Probabilities of each variant in each of these cases.
    """

    cases: list[int]
    shares: list[list[FloatArray]]


def judged(
    samples: Sequence[Sample],
    variants: Sequence[tuple[Rows, FilterBank]],
    n_classes: int,
    *,
    seed: int,
    search: Search,
    contexts: Sequence[FloatArray] | None = None,
) -> Judged | None:
    """Probabilities in each case by trees that never saw its subject, for each variant.

    The variants differ in their last features alone: those of one case are computed once. One
    case is judged whatever the time: what is chosen on one, such as whether left and right need
    a voxel's place, is chosen better than by no case at all.

    Returns
    -------
    Judged or None
        Where there is one subject alone.
    """
    out: list[dict[int, FloatArray]] = [{} for _ in variants]
    for held in folds(samples):
        rest = [i for i in range(len(samples)) if i not in held]
        if not rest:
            return None
        if out[0] and not search.has_time(JUDGING):
            break
        trees = [rows.grow(rest, seed) for rows, _ in variants]
        for i in held:
            if out[0] and not search.has_time(JUDGING):
                break
            context = None if contexts is None else contexts[i][1:]
            view = samples[i].view
            features = all_features(view.array, view.spacing, variants[0][1], context)
            for found, tree, (rows, _) in zip(out, trees, variants, strict=True):
                seen = features[: rows.features[0].shape[1]]
                shares = tree.probabilities(seen, n_classes)
                found[i] = shares.reshape(n_classes, *samples[i].view.shape)
    cases = sorted(out[0])
    return Judged(cases, [[found[i] for i in cases] for found in out])


def class_parts(samples: Sequence[Sample], n_classes: int) -> npt.NDArray[np.float64]:
    """Part of the voxels that each class takes, the mean of the cases."""
    counts = [np.bincount(s.classes.ravel(), minlength=n_classes) for s in samples]
    return np.asarray(np.mean([c / c.sum() for c in counts], axis=0))


def corrections(
    parts: npt.NDArray[np.float64], drawn: npt.NDArray[np.float64], powers: Sequence[float]
) -> Iterator[tuple[float, ...]]:
    """Weights that undo the even drawing of classes, wholly (power 1) or in part."""
    ratio = np.maximum(parts, 1e-9) / np.maximum(drawn, 1e-9)
    for power in powers:
        weights = ratio**power
        yield tuple(float(w) for w in weights / weights.max())
