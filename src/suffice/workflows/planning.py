"""What a training of a cohort would do on this machine."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from suffice.core import Budget, Cohort, CohortError, Listener, silent
from suffice.segmenters import RUNGS
from suffice.segmenters.expecting import expect_each
from suffice.segmenters.planning import plan_for
from suffice.training.plan import Plan
from suffice.workflows.allotting import Rungs
from suffice.workflows.training import choose_labelled


@dataclass(frozen=True, slots=True, kw_only=True)
class RungPlan:
    """What the training of one kind of model is expected to take, or why it does not apply.

    Parameters
    ----------
    rung : str
    minutes, memory_gb : float or None
        At most; unknown where the kind does not apply.
    takes_all : bool
        Whether it takes all the minutes that it is given.
    refusal : str
        Why it does not apply, and the cure; empty where it does.
    """

    rung: str
    minutes: float | None = None
    memory_gb: float | None = None
    takes_all: bool = False
    refusal: str = ""


def plan_training(
    cohort: Cohort, *, minutes: float, seed: int = 0, listener: Listener = silent
) -> Plan:
    """Plan the training of a U-Net on a cohort's labelled cases, without training.

    Reads the labelled cases and times a few steps on this machine, as `train` does first.

    Raises
    ------
    SufficeError
        If the budget or the labelled cases cannot be used.
    """
    budget = Budget(minutes=minutes)
    return plan_for(choose_labelled(cohort), budget=budget, seed=seed, listener=listener)


def plan_ladder(
    cohort: Cohort,
    *,
    minutes: float,
    seed: int = 0,
    rungs: Rungs = RUNGS,
    listener: Listener = silent,
) -> tuple[RungPlan, ...]:
    """Say of every kind of model what its training would take here, the cheapest kind first.

    A U-Net makes its plan; any other kind is fitted to two cases for a few seconds, and what that
    took is scaled by the voxels of all labelled cases.

    Raises
    ------
    SufficeError
        If the budget or the labelled cases cannot be used.
    """
    budget = Budget(minutes=minutes)
    labelled = choose_labelled(cohort)
    known = expect_each(rungs, labelled, budget=budget, seed=seed, listener=listener)
    return tuple(
        RungPlan(rung=name, refusal=str(expected))
        if isinstance(expected, CohortError)
        else RungPlan(rung=name, **asdict(expected))
        for name, expected in known.items()
    )
