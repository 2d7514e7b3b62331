"""`suffice train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suffice.cli.console import answer, answer_json, remark, showing_progress
from suffice.cli.options import (
    Cases,
    CohortFolder,
    Force,
    Init,
    Json,
    Minutes,
    Raters,
    Seed,
    Tune,
    Unlabelled,
    names_of,
)
from suffice.cli.problems import named_problems

_Out = Annotated[
    Path, typer.Option("--out", "-o", metavar="MODEL", help="Folder of the trained model.")
]
_NLabels = Annotated[
    int | None,
    typer.Option("--labels", metavar="N", help="Learn from N labelled subjects, drawn by seed."),
]
_Model = Annotated[
    str,
    typer.Option(
        metavar="KIND",
        help="Kind of model, as `suffice plan` lists them; auto is a U-Net, beside a template "
        "for pictures of anatomy.",
    ),
]
_Consistency = Annotated[
    bool,
    typer.Option(help="Whether voxels that masks leave unlabelled teach a U-Net, too."),
]
_Devices = Annotated[
    int,
    typer.Option(
        min=1, help="GPUs that train one U-Net together; without one, processes on its cores."
    ),
]


@named_problems
def train(
    cohort: CohortFolder,
    out: _Out,
    minutes: Minutes,
    n_labels: _NLabels = None,
    cases: Cases = None,
    model: _Model = "auto",
    init: Init = None,
    tune: Tune = "",
    unlabelled: Unlabelled = None,
    raters: Raters = "first",
    consistency: _Consistency = True,
    devices: _Devices = 1,
    seed: Seed = 0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Train a model on the labelled cases of a cohort.

    Killed or interrupted, the same command goes on from the last checkpoint.
    """
    from suffice.io import read_cohort
    from suffice.workflows import training

    with showing_progress() as listener:
        trained = training.train(
            read_cohort(cohort),
            out,
            minutes=minutes,
            n_labels=n_labels,
            cases=None if cases is None else training.read_names(cases),
            model=model,
            init=init,
            tune=names_of(tune),
            unlabelled=unlabelled,
            raters=raters,
            consistency=consistency,
            devices=devices,
            seed=seed,
            overwrite=force,
            listener=listener,
        )
    for note in trained.notes:
        remark(note)
    remark(f"trained on {len(trained.cases)} cases in {trained.minutes:g} minutes")
    if as_json:
        answer_json(trained)
    else:
        answer(str(trained.model))
