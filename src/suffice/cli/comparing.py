"""`suffice compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from suffice.cli.console import answer, answer_json, answer_table, remark
from suffice.cli.options import Force, Json, Seed
from suffice.cli.problems import named_problems

if TYPE_CHECKING:
    import pandas as pd

    from suffice.workflows.comparing import MethodComparison

RankBy = Literal["mean", "median", "rank"]
SCORES_SHOWN = ("method", "label", "metric", "mean", "low", "high", "width", "n_subjects")
DIFFERENCES_SHOWN = (
    "a",
    "b",
    "label",
    "metric",
    "difference",
    "low",
    "high",
    "effect",
    "n_better",
    "n_worse",
    "p",
    "p_holm",
)
RANKS_SHOWN = ("label", "metric", "rank", "method", "rank_low", "rank_high", "p_first", "tau")
_NAMED_CASES = 5


_Scores = Annotated[
    list[Path],
    typer.Argument(
        metavar="SCORES...", help="scores.csv files, or folders of evaluations or studies."
    ),
]
_Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="DIR", help="Folder for the tables and a picture."),
]
_Names = Annotated[
    str | None,
    typer.Option(metavar="A,B", help="What to call the methods; by default as their folders."),
]
_Metric = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Metric; may be repeated.  [dice]")
]
_Label = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Structure, or the mean of them; may be repeated.  [mean]"),
]
_RankBy = Annotated[
    RankBy | None,
    typer.Option(help="What ranks the methods; the mean, or the rank where values are infinite."),
]
_Width = Annotated[
    float | None,
    typer.Option(metavar="W", help="Tell how many test subjects an interval of this width takes."),
]
_Detect = Annotated[
    float | None,
    typer.Option(metavar="D", help="Tell how many test subjects it takes to show this difference."),
]


@named_problems
def compare(
    scores: _Scores,
    out: _Out = None,
    names: _Names = None,
    metric: _Metric = None,
    label: _Label = None,
    rank_by: _RankBy = None,
    width: _Width = None,
    detect: _Detect = None,
    seed: Seed = 0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Compare methods that were scored on the same cases.

    Paired by subject: differences with 95 % intervals and p-values after Holm's correction over
    all that is compared, and ranks with their stability. With one table, --width plans a test set.
    """
    from suffice.workflows.comparing import compare

    comparison = compare(
        scores,
        out,
        names=[name.strip() for name in names.split(",")] if names else (),
        metrics=metric or ("dice",),
        labels=label or ("mean",),
        rank_by=rank_by,
        width=width,
        detect=detect,
        seed=seed,
        overwrite=force,
    )
    _tell_unpaired(comparison.unpaired)
    if as_json:
        _answer_json(comparison)
    else:
        _answer(comparison)


def _tell_unpaired(unpaired: pd.DataFrame) -> None:
    keys = ["method", "label", "metric", "reason"]
    for (method, label, metric, reason), part in unpaired.groupby(keys, sort=False):
        cases = list(part["case"])
        more = f" and {len(cases) - _NAMED_CASES} more" if len(cases) > _NAMED_CASES else ""
        what = f" ({metric} of {label})" if metric else ""
        remark(
            f"not compared: {len(cases)} case{'s' * (len(cases) != 1)} of '{method}', "
            f"{reason}{what}: {', '.join(cases[:_NAMED_CASES])}{more}"
        )


def _answer(comparison: MethodComparison) -> None:
    from suffice.report.comparison import p_words
    from suffice.study.comparing import BY_RANK

    answer_table(SCORES_SHOWN, comparison.scores[list(SCORES_SHOWN)].itertuples(index=False))
    if comparison.rankings:
        answer("")
        shown = comparison.differences[list(DIFFERENCES_SHOWN)].copy()
        for column in ("p", "p_holm"):
            shown[column] = [p_words(p).removeprefix("= ") for p in shown[column]]
        answer_table(DIFFERENCES_SHOWN, shown.itertuples(index=False))
        if comparison.family:
            answer(comparison.family)
        answer("")
        answer_table(RANKS_SHOWN, comparison.ranks[list(RANKS_SHOWN)].itertuples(index=False))
    if comparison.sentences:
        answer("")
    for sentence in comparison.sentences:
        answer(sentence)
    notes = "; ".join([*comparison.scores["note"], *comparison.differences["note"]]).split("; ")
    for note in dict.fromkeys(notes):
        if note and not note.endswith(BY_RANK):  # which a sentence has said
            remark(f"note: {note}")


def _answer_json(comparison: MethodComparison) -> None:
    answer_json(
        {
            "scores": comparison.scores.to_dict("records"),
            "family": comparison.family,
            "differences": comparison.differences.to_dict("records"),
            "ranking": comparison.ranks.to_dict("records"),
            "unpaired": comparison.unpaired.to_dict("records"),
            "sentences": list(comparison.sentences),
        }
    )
