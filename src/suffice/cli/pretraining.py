"""`suffice pretrain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from suffice.cli.console import answer, answer_json, remark, showing_progress
from suffice.cli.options import Cases, CohortFolder, Force, Json, Minutes, Seed
from suffice.cli.problems import named_problems

Method = Literal["spark", "denoise"]

_Out = Annotated[
    Path,
    typer.Option("--out", "-o", metavar="PRETRAINED", help="Folder of the weights."),
]
_How = Annotated[
    Method,
    typer.Option(help="Draw hidden blocks (spark), or restore images that were spoilt (denoise)."),
]


@named_problems
def pretrain(
    cohort: CohortFolder,
    out: _Out,
    minutes: Minutes,
    method: _How = "spark",
    cases: Cases = None,
    seed: Seed = 0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Learn from scans without their masks, for trainings to start from.

    Then: suffice train COHORT --init PRETRAINED. Killed or interrupted, the same command goes on
    from the last checkpoint.
    """
    from suffice.io import read_cohort
    from suffice.workflows.pretraining import pretrain as pretrain_on
    from suffice.workflows.training import read_names

    with showing_progress() as listener:
        done = pretrain_on(
            read_cohort(cohort),
            out,
            minutes=minutes,
            method=method,
            cases=None if cases is None else read_names(cases),
            seed=seed,
            overwrite=force,
            listener=listener,
        )
    for note in done.notes:
        remark(note)
    remark(f"learned from {len(done.cases)} scans in {done.minutes:g} minutes")
    if as_json:
        answer_json(done)
    else:
        answer(str(done.model))
