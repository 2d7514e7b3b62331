"""`suffice agree`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suffice.cli.console import (
    answer,
    answer_json,
    answer_table,
    remark,
    remark_on_undefined,
    showing_progress,
)
from suffice.cli.options import CohortFolder, Force, Json, Seed
from suffice.cli.problems import named_problems

if TYPE_CHECKING:
    import pandas as pd

    from suffice.workflows.agreeing import RaterAgreement

SHOWN = ("label", "of", "metric", "mean", "low", "high", "n_subjects", "n_values", "n_undefined")
OVERALL = ("pairs", "two persons", "one person", "raters", "ceiling")
N_TO_ADJUDICATE = 5


@named_problems
def agree(
    cohort: CohortFolder,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Folder for all tables and a heat map."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="RATER", help="Leave a rater out; may be repeated."),
    ] = None,
    person: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="One group: the person, in the rater's name; one person's masks count apart.",
        ),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(metavar="MM", help="How far off a surface may be for the NSD.")
    ] = 1.0,
    seed: Seed = 0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Say how far the raters of a cohort agree.

    Every two raters, all together, the human ceiling (each against the consensus of the
    others), raters who copy another, and the cases to adjudicate first.
    """
    from suffice.workflows.agreeing import agree

    with showing_progress() as listener:
        found = agree(
            cohort,
            out,
            without=without or (),
            person_pattern=person,
            nsd_tolerance_mm=tolerance,
            seed=seed,
            overwrite=force,
            listener=listener,
        )
    for item in found.left_out:
        remark(f"left out {item.path}: {item.reason}")
    remark_on_undefined(found.undefined)
    if as_json:
        answer_json(_facts(found))
    else:
        remark(f"nsd: share of both surfaces within {tolerance:g} mm (pixels where unknown)")
        _answer_in_words(found, out)


def _overall(found: RaterAgreement) -> pd.DataFrame:
    return found.summary[found.summary["of"].isin(OVERALL)]


def _answer_in_words(found: RaterAgreement, out: Path | None) -> None:
    single = f"; {found.n_single} labelled cases have one rater" if found.n_single else ""
    answer(
        f"{len(found.raters)} raters, {found.n_cases} cases of {found.n_subjects} subjects with"
        f" two or more{single}"
    )
    for pair in found.duplicates:
        answer(
            f"DUPLICATE RATERS: {pair}. Their agreement is that of a copy: look where it came"
            f" from, and leave one out with --without '{pair.rater_b}'."
        )
    answer_table(SHOWN, _overall(found)[list(SHOWN)].itertuples(index=False))
    worst = found.adjudicate.head(N_TO_ADJUDICATE)
    if len(worst):
        answer("adjudicate first:")
        columns = ("case", "label", "mean_dice", "worst_pair", "reasons")
        answer_table(columns, worst[list(columns)].itertuples(index=False))
    if out is not None:
        answer(f"all tables and heatmap.png are in {out}")


def _facts(found: RaterAgreement) -> dict[str, object]:
    return {
        "raters": found.raters,
        "n_cases": found.n_cases,
        "n_subjects": found.n_subjects,
        "n_single": found.n_single,
        "duplicates": found.duplicates,
        "summary": found.summary.to_dict("records"),
        "undefined": found.undefined.to_dict("records"),
        "adjudicate": found.adjudicate.to_dict("records"),
        "left_out": [{"path": i.path, "reason": i.reason} for i in found.left_out],
    }
