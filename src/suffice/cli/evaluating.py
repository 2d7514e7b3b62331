"""`suffice evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suffice.cli.console import answer_json, answer_table, remark, showing_progress
from suffice.cli.options import Force, Json, Seed
from suffice.cli.problems import named_problems

if TYPE_CHECKING:
    from suffice.workflows.evaluating import Evaluation

SHOWN = ("label", "metric", "mean", "low", "high", "n_subjects", "n_undefined")


@named_problems
def evaluate(
    predictions: Annotated[
        Path, typer.Argument(metavar="PREDICTIONS", help="Folder of masks, or one mask.")
    ],
    references: Annotated[
        Path,
        typer.Argument(metavar="REFERENCES", help="Cohort folder, folder of masks, or one mask."),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="scores.csv", help="Table of all scores."),
    ] = None,
    rater: Annotated[
        str | None, typer.Option(help="Whose masks of a cohort to score against.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(metavar="MM", help="How far off a surface may be for the NSD.")
    ] = 1.0,
    seed: Seed = 0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Score masks against references of the same name.

    Prints means over subjects with 95 % intervals.
    """
    from suffice.files import require_free
    from suffice.study import write_scores
    from suffice.workflows.evaluating import evaluate

    if out is not None:
        require_free(out, overwrite=force)
    with showing_progress() as listener:
        evaluation = evaluate(
            predictions,
            references,
            rater=rater,
            nsd_tolerance_mm=tolerance,
            seed=seed,
            listener=listener,
        )
    if out is not None:
        write_scores(out, evaluation.scores, overwrite=force)
    _answer(evaluation, as_json=as_json)


def _answer(evaluation: Evaluation, *, as_json: bool) -> None:
    for item in evaluation.left_out:
        remark(f"left out {item.path}: {item.reason}")
    summary = evaluation.summary
    if as_json:
        answer_json(
            {
                "summary": summary.drop(columns="rung").to_dict("records"),
                "left_out": [{"path": i.path, "reason": i.reason} for i in evaluation.left_out],
            }
        )
    else:
        answer_table(SHOWN, summary[list(SHOWN)].itertuples(index=False))
