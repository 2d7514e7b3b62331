"""`suffice plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suffice.cli.console import answer, answer_json, answer_table, showing_progress
from suffice.cli.options import CohortFolder, Json, Minutes, Seed
from suffice.cli.problems import named_problems

if TYPE_CHECKING:
    from suffice.workflows.planning import RungPlan


@named_problems
def plan(
    cohort: CohortFolder, minutes: Minutes = 10.0, seed: Seed = 0, as_json: Json = False
) -> None:
    """Say what a training would do on this machine.

    The plan of the U-Net, then every kind of model with the minutes and the memory that it is
    expected to take at most, and where it does not apply the reason. Reads the labelled cases,
    times a few steps, and tries the other kinds for some seconds each.
    """
    from suffice.io import read_cohort
    from suffice.training.plan import describe
    from suffice.workflows.planning import plan_ladder, plan_training

    known = read_cohort(cohort)
    with showing_progress() as listener:
        planned = plan_training(known, minutes=minutes, seed=seed, listener=listener)
        ladder = plan_ladder(known, minutes=minutes, seed=seed, listener=listener)
    if as_json:
        answer_json({**planned.to_dict(), "memory_gb": planned.memory_gb, "ladder": ladder})
    else:
        answer_table(None, describe(planned, known.legend.names))
        answer("")
        answer_table(("model", "minutes", "memory_gb", ""), map(_row, ladder))


def _row(row: RungPlan) -> tuple[object, ...]:
    remark = "takes all it is given" if row.takes_all else ""
    return row.rung, row.minutes, row.memory_gb, row.refusal or remark
