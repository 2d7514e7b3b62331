"""`suffice enough`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suffice.cli.console import answer, answer_json, showing_progress
from suffice.cli.options import (
    AllMinutes,
    CohortFolder,
    EngineName,
    Gpus,
    Init,
    Json,
    Raters,
    Seed,
    Tune,
    Unlabelled,
    Workers,
    names_of,
)
from suffice.cli.problems import named_problems

if TYPE_CHECKING:
    from suffice.workflows.enough import Enough

_Targets = Annotated[
    list[str],
    typer.Option(
        "--target",
        "-t",
        metavar="[LABEL:]METRIC=VALUE",
        help="Score wanted, of the mean of all structures or of one; may be repeated.",
    ),
]
_Out = Annotated[
    Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the curve and its forecast.")
]
_Rungs = Annotated[
    str, typer.Option(metavar="A,B", help="Kinds of models, as `suffice train --model` has them.")
]
_Ways = Annotated[
    str,
    typer.Option(
        metavar="A,B",
        help="Ways to train a U-Net, beside the usual one, that are worth labelled cases or not:"
        " unaugmented, transfer (from --init), pool (of scans without masks, by --unlabelled),"
        " consensus (of several raters, by --raters); two of a kind as pool=WAY,"
        " transfer=WEIGHTS, consensus=WAY.",
    ),
]
_Test = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Names of the cases to score on, one a line; by default a third of the subjects, or"
        " each in turn where they are few.",
    ),
]
_Draws = Annotated[int, typer.Option(min=1, help="Draws of the cases, at most.")]
_Seeds = Annotated[int, typer.Option(min=1, help="Trainings of each size and draw.")]
_Level = Annotated[
    float, typer.Option(min=0.01, max=0.99, help="How often intervals hold the truth.")
]
_MinutesACase = Annotated[
    float | None,
    typer.Option(min=0.0, help="Minutes of drawing that a case takes, as you know it."),
]
_AnnotationLog = Annotated[
    Path | None,
    typer.Option(
        metavar="CSV",
        help="Learn them from a log instead: case and minutes, or case, start and end.",
    ),
]
_RateExpert = Annotated[
    float | None, typer.Option(min=0.0, help="What an hour of somebody who draws costs.")
]
_RateCompute = Annotated[
    float | None, typer.Option(min=0.0, help="What an hour of the machine that trains costs.")
]
_Currency = Annotated[str, typer.Option(metavar="WORD", help="What the rates are in.")]
_ValueAPoint = Annotated[
    float | None,
    typer.Option(
        min=0.0, help="What a point (a hundredth) of the score is worth, for the rule to stop by."
    ),
]
_Next = Annotated[
    int | None,
    typer.Option(
        "--next", min=1, metavar="N", help="Cases to weigh next; by default as many as there are."
    ),
]
_Beside = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="DIR",
        help="Folder of an earlier call on this cohort, whose trainings had other minutes, to find"
        " the cheapest way among; may be repeated.",
    ),
]


@named_problems
def enough(
    cohort: CohortFolder,
    target: _Targets,
    minutes: AllMinutes,
    out: _Out,
    rungs: _Rungs = "auto",
    ways: _Ways = "",
    init: Init = None,
    tune: Tune = "",
    unlabelled: Unlabelled = None,
    raters: Raters = "first",
    test: _Test = None,
    draws: _Draws = 10,
    seeds: _Seeds = 1,
    level: _Level = 0.8,
    minutes_a_case: _MinutesACase = None,
    annotation_log: _AnnotationLog = None,
    rate_expert: _RateExpert = None,
    rate_compute: _RateCompute = None,
    currency: _Currency = "EUR",
    value_a_point: _ValueAPoint = None,
    next_: _Next = None,
    beside: _Beside = None,
    engine: EngineName = "local",
    workers: Workers = None,
    gpus: Gpus = 0.0,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Tell how many labelled cases a score takes, with an interval.

    Models are trained on more and more of the cases, each for the same minutes, and scored on
    cases held back; the curve is carried on. Killed, the same command goes on where it was; with
    more minutes it adds draws, and the answer gets better. With --ways it tells what other ways
    to train are worth in labelled cases; with --minutes-a-case, and what an hour costs, the answer
    is in hours and money, too, and it says when to stop labelling.
    """
    from suffice.io import read_cohort
    from suffice.study.engine import engine_named
    from suffice.workflows.enough import enough, to_json
    from suffice.workflows.pricing import read_prices
    from suffice.workflows.training import read_names
    from suffice.workflows.ways import parse_ways

    chosen = parse_ways(
        names_of(ways), init=init, tune=names_of(tune), unlabelled=unlabelled, raters=raters
    )
    priced = read_prices(
        minutes_a_case=minutes_a_case,
        annotation_log=annotation_log,
        rate_expert=rate_expert,
        rate_compute=rate_compute,
        currency=currency,
        value_a_point=value_a_point,
        n_next=next_,
        level=level,
    )
    with showing_progress() as listener:
        found = enough(
            read_cohort(cohort),
            out,
            targets=target,
            minutes=minutes,
            rungs=names_of(rungs),
            ways=chosen,
            test=None if test is None else read_names(test),
            n_draws=draws,
            n_seeds=seeds,
            level=level,
            priced=priced,
            beside=beside or (),
            engine=engine_named(engine, workers=workers, gpus=gpus),
            seed=seed,
            listener=listener,
        )
    if as_json:
        answer_json(to_json(found))
        return
    _answer_in_words(found)
    answer(
        f"{found.given} labelled {found.unit}; {found.curve.n_trainings} trainings of"
        f" {found.curve.minutes_each:.1f} minutes at most, {found.curve.minutes:.1f} minutes in"
        " all. More minutes add draws."
    )
    answer(str(found.folder / "forecast.png"))


def _answer_in_words(found: Enough) -> None:
    """What each curve says, what the ways are worth, and what to do."""
    parts = [one.sentences for one in found.answers]
    parts += [tuple(worth.sentence for worth in found.worths)]
    time = found.priced.time
    parts += [() if time is None else (time.sentence,)]
    parts += [one.sentences for one in found.advice]
    for sentences in filter(None, parts):
        for sentence in sentences:
            answer(sentence)
        answer("")
