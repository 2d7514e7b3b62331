"""From probabilities to classes: weights of the classes, smoothing and cleaning, all searched."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.segmenters.features import smooth
from suffice.segmenters.postprocess import Cleaning, clean, moves
from suffice.segmenters.searching import FloatArray, Sample, Search, dice

Classes = npt.NDArray[np.uint8]

# Of the voxel, in which the probabilities are smoothed.
_BLURS = (0.0, 1.0, 2.0)
_CLEANINGS = ("largest", "smallest", "fill_holes")
# A step of cleaning that helps less is chance.
_LEAST_GAIN = 0.001


@dataclass(frozen=True, kw_only=True)
class Finish:
    """How probabilities become classes.

    Parameters
    ----------
    weights : tuple of float
        Of the classes.
    blur : float
        Standard deviation in the unit of the spacing; 0 for none.
    cleaning : tuple of Cleaning
        Of the structures, in the order of the legend.
    """

    weights: tuple[float, ...]
    blur: float
    cleaning: tuple[Cleaning, ...]

    def weighted(self, shares: FloatArray, spacing: Sequence[float]) -> FloatArray:
        """Smooth and weigh probabilities ``(n_classes, *spatial)``; they add up to 1."""
        if self.blur:
            shares = np.stack([smooth(s, spacing, self.blur) for s in shares])
        out = shares * np.array(self.weights, np.float32).reshape(-1, *(1,) * (shares.ndim - 1))
        return np.asarray(out / np.maximum(out.sum(axis=0), np.finfo(np.float32).tiny))

    def cleaned(self, classes: Classes, spacing: Sequence[float]) -> Classes:
        """Clean each structure; what it leaves becomes background, what it gains was."""
        out = classes.copy()
        for k, steps in enumerate(self.cleaning, start=1):
            if steps == Cleaning():
                continue
            mask = out == k
            kept = clean(mask, steps, spacing)
            out[mask & ~kept] = 0
            out[kept & (out == 0)] = k
        return out


def search_finish(
    samples: Sequence[Sample],
    shares: Sequence[FloatArray],
    weights: Iterable[tuple[float, ...]],
    names: Sequence[str],
    search: Search,
) -> tuple[Finish, float]:
    """Find the finish of the best Dice; also return that Dice, of the mean structure."""
    voxel = min(min(s.view.spacing) for s in samples)
    bare = (Cleaning(),) * len(names)
    best, best_dice, classes = None, -1.0, list[Any]()
    for weight, blur in itertools.product(weights, _BLURS):
        if best is not None and not search.has_time(0.9):
            break
        finish = Finish(weights=weight, blur=blur * voxel, cleaning=bare)
        found = [
            finish.weighted(p, s.view.spacing).argmax(axis=0).astype(np.uint8)
            for p, s in zip(shares, samples, strict=True)
        ]
        each = [_structure_dice(found, samples, k) for k in range(1, len(names) + 1)]
        if np.mean(each) > best_dice:
            best, best_dice, classes = finish, float(np.mean(each)), found
            for name, value in zip(names, each, strict=True):
                search.tell(name, value)
    if best is None:
        raise ValueError("no weights to try")
    for k, name in enumerate(names, start=1):
        best = _search_cleaning(best, k, name, classes, samples, voxel, search)
    classes = [best.cleaned(c, s.view.spacing) for c, s in zip(classes, samples, strict=True)]
    each = [_structure_dice(classes, samples, k) for k in range(1, len(names) + 1)]
    return best, float(np.mean(each))


def _structure_dice(found: Sequence[Classes], samples: Sequence[Sample], k: int) -> float:
    values = [dice(f == k, s.classes == k) for f, s in zip(found, samples, strict=True)]
    return float(np.mean(values))


def _search_cleaning(
    finish: Finish,
    k: int,
    name: str,
    classes: Sequence[Classes],
    samples: Sequence[Sample],
    voxel: float,
    search: Search,
) -> Finish:
    """Add the step of cleaning that helps a structure most, until none does."""
    best = _structure_dice(classes, samples, k)
    while True:
        chosen = None
        floor = best + _LEAST_GAIN
        for step, cleaning in moves(finish.cleaning[k - 1], voxel):
            if step not in _CLEANINGS or not search.has_time(0.9):
                continue
            values = [
                dice(clean(c == k, cleaning, s.view.spacing), s.classes == k)
                for c, s in zip(classes, samples, strict=True)
            ]
            value = float(np.mean(values))
            search.tell(name, value)
            if value > floor:
                chosen, floor, best = cleaning, value, value
        if chosen is None:
            return finish
        steps = list(finish.cleaning)
        steps[k - 1] = chosen
        finish = replace(finish, cleaning=tuple(steps))
