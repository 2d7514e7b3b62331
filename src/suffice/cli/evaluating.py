"""`suffice evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from suffice.cli.console import (
    answer,
    answer_json,
    answer_table,
    remark,
    remark_on_undefined,
    showing_progress,
)
from suffice.cli.options import Force, Json, Seed
from suffice.cli.problems import PROBLEM, named_problems

if TYPE_CHECKING:
    import pandas as pd

    from suffice.metrics import Panel
    from suffice.workflows.evaluating import Evaluation

SHOWN = ("label", "metric", "mean", "low", "high", "n_subjects", "n_undefined")


_Predictions = Annotated[
    Path, typer.Argument(metavar="PREDICTIONS", help="Folder of masks, or one mask.")
]
_References = Annotated[
    Path | None,
    typer.Argument(metavar="REFERENCES", help="Cohort folder, folder of masks, or one mask."),
]
_Out = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="DIR", help="Folder for all tables; NAME.csv: the scores alone."
    ),
]
_Rater = Annotated[
    str | None,
    typer.Option(help="Whose masks of a cohort to score against: a rater, 'all' or 'consensus'."),
]
_Consensus = Annotated[
    Literal["majority", "staple", "simple", "shape"],
    typer.Option(help="How a consensus that the cohort does not hold is made."),
]
_Metrics = Annotated[
    str | None,
    typer.Option(metavar="NAMES", help="Metrics with commas between, e.g. 'dice,nsd,cldice'."),
]
_Panel = Annotated[
    Literal["default", "full"], typer.Option(help="Metrics, where --metrics names none.")
]
_Instances = Annotated[
    bool, typer.Option("--instances", help="Match single objects and score them too.")
]
_Tolerance = Annotated[
    float, typer.Option(metavar="MM", help="How far off a surface may be for the NSD.")
]
_Empty = Annotated[
    Literal["suffice", "perfect", "brats", "monai"],
    typer.Option(help="What counts where a mask is empty."),
]
_Advise = Annotated[
    bool,
    typer.Option("--advise", help="Score nothing: say which metrics suit the drawn masks."),
]


@named_problems
def evaluate(
    predictions: _Predictions,
    references: _References = None,
    out: _Out = None,
    rater: _Rater = None,
    consensus: _Consensus = "majority",
    metrics: _Metrics = None,
    panel: _Panel = "default",
    instances: _Instances = False,
    tolerance: _Tolerance = 1.0,
    empty: _Empty = "suffice",
    advise: _Advise = False,
    seed: Seed = 0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Score masks against references of the same name.

    Prints means over subjects with 95 % intervals, and beside them what people reach where a
    cohort has several raters. `evaluate COHORT --advise` names the metrics for a cohort.

    Exit status 1 where a case that has a reference could not be scored.
    """
    from suffice.core import UsageError
    from suffice.workflows.evaluating import evaluate

    if advise:
        _advise(references or predictions, as_json=as_json)
        return
    if references is None:
        raise UsageError("There is nothing to score against", cure="Name REFERENCES.")
    with showing_progress() as listener:
        evaluation = evaluate(
            predictions,
            references,
            out,
            rater=rater,
            consensus=consensus,
            panel=_panel(metrics, panel, tolerance, empty),
            instances=instances,
            seed=seed,
            overwrite=force,
            listener=listener,
        )
    if not as_json and "nsd" in set(evaluation.scores["metric"]):
        remark(f"nsd: share of both surfaces within {tolerance:g} mm (pixels where unknown)")
    _answer(evaluation, as_json=as_json)


def _panel(metrics: str | None, panel: str, tolerance: float, empty: str) -> Panel:
    from suffice.metrics import METRICS, EmptyPolicy, Panel

    names = Panel.default().names if panel == "default" else tuple(METRICS)
    if metrics is not None:
        names = tuple(name.strip() for name in metrics.split(",") if name.strip())
    return Panel(names=names, nsd_tolerance_mm=tolerance, empty=EmptyPolicy.named(empty))


def _advise(references: Path, *, as_json: bool) -> None:
    from suffice.workflows.evaluating import advise_on

    with showing_progress() as listener:
        advice, n_masks = advise_on(references, listener=listener)
    if as_json:
        facts = {"n_masks": n_masks, "use": advice.use, "avoid": advice.avoid}
        answer_json({**facts, "notes": advice.notes, "metrics": advice.panel.names})
        return
    answer(f"From {n_masks} drawn masks:")
    for verb, counsels in (("use", advice.use), ("avoid", advice.avoid)):
        for counsel in counsels:
            labels = f" [{', '.join(counsel.labels)}]" if counsel.labels else ""
            answer(f"{verb:6}{', '.join(counsel.metrics)}{labels}: {counsel.reason}")
    for note in advice.notes:
        answer(f"note  {note}")
    answer(f"--metrics {','.join(advice.panel.names)}")


def _answer(evaluation: Evaluation, *, as_json: bool) -> None:
    for item in evaluation.left_out:
        remark(f"left out {item.path}: {item.reason}")
    remark_on_undefined(evaluation.undefined)
    _remark_on_objects(evaluation.objects)
    _remark_on_partly(evaluation.partly)
    if as_json:
        answer_json(
            {
                "summary": evaluation.summary.drop(columns="rung").to_dict("records"),
                "ceiling": evaluation.ceiling_summary.drop(columns="rung").to_dict("records"),
                "undefined": evaluation.undefined.drop(columns="rung").to_dict("records"),
                "objects": evaluation.objects.to_dict("records"),
                "quality": evaluation.quality.to_dict("records"),
                "partly": evaluation.partly.to_dict("records"),
                "left_out": [{"path": i.path, "reason": i.reason} for i in evaluation.left_out],
            }
        )
    else:
        _answer_tables(evaluation)
        _answer_quality(evaluation.quality)
    if evaluation.left_out:
        n = len(evaluation.left_out)
        remark(f"error: {n} masks were left out of the score. Mend them as said above.")
        raise typer.Exit(PROBLEM)


def _answer_quality(quality: pd.DataFrame) -> None:
    """Say how the Dice that `predict` expected of these masks came true."""
    from suffice.study.estimates import estimate_errors

    if not len(quality):
        return
    answer("predicted Dice against true Dice; held_90: part above the bound that 90 % should keep")
    errors = estimate_errors(quality)
    answer_table(tuple(errors.columns), errors.itertuples(index=False))


def _remark_on_objects(objects: pd.DataFrame) -> None:
    """Say what told the objects apart, as components join those that touch."""
    for side in ("drawn", "predicted"):
        n_maps = int((objects[side] == "map").sum()) if len(objects) else 0
        n_joined = len(objects) - n_maps
        told = [f"maps of instances ({n_maps})"] * bool(n_maps)
        told += [f"connected components, which join what touches ({n_joined})"] * bool(n_joined)
        if told:
            remark(f"objects {side}: {' and '.join(told)}")


def _remark_on_partly(partly: pd.DataFrame) -> None:
    """Say that scores rest on a part of the voxels."""
    if len(partly):
        share = 100 * float(partly["labelled"].mean())
        remark(
            f"{len(partly)} references label {share:.3g} % of their voxels: overlap is scored over"
            " these alone, and surfaces, sizes and objects, which the rest may cut, are not scored"
        )


def _answer_tables(evaluation: Evaluation) -> None:
    """Print the summary; beside it what people reach, then each rater's own where asked for."""
    summary, top = evaluation.summary, evaluation.ceiling_summary
    shown = ["rater", *SHOWN] if "rater" in summary.columns else [*SHOWN]
    if not len(top):
        answer_table(shown, summary[shown].itertuples(index=False))
        return
    people = top[top["rater"] == "all"].set_index(["label", "metric"])
    merged = summary.join(
        people[["mean", "low", "high"]].add_prefix("people_"), on=["label", "metric"]
    )
    columns = [*shown, "people_mean", "people_low", "people_high"]
    answer_table(columns, merged[columns].itertuples(index=False))
    n_raters = top["rater"].nunique() - 1
    answer(f"people: each of {n_raters} raters against the consensus of the others, the ceiling")
