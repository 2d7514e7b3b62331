"""`suffice plan`."""

from __future__ import annotations

from suffice.cli.console import answer_json, answer_table, showing_progress
from suffice.cli.options import CohortFolder, Json, Minutes, Seed
from suffice.cli.problems import named_problems


@named_problems
def plan(
    cohort: CohortFolder, minutes: Minutes = 10.0, seed: Seed = 0, as_json: Json = False
) -> None:
    """Say what a training would do on this machine.

    Reads the labelled cases and times a few steps.
    """
    from suffice.io import read_cohort
    from suffice.training.plan import describe
    from suffice.workflows.planning import plan_training

    known = read_cohort(cohort)
    with showing_progress() as listener:
        planned = plan_training(known, minutes=minutes, seed=seed, listener=listener)
    if as_json:
        answer_json({**planned.to_dict(), "memory_gb": planned.memory_gb})
    else:
        answer_table(None, describe(planned, known.legend.names))
