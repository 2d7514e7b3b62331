"""What a rung will take on a cohort: told from its plan, or from a short trial of it."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suffice.core import Budget, Cohort, CohortError, Listener, Progress, SufficeError, silent
from suffice.io import read_grid
from suffice.segmenters.gauging import gauging
from suffice.segmenters.planning import plan_for
from suffice.segmenters.protocol import Segmenter
from suffice.segmenters.unet import UNetSegmenter

TRIAL_SECONDS = 2.0
TRIAL_CASES = 2
# A trial of two cases tells the whole to a factor of two at best.
CAUTION = 2.0
# A rung that is not done by then would have gone on.
NEARLY_ALL = 0.8
# A plan for an expectation needs no more cases than this.
PLANNED_CASES = 8


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one training is expected to take.

    Parameters
    ----------
    minutes : float
        At most; the budget for a rung that gets better as long as it learns.
    memory_gb : float
        At most; NaN where a trial failed.
    takes_all : bool
        Whether the rung takes all the minutes that it is given.
    """

    minutes: float
    memory_gb: float
    takes_all: bool


def expect_each(
    rungs: Mapping[str, type[Segmenter]],
    labelled: Cohort,
    *,
    budget: Budget,
    seed: int = 0,
    listener: Listener = silent,
) -> dict[str, Expectation | CohortError]:
    """Say of several rungs what their trainings will take, or why one does not apply."""
    known: dict[str, Expectation | CohortError] = {}
    for i, (name, rung) in enumerate(rungs.items()):
        listener(Progress("try", i / len(rungs), note=name))
        refusal = rung.refusal(labelled)
        known[name] = refusal or expect(rung, labelled, budget=budget, seed=seed)
    listener(Progress("try", 1.0))
    return known


def expect(
    rung: type[Segmenter], labelled: Cohort, *, budget: Budget, seed: int = 0
) -> Expectation:
    """Say what the training of a rung will take, from a few seconds of work.

    A U-Net makes its plan on this machine. Any other rung is fitted to two cases of middling
    size; what that took is scaled by the voxels of all cases, which their headers tell.

    Parameters
    ----------
    rung : type of Segmenter
        One that does not refuse the cohort.
    labelled : Cohort
    budget : Budget
        For the training.
    seed : int
    """
    if issubclass(rung, UNetSegmenter):
        few = labelled.subset(labelled.names[:PLANNED_CASES])
        plan = plan_for(few, budget=budget, seed=seed, encoder=rung.encoder)
        return Expectation(budget.minutes, plan.memory_gb, takes_all=True)
    return _try(rung, labelled, budget, seed)


def _try(rung: type[Segmenter], labelled: Cohort, budget: Budget, seed: int) -> Expectation:
    sizes = {case.name: _n_voxels(labelled, case.name) for case in labelled.cases}
    chosen = _middling(rung, labelled, sizes)
    share = sum(sizes[name] for name in chosen.names) / sum(sizes.values())
    seconds = min(TRIAL_SECONDS, budget.seconds)
    try:
        with tempfile.TemporaryDirectory(prefix="suffice-") as folder, gauging() as gauge:
            rung().fit(
                chosen, budget=Budget(minutes=seconds / 60), seed=seed, workdir=Path(folder) / "w"
            )
    except SufficeError:
        # What is wrong with it is said where the rung is trained.
        return Expectation(budget.minutes, math.nan, takes_all=True)
    memory_gb = gauge.start_gb + (gauge.peak_gb - gauge.start_gb) / share
    if gauge.seconds >= NEARLY_ALL * seconds and share < 1:
        return Expectation(budget.minutes, memory_gb, takes_all=True)
    minutes = CAUTION * gauge.minutes / share
    return Expectation(min(minutes, budget.minutes), memory_gb, takes_all=False)


def _middling(rung: type[Segmenter], labelled: Cohort, sizes: dict[str, int]) -> Cohort:
    """Return the fewest cases of middling size that the rung does not refuse."""
    middle = float(np.median(list(sizes.values())))
    order = sorted(sizes, key=lambda name: abs(sizes[name] - middle))
    for n in range(TRIAL_CASES, len(order)):
        few = labelled.subset(order[:n])
        if rung.refusal(few) is None:
            return few
    return labelled


def _n_voxels(cohort: Cohort, name: str) -> int:
    (case,) = cohort.subset([name]).cases
    return int(np.prod(read_grid(case.images[cohort.channels[0].name]).shape))
