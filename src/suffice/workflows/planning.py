"""What a training of a cohort would do on this machine."""

from __future__ import annotations

from dataclasses import dataclass

from suffice.core import Budget, Cohort, Listener, Progress, silent
from suffice.segmenters import RUNGS
from suffice.segmenters.expecting import expect
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

    See `suffice.segmenters.expecting.expect`: a few seconds of work for each.

    Raises
    ------
    SufficeError
        If the budget or the labelled cases cannot be used.
    """
    budget = Budget(minutes=minutes)
    labelled = choose_labelled(cohort)
    rows = []
    for i, (name, rung) in enumerate(rungs.items()):
        listener(Progress("try", i / len(rungs), note=name))
        refusal = rung.refusal(labelled)
        if refusal is not None:
            rows.append(RungPlan(rung=name, refusal=str(refusal)))
            continue
        expected = expect(rung, labelled, budget=budget, seed=seed)
        rows.append(
            RungPlan(
                rung=name,
                minutes=expected.minutes,
                memory_gb=expected.memory_gb,
                takes_all=expected.takes_all,
            )
        )
    listener(Progress("try", 1.0))
    return tuple(rows)
