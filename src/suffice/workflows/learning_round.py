"""One round of a rehearsal: train, score, and look at what may be picked next."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from suffice.core import Cohort
from suffice.metrics import Panel
from suffice.segmenters import RUNGS, Segmenter
from suffice.selecting import Candidates, choose
from suffice.study.rehearsal_design import RehearsalDesign
from suffice.workflows.looking import look_at
from suffice.workflows.trying import fit_and_score


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTask:
    """One training as it is sent to a worker, with all that it needs.

    ``left`` is what may be picked afterwards; its masks are taken away before, so that nothing
    can see them. ``None`` after the last round.
    """

    strategy: str
    seed: int
    number: int
    rung: str
    train: Cohort
    test: Cohort
    left: Cohort | None
    place: Path
    minutes: float
    panel: Panel

    @property
    def name(self) -> str:
        """Name for a folder or file."""
        return round_name(self.strategy, self.seed, self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundResult:
    """Scores of every test case, and what the model makes of what is left."""

    scores: pd.DataFrame
    candidates: Candidates | None
    minutes: float


def round_name(strategy: str, seed: int, number: int) -> str:
    """Name of a round, which all tell apart."""
    return f"{strategy}-seed{seed}-round{number}"


def learn_round(task: RoundTask) -> RoundResult:
    """Train on what is labelled so far, in whatever process, and score on what is held back."""
    started = time.monotonic()
    looked: list[Candidates] = []

    def look(model: Segmenter) -> None:
        if task.left is not None:
            looked.append(look_at(model, task.left, task.train).candidates)

    scores = fit_and_score(
        RUNGS[task.rung](),
        task.train,
        task.test,
        task.place,
        minutes=task.minutes,
        seed=task.seed,
        panel=task.panel,
        then=look,
    )
    return RoundResult(
        scores=scores,
        candidates=looked[0] if looked else None,
        minutes=(time.monotonic() - started) / 60,
    )


def round_task(
    design: RehearsalDesign,
    cases: tuple[str, ...],
    *,
    strategy: str,
    seed: int,
    number: int,
    rung: str,
    place: Path,
    minutes: float,
    panel: Panel,
) -> RoundTask:
    """Make the task of a round that learns from these cases."""
    is_last = number == design.n_rounds
    taken = set(cases)
    left = design.pool.where(lambda case: case.name not in taken)
    bare = tuple(replace(case, masks={}, soft_masks={}, instance_maps={}) for case in left.cases)
    return RoundTask(
        strategy=strategy,
        seed=seed,
        number=number,
        rung=rung,
        train=design.cohort.subset(cases),
        test=design.cohort.subset(design.test),
        left=None if is_last else replace(left, cases=bare),
        place=place / round_name(strategy, seed, number),
        minutes=minutes,
        panel=panel,
    )


def pick_cases(
    candidates: Candidates, strategy: str, count: int, *, seed: int, number: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Pick the cases of a round from what the round before it saw, with the reason of each."""
    picks = choose(candidates, strategy, count, seed=1000 * seed + number)
    names = tuple(candidates.names[pick.index].rsplit("/", 1)[0] for pick in picks)
    return names, tuple(pick.reason for pick in picks)
