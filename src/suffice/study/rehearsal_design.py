"""Which trainings a rehearsal is made of: few cases to begin with, then rounds of picking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suffice.core import Cohort, UsageError
from suffice.study.held_back import hold_back, require_subjects

START = "start"
"""Name of what all strategies have in common: the training before anything is picked."""
LEAST_SUBJECTS = 8
LEAST_TEST = 4
LEAST_START = 2
GOOD_ROUNDS = 3
# With more of the pool picked there is little left to choose from, and all strategies meet.
_MOST_PICKED = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalDesign:
    """What is scored on, what may be picked, and how many are picked at a time.

    Parameters
    ----------
    cohort : Cohort
        Its labelled cases.
    test : tuple of str
        Cases that every training is scored on, and nothing is learned or picked from.
    start, step : int
        Cases to begin with, and that each round adds.
    n_rounds : int
    """

    cohort: Cohort
    test: tuple[str, ...]
    start: int
    step: int
    n_rounds: int

    @property
    def pool(self) -> Cohort:
        """The cases that are not scored on."""
        apart = set(self.test)
        return self.cohort.where(lambda case: case.name not in apart)

    def begin(self, seed: int) -> tuple[str, ...]:
        """Draw the cases that all strategies begin with: one scan of each subject drawn."""
        pool = self.pool
        subjects = sorted(pool.subjects)
        drawn = np.random.default_rng([seed, 0]).permutation(len(subjects))[: self.start]
        first = {
            case.subject: case.name
            for case in sorted(pool.cases, key=lambda case: case.name, reverse=True)
        }
        return tuple(first[subjects[i]] for i in drawn)

    def n_cases(self, number: int) -> int:
        """How many cases are learned from in a round."""
        return self.start + number * self.step


def design_rehearsal(
    cohort: Cohort,
    *,
    test: Sequence[str] | None = None,
    start: int | None = None,
    step: int | None = None,
    n_rounds: int | None = None,
    seed: int = 0,
) -> RehearsalDesign:
    """Divide the labelled subjects of a cohort, and choose numbers that leave something to pick.

    Parameters
    ----------
    cohort : Cohort
    test : sequence of str, optional
        Names of the cases to score on; all cases of their subjects are held back. By default a
        third of the subjects, four at least.
    start, step, n_rounds : int, optional
        By default a tenth of the subjects to begin with, two at least, and three rounds (fewer
        where subjects are few) that together pick up to 60 % of them.
    seed : int
        Of what is held back.

    Raises
    ------
    CohortError
        If there are too few subjects.
    UsageError
        If the numbers cannot be had.
    """
    labelled = cohort.labelled()
    require_subjects(
        labelled,
        LEAST_SUBJECTS,
        purpose="to rehearse on",
        cure="Draw more masks first; until then pick at random.",
    )
    whose = set(hold_back(labelled, test, design="A rehearsal", seed=seed, least=LEAST_TEST))
    left = len(labelled.subjects) - len(whose)
    begin = max(LEAST_START, round(left / 10)) if start is None else start
    most = max(begin + 1, int(_MOST_PICKED * left))
    rounds = min(GOOD_ROUNDS, most - begin) if n_rounds is None else n_rounds
    each = max(1, (most - begin) // max(1, rounds)) if step is None else step
    if min(begin, each, rounds) < 1 or begin + rounds * each > left:
        raise UsageError(
            "So many cases cannot be picked",
            got=f"{begin} to begin with and {rounds} rounds of {each}",
            expected=f"{left} together at most, as {left} subjects are not scored on",
            cure="Take fewer --start, --step or --rounds, or hold fewer back with --test.",
        )
    held = tuple(case.name for case in labelled.cases if case.subject in whose)
    return RehearsalDesign(cohort=labelled, test=held, start=begin, step=each, n_rounds=rounds)
