"""`suffice rehearse`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suffice.cli.console import answer, answer_json, showing_progress
from suffice.cli.options import (
    AllMinutes,
    CohortFolder,
    EngineName,
    Gpus,
    Json,
    Seed,
    Workers,
    names_of,
)
from suffice.cli.problems import named_problems

_Out = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the rehearsal.")]
_Strategies = Annotated[
    str,
    typer.Option(metavar="A,B", help="Strategies of `suffice select`; foreground is always tried."),
]
_Model = Annotated[
    str, typer.Option(metavar="RUNG", help="Kind of model, as `suffice train --model` has them.")
]
_Test = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Names of the cases to score on, one a line; by default a third of the subjects.",
    ),
]
_Start = Annotated[int | None, typer.Option(min=1, help="Cases to begin with.")]
_Step = Annotated[int | None, typer.Option(min=1, help="Cases picked in a round.")]
_Rounds = Annotated[int | None, typer.Option(min=1, help="Rounds of picking; by default 3.")]
_Starts = Annotated[int, typer.Option(min=1, help="Draws of the first cases, at most.")]


@named_problems
def rehearse(
    cohort: CohortFolder,
    minutes: AllMinutes,
    out: _Out,
    strategies: _Strategies = "foreground,typiclust,k-centre,entropy,badge,clasp",
    model: _Model = "auto",
    test: _Test = None,
    start: _Start = None,
    step: _Step = None,
    rounds: _Rounds = None,
    starts: _Starts = 5,
    engine: EngineName = "local",
    workers: Workers = None,
    gpus: Gpus = 0.0,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Tell which strategy of `suffice select` pays on a cohort, if any.

    Labelled cases play unlabelled ones: a few are drawn to begin with, each strategy picks more in
    rounds, a model learns from what it picked and is scored on cases held back. The answer is the
    difference to random draws, with an interval. Killed, the same command goes on where it was;
    with more minutes it adds starts.
    """
    from suffice.io import read_cohort
    from suffice.study.engine import engine_named
    from suffice.workflows.rehearsing import rehearse, to_json
    from suffice.workflows.training import read_names

    with showing_progress() as listener:
        found = rehearse(
            read_cohort(cohort),
            out,
            minutes=minutes,
            strategies=names_of(strategies),
            rung=model,
            test=None if test is None else read_names(test),
            start=start,
            step=step,
            n_rounds=rounds,
            n_starts=starts,
            engine=engine_named(engine, workers=workers, gpus=gpus),
            seed=seed,
            listener=listener,
        )
    if as_json:
        answer_json(to_json(found))
        return
    for sentence in found.sentences:
        answer(sentence)
    answer("")
    design = found.design
    answer(
        f"{found.n_starts} starts from {design.start} cases, {design.n_rounds} rounds of"
        f" {design.step} more; {len(design.test)} cases held back; {len(found.rounds)} trainings"
        f" ({found.rung}) of {found.minutes_each:.1f} minutes at most."
    )
    answer(str(found.folder / "rehearsal.png"))
