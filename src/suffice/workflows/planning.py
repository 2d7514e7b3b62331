"""What a training of a cohort would do on this machine."""

from __future__ import annotations

from suffice.core import Budget, Cohort, Listener, silent
from suffice.segmenters.planning import plan_for
from suffice.training.plan import Plan
from suffice.workflows.training import choose_labelled


def plan_training(
    cohort: Cohort, *, minutes: float, seed: int = 0, listener: Listener = silent
) -> Plan:
    """Plan the training of a cohort's labelled cases within a budget, without training.

    Reads the labelled cases and times a few steps on this machine, as `train` does first.

    Raises
    ------
    SufficeError
        If the budget or the labelled cases cannot be used.
    """
    budget = Budget(minutes=minutes)
    return plan_for(choose_labelled(cohort), budget=budget, seed=seed, listener=listener)
