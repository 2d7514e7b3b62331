"""`suffice run` and `suffice demo`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suffice.cli.console import answer, answer_json, answer_table, remark, showing_progress
from suffice.cli.options import (
    CohortFolder,
    Init,
    Json,
    Minutes,
    Quality,
    Raters,
    Seed,
    Tune,
    Unlabelled,
    names_of,
)
from suffice.cli.problems import named_problems

if TYPE_CHECKING:
    from suffice.workflows.running import Study


LADDER_SHOWN = ("rung", "dice", "low", "high", "minutes", "memory_gb", "verdict", "note")


@named_problems
def run(
    cohort: CohortFolder,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="STUDY", help="Folder of the study.")],
    minutes: Annotated[
        float, typer.Option("--minutes", "-m", help="Wall-clock minutes for all trainings.")
    ],
    models: Annotated[
        str,
        typer.Option(
            metavar="KINDS",
            help="Kinds of models to choose from by their scores, e.g. unet,threshold, or all; "
            "auto is a U-Net, beside a template for pictures of anatomy.",
        ),
    ] = "auto",
    test: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Score on the cases in FILE, one name a line, and learn from none of them.",
        ),
    ] = None,
    seed: Seed = 0,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Average over mirrored pictures: slower, a bit better.")
    ] = False,
    quality: Quality = True,
    init: Init = None,
    tune: Tune = "",
    unlabelled: Unlabelled = None,
    raters: Raters = "first",
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace a study that was begun with other settings or data."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Train, score, predict, measure and report in one go.

    Scores are of subjects that the scored model never saw; the final model draws the masks of
    the unlabelled scans. Several --models are fitted on the same folds and the best is kept.
    Where at least four subjects are scored, each mask comes with the Dice to expect of it.

    Killed or interrupted, the same command goes on where it was.
    """
    from suffice.io import read_cohort
    from suffice.workflows.running import run
    from suffice.workflows.training import read_names

    with showing_progress() as listener:
        study = run(
            read_cohort(cohort),
            out,
            minutes=minutes,
            models=names_of(models),
            test=None if test is None else read_names(test),
            seed=seed,
            mirror=mirror,
            judge=quality,
            init=init,
            tune=names_of(tune),
            unlabelled=unlabelled,
            raters=raters,
            overwrite=force,
            listener=listener,
        )
    _answer(study, as_json=as_json)


@named_problems
def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the demo.")
    ] = Path("suffice-demo"),
    minutes: Minutes = 3.0,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Run a whole study on phantoms; print the report's path.

    The phantoms are chest CT of people who do not exist. Interrupted, the same command goes on.
    """
    from suffice.workflows.demonstrating import demonstrate

    with showing_progress() as listener:
        study = demonstrate(out, minutes=minutes, seed=seed, listener=listener)
    _answer(study, as_json=as_json)


def _answer(study: Study, *, as_json: bool) -> None:
    import pandas as pd

    words = ("rung", "verdict", "note")
    ladder = pd.read_csv(study.ladder, dtype=dict.fromkeys(words, str))
    ladder = ladder.fillna(dict.fromkeys(words, ""))
    if as_json:
        answer_json({**asdict(study), "ladder": ladder.to_dict("records")})
        return
    if len(ladder) > 1:
        answer_table(LADDER_SHOWN, ladder[list(LADDER_SHOWN)].itertuples(index=False))
        answer(f"{study.rung} is kept: {study.choice}")
    if study.left_out:
        remark(f"{len(study.left_out)} files were left out; {study.folder / 'left_out.csv'}")
    copies = [caution for caution in study.cautions if caution.cases]
    if copies:
        names = ", ".join(copies[0].cases[:3])
        remark(
            f"caution: {len(copies)} times scans look like copies under different"
            f" subjects, as {names}: the score may be too good. Give the copies one subject in"
            f" cases.csv; {study.folder / 'cautions.csv'}"
        )
    for caution in study.cautions:
        if not caution.cases:
            remark(f"caution: {caution.message}. {caution.cure}")
    answer(
        f"{study.rung}: Dice {study.dice:.3f} (95 % {study.dice_low:.3f} to"
        f" {study.dice_high:.3f}) on {study.n_scored} cases of unseen subjects;"
        f" {study.n_predicted} scans predicted"
    )
    answer(str(study.report))
