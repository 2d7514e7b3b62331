"""Which trainings a learning curve is made of: nested subsets by subject, and what is held back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suffice.core import Cohort, CohortError, UsageError
from suffice.study.held_back import hold_back, require_subjects
from suffice.study.splits import Presence, k_folds

FEW_SUBJECTS = 24
"""With fewer, a fixed test part would be a handful of subjects whose luck moves every score."""
LEAST_SUBJECTS = 5
"""Two to score on and three sizes, of which a curve is made."""
LEAST_SIZES = 3
# A training of less says more of its start than of its cases.
LEAST_MINUTES, MOST_MINUTES = 0.25, 10.0
# With one draw nobody can tell a curve from luck.
GOOD_DRAWS = 3
USUAL = "usual"
"""The way in which a kind of model is trained where no other is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One order in which subjects are labelled, and the subjects that it is scored on.

    Parameters
    ----------
    number : int
    order : tuple of str
        Subjects to learn from: each size takes the first of them.
    test : tuple of str
        Subjects to score on.
    """

    number: int
    order: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One point of a curve.

    Parameters
    ----------
    rung : str
        Kind of the model.
    n_subjects : int
        Of the cases that are learned from.
    draw, seed : int
        Which subjects, and what the training's own random numbers start from.
    cases, test : tuple of str
        Names of the cases to learn from and to score on.
    way : str
        How the model is trained.
    """

    rung: str
    n_subjects: int
    draw: int
    seed: int
    cases: tuple[str, ...]
    test: tuple[str, ...]
    way: str = USUAL

    @property
    def key(self) -> tuple[str, str, int, int, int]:
        """What no two trainings of a curve share."""
        return (self.rung, self.way, self.n_subjects, self.draw, self.seed)

    @property
    def name(self) -> str:
        """Name for a folder or file."""
        return training_name(*self.key)


def training_name(rung: str, way: str, n_subjects: int, draw: int, seed: int) -> str:
    """Name a training by its key; one trained as usual as if there were no other way.

    Examples
    --------
    >>> training_name("unet", "usual", 8, 0, 0), training_name("unet", "pool", 8, 0, 0)
    ('unet-n0008-draw0-seed0', 'unet-pool-n0008-draw0-seed0')
    """
    kind = rung if way == USUAL else f"{rung}-{way}"
    return f"{kind}-n{n_subjects:04d}-draw{draw}-seed{seed}"


def geometric_sizes(largest: int, *, smallest: int = 1, ratio: float = 2.0) -> tuple[int, ...]:
    """List sizes that grow by a factor, the largest included.

    Parameters
    ----------
    largest, smallest : int
    ratio : float
        How much larger each is than the one before; the step that fits the ends is the nearest.

    Examples
    --------
    >>> geometric_sizes(48)
    (1, 2, 4, 7, 13, 25, 48)
    >>> geometric_sizes(48, smallest=2, ratio=1.5)
    (2, 3, 4, 7, 10, 15, 22, 32, 48)
    >>> geometric_sizes(3, ratio=1.4)
    (1, 2, 3)
    """
    if not (1 <= smallest <= largest and ratio > 1.0):
        raise UsageError(
            "Sizes of a learning curve grow from 1 or more by a factor above 1",
            got=f"{smallest} to {largest} by {ratio:g}",
        )
    n_steps = max(1, round(np.log(largest / smallest) / np.log(ratio)))
    found = smallest * (largest / smallest) ** (np.arange(n_steps + 1) / n_steps)
    return tuple(int(n) for n in np.unique(np.round(found).astype(int)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveDesign:
    """The subjects of a curve: who may be learned from and who is scored on, for any draw.

    With `FEW_SUBJECTS` or more, the same third of the subjects is held back from all draws.
    With fewer, each draw holds back another part in turn, so that every subject is scored on;
    within a draw the scored subjects are the same for all sizes.

    Parameters
    ----------
    cohort : Cohort
        Its labelled cases.
    parts : tuple of tuple of str
        Subjects that are scored on; draws take the parts in turn.
    sizes : tuple of int
        Subjects learned from, small to large.
    seed : int
    """

    cohort: Cohort
    parts: tuple[tuple[str, ...], ...]
    sizes: tuple[int, ...]
    seed: int

    @property
    def is_fixed(self) -> bool:
        """Whether all draws are scored on the same subjects."""
        return len(self.parts) == 1

    @property
    def n_good_draws(self) -> int:
        """Draws that tell a curve from luck, and score on every subject once."""
        return max(GOOD_DRAWS, len(self.parts))

    def draw(self, number: int) -> Draw:
        """Draw an order of the subjects that are not scored on; each number gives one order."""
        test = self.parts[number % len(self.parts)]
        pool = sorted(set(self.cohort.subjects) - set(test))
        order = np.random.default_rng([self.seed, number]).permutation(len(pool))
        return Draw(number=number, order=tuple(pool[i] for i in order), test=test)

    def trainings(
        self,
        rungs: Sequence[str],
        *,
        draws: Sequence[int],
        n_seeds: int = 1,
        ways: Mapping[str, Sequence[str]] | None = None,
    ) -> Iterator[Training]:
        """List trainings so that those done are a usable curve wherever one stops.

        All sizes of a draw, small before large, come before the next draw; all draws before
        another seed.

        Parameters
        ----------
        rungs : sequence of str
        draws : sequence of int
        n_seeds : int
            Trainings of each size and draw. The seed of the first is the draw's number, so that
            what varies between draws is all that varies between two people's trainings.
        ways : dict of str to sequence of str, optional
            How each kind of model is trained: all ways on the same cases with the same seed.
        """
        for repeat in range(n_seeds):
            for draw in map(self.draw, draws):
                seed = self.seed + draw.number + 1000 * repeat
                for n_subjects in self.sizes:
                    for rung in rungs:
                        for way in (ways or {}).get(rung, (USUAL,)):
                            yield Training(
                                rung=rung,
                                way=way,
                                n_subjects=n_subjects,
                                draw=draw.number,
                                seed=seed,
                                cases=self._cases_of(draw.order[:n_subjects]),
                                test=self._cases_of(draw.test),
                            )

    def _cases_of(self, subjects: Sequence[str]) -> tuple[str, ...]:
        wanted = set(subjects)
        return tuple(case.name for case in self.cohort.cases if case.subject in wanted)


def design_curve(
    cohort: Cohort,
    *,
    test: Sequence[str] | None = None,
    sizes: Sequence[int] | None = None,
    ratio: float | None = None,
    seed: int = 0,
    presence: Presence | None = None,
) -> CurveDesign:
    """Divide the labelled subjects of a cohort into those to learn from and those to score on.

    Parameters
    ----------
    cohort : Cohort
    test : sequence of str, optional
        Names of the cases to score on; all cases of their subjects are held back. By default a
        third of the subjects, see `CurveDesign`.
    sizes : sequence of int, optional
        Numbers of subjects; by default a geometric grid up to all that may be learned from.
    ratio : float, optional
        Of the grid; by default 2, and 1.5 where that would leave four sizes or fewer.
    seed : int
        Of what is held back, the draws and the trainings.
    presence : dict of str to collection of str, optional
        Labels in the mask of each case, so that parts hold each, see `hold_out`.

    Raises
    ------
    CohortError
        If there are too few subjects for a curve.
    UsageError
        If so many subjects cannot be learned from.
    """
    labelled = cohort.labelled()
    require_subjects(
        labelled, LEAST_SUBJECTS, purpose="for a learning curve", cure="Draw more masks first."
    )
    parts = _held_back(labelled, test, seed, presence)
    n = len(labelled.subjects)
    largest = n - max(len(part) for part in parts)
    if largest < LEAST_SIZES:
        raise CohortError(
            "Too few subjects are left to learn from",
            got=f"{largest} of {n}",
            expected=f"{LEAST_SIZES} or more",
            cure="Hold fewer cases back for testing.",
        )
    ratio = ratio or (2.0 if largest > 2**4 else 1.5)
    chosen = tuple(sorted(set(sizes or geometric_sizes(largest, ratio=ratio))))
    if not 1 <= chosen[0] <= chosen[-1] <= largest:
        raise UsageError(
            "So many subjects cannot be learned from", got=list(chosen), expected=f"1 to {largest}"
        )
    return CurveDesign(cohort=labelled, parts=parts, sizes=chosen, seed=seed)


def _held_back(
    labelled: Cohort, test: Sequence[str] | None, seed: int, presence: Presence | None
) -> tuple[tuple[str, ...], ...]:
    n = len(labelled.subjects)
    if test is None and n < FEW_SUBJECTS:
        n_folds = min(4, max(3, n // 2))
        folds = k_folds(labelled, n_folds=n_folds, seed=seed, presence=presence)
        return tuple(labelled.subset(fold.test).subjects for fold in folds)
    return (hold_back(labelled, test, design="A curve", seed=seed, presence=presence),)


def spread_minutes(
    minutes: float,
    sizes: Sequence[int],
    *,
    n_rungs: int = 1,
    workers: int = 1,
    n_draws: int = GOOD_DRAWS,
    of_training: float = 1.0,
) -> tuple[tuple[int, ...], float]:
    """Choose the sizes that the minutes allow, and the minutes of each training.

    Every training gets the same minutes: where large subsets got more, the curve would be that
    of another question, what cases and hours are worth together.

    Parameters
    ----------
    minutes : float
        For all trainings together, by the clock on the wall.
    sizes : sequence of int
    n_rungs : int
    workers : int
        Trainings that run at once.
    n_draws : int
        That are to fit, or as many as do.
    of_training : float
        Share of the minutes that trainings may take; scoring takes the rest.

    Returns
    -------
    sizes : tuple of int
        Fewer where the minutes are few; the smallest and the largest are always there.
    minutes_each : float

    Raises
    ------
    UsageError
        If the minutes are too few for any curve, with those that would do.

    Examples
    --------
    >>> spread_minutes(30, (1, 2, 4, 8))
    ((1, 2, 4, 8), 2.5)
    >>> spread_minutes(1, (1, 2, 4, 8, 16, 32))
    ((1, 4, 8, 32), 0.25)
    """
    one_each = n_rungs * LEAST_MINUTES / workers / of_training
    least = LEAST_SIZES * one_each
    if not minutes >= least:
        raise UsageError(
            f"{minutes:g} minutes are too few for a learning curve",
            expected=f"{_rounded_up(least)} or more, and"
            f" {_rounded_up(n_draws * len(sizes) * one_each)} are better",
            cure="Give more, or fewer kinds of models.",
        )
    room = minutes * of_training * workers / n_rungs
    for n in range(n_draws, 0, -1):
        each = room / (n * len(sizes))
        if each >= LEAST_MINUTES:
            return tuple(sizes), min(each, MOST_MINUTES)
    n_sizes = max(LEAST_SIZES, int(room / LEAST_MINUTES))
    places = np.unique(np.round(np.linspace(0, len(sizes) - 1, n_sizes)).astype(int))
    kept = tuple(sizes[i] for i in places)
    return kept, min(room / len(kept), MOST_MINUTES)


def _rounded_up(minutes: float) -> str:
    """Write minutes so that whoever gives as many gives enough."""
    return f"{math.ceil(100 * minutes) / 100:g}"
