"""Predict the Dice of a mask that nobody drew, with a lower bound that says how far to trust it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from suffice.core import CohortError
from suffice.quality.conformal import LEVELS, least_subjects, lower_bound
from suffice.quality.doubts import DOUBTS, Doubts
from suffice.quality.regression import PENALTY, FloatArray, Slopes, fit_slopes

MEAN = "mean"
"""Label of the mean over the structures of a case."""
LEAST_SUBJECTS = least_subjects(min(LEVELS))

# A fit without each subject up to here; beyond, without each of so many groups of them.
_MOST_FITS = 40
# Errors are counted in parts of what is missing to a Dice of one, and this.
_FLOOR = 0.05


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A case with a drawn mask, predicted by a model that never saw its subject.

    Parameters
    ----------
    case, subject : str
    dice : dict of str to float
        True Dice by label, where it is defined.
    doubts : dict of str to dict of str to float
        See `suffice.quality.doubts_about`.
    """

    case: str
    subject: str
    dice: dict[str, float]
    doubts: Doubts


@dataclass(frozen=True, slots=True)
class Estimate:
    """What to expect of one structure of one mask, or of their mean.

    Parameters
    ----------
    label : str
    dice : float or None
        ``None`` where the mask lacks a structure that may well be absent.
    low : dict of float to float
        Lower bounds by level; a level that the held-back cases are too few for is not there.
    notes : tuple of str
        What stands out.
    """

    label: str
    dice: float | None
    low: dict[float, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Judge:
    """A regression from doubts to Dice and its errors on cases that were held back.

    Parameters
    ----------
    held_back : sequence of HeldBack
    is_usual : callable
        Whether a structure is there in most cases, so that a mask without it is wrong.
    penalty : float
        See `suffice.quality.regression.fit_slopes`.

    Raises
    ------
    CohortError
        If fewer than `LEAST_SUBJECTS` subjects were held back.

    Notes
    -----
    Bounds are those of the jackknife+ [1]_, one-sided and by subject, of errors in parts of what
    is missing to a Dice of one: a mask that is expected to be bad gets a wider bound. For cases
    exchangeable with those held back they hold in theory at least at ``1 - 2 (1 - level)``, and
    in practice at their level, as the regression hardly changes with one subject more or less.
    Beyond 40 subjects groups of them are left out together (CV+).

    References
    ----------
    .. [1] Barber et al., Ann. Stat. 2021, https://doi.org/10.1214/20-AOS1965
    """

    def __init__(
        self,
        held_back: Sequence[HeldBack],
        is_usual: Callable[[str], bool] = lambda label: True,
        *,
        penalty: float = PENALTY,
    ) -> None:
        self.held_back = tuple(h for h in held_back if _true(h))
        self._is_usual = is_usual
        subjects = sorted({h.subject for h in self.held_back})
        if len(subjects) < LEAST_SUBJECTS:
            raise CohortError(
                "Too few scored cases to learn how Dice can be told without a drawn mask",
                got=f"{len(subjects)} subjects",
                expected=f"at least {LEAST_SUBJECTS}",
                cure="Draw masks of more subjects.",
            )
        self.names = tuple(
            name
            for name in DOUBTS
            if any(name in mine for h in self.held_back for mine in h.doubts.values())
        )
        n_groups = min(len(subjects), _MOST_FITS)
        self._group = {subject: i % n_groups for i, subject in enumerate(subjects)}
        self._slopes = self._fit(None, penalty)
        self._without = [self._fit(group, penalty) for group in range(n_groups)]
        self._errors = [self._relative_errors(h) for h in self.held_back]

    def _fit(self, group: int | None, penalty: float) -> Slopes:
        kept = [h for h in self.held_back if group is None or self._group[h.subject] != group]
        n_cases: dict[str, int] = {}
        for h in kept:
            n_cases[h.subject] = n_cases.get(h.subject, 0) + 1
        rows = [(h, k) for h in kept for k in sorted(h.dice) if h.doubts.get(k)]
        return fit_slopes(
            self._table([h.doubts[label] for h, label in rows]),
            [label for _, label in rows],
            np.array([h.dice[label] for h, label in rows]),
            np.array([1 / n_cases[h.subject] for h, _ in rows]),
            penalty=penalty,
        )

    def _table(self, doubts: Sequence[dict[str, float]]) -> FloatArray:
        rows = [[mine.get(name, math.nan) for name in self.names] for mine in doubts]
        return np.asarray(rows, dtype=np.float64).reshape(len(doubts), len(self.names))

    def _predict(self, slopes: Slopes, doubts: Doubts) -> dict[str, float]:
        """Dice of every structure that is or should be in a mask, and their mean."""
        drawn = [label for label, mine in doubts.items() if mine]
        found = slopes.predict(self._table([doubts[label] for label in drawn]), drawn)
        dice = dict(zip(drawn, (float(value) for value in found), strict=True))
        dice |= {k: 0.0 for k, mine in doubts.items() if not mine and self._is_usual(k)}
        return {**dice, MEAN: float(np.mean(sorted(dice.values())))} if dice else {}

    def _relative_errors(self, held: HeldBack) -> dict[str, float]:
        expected = self._predict(self._without[self._group[held.subject]], held.doubts)
        return {
            label: (true - expected[label]) / _scale(expected[label])
            for label, true in _true(held).items()
            if label in expected and (label == MEAN or held.doubts.get(label))
        }

    def honest(self, held: HeldBack) -> dict[str, float]:
        """Predict a held-back case without its subject: what it shows is no hindsight."""
        return self._predict(self._without[self._group[held.subject]], held.doubts)

    def estimate(self, doubts: Doubts, levels: Sequence[float] = LEVELS) -> tuple[Estimate, ...]:
        """Predict the Dice of a mask.

        Parameters
        ----------
        doubts : dict of str to dict of str to float
            By label, see `suffice.quality.doubts_about`.
        levels : sequence of float
            Of the lower bounds.

        Returns
        -------
        tuple of Estimate
            For each label in the order of ``doubts``, then for their mean.
        """
        dice = self._predict(self._slopes, doubts)
        without = [self._predict(slopes, doubts) for slopes in self._without]
        found = []
        for label, mine in doubts.items():
            if mine:
                low = self._bounds(label, without, levels)
                found.append(Estimate(label, dice[label], low, self._notes(label, mine)))
            elif label in dice:
                low = dict.fromkeys(levels, 0.0)
                found.append(Estimate(label, 0.0, low, ("not found",)))
            else:
                found.append(Estimate(label, None, {}, ("not found, may be absent",)))
        low = self._bounds(MEAN, without, levels) if dice else {}
        notes = tuple(f"{e.label}: {note}" for e in found for note in e.notes)
        return (*found, Estimate(MEAN, dice.get(MEAN), low, notes))

    def _bounds(
        self, label: str, without: Sequence[dict[str, float]], levels: Sequence[float]
    ) -> dict[float, float]:
        values, subjects = [], []
        for held, errors in zip(self.held_back, self._errors, strict=True):
            expected = without[self._group[held.subject]][label]
            if label in errors:
                values.append(expected + errors[label] * _scale(expected))
                subjects.append(held.subject)
        found = {level: lower_bound(values, subjects, level) for level in levels}
        return {k: min(max(low, 0.0), 1.0) for k, low in found.items() if low is not None}

    def _notes(self, label: str, mine: dict[str, float]) -> tuple[str, ...]:
        """Name doubts far beyond those of the held-back cases, where the line was never seen."""
        if not any(h.doubts.get(label) for h in self.held_back):
            return ("in none of the scored masks",)
        notes = []
        for name in self.names:
            seen = [h.doubts.get(label, {}).get(name) for h in self.held_back]
            known = [value for value in seen if value is not None]
            if name in mine and known:
                most = max(known)
                if mine[name] > most + max(most - float(np.median(known)), 1e-6):
                    notes.append(DOUBTS[name])
        return tuple(notes)


def _true(held: HeldBack) -> dict[str, float]:
    """True Dice by label and their mean; nothing where none is defined."""
    known = {label: dice for label, dice in held.dice.items() if math.isfinite(dice)}
    return {**known, MEAN: float(np.mean(sorted(known.values())))} if known else {}


def _scale(expected: float) -> float:
    return 1.0 - expected + _FLOOR
