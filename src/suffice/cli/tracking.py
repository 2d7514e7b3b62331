"""`suffice track`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from suffice.cli.console import answer, answer_json, answer_table, remark, showing_progress
from suffice.cli.options import Force, Json, names_of
from suffice.cli.problems import named_problems

if TYPE_CHECKING:
    from suffice.workflows.breathing import Breathing
    from suffice.workflows.tracked import Tracking

SHOWN = ("subject", "label", "n_visits", "value", "change", "change_percent", "noise", "verdict")
MAX_ROWS = 40


@named_problems
def track(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="COHORT|STUDY|MEASURES", help="A cohort, a study or a measures.csv."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Folder for the tables and a page a subject."
        ),
    ] = None,
    spirometry: Annotated[
        Path | None,
        typer.Option(metavar="TABLE", help="CSV of tests of the lungs, to set volume against."),
    ] = None,
    reference: Annotated[
        Literal["gli2022", "gli2012"],
        typer.Option(help="Reference values: Global 2022, or 2012, which asks for a group."),
    ] = "gli2022",
    max_gap_days: Annotated[
        float, typer.Option(metavar="DAYS", help="A test further off belongs to no scan.")
    ] = 90.0,
    breath: Annotated[
        Literal["inspiration", "expiration", "unknown"],
        typer.Option(help="At what breath the scans were taken."),
    ] = "unknown",
    lungs: Annotated[
        str,
        typer.Option(
            metavar="LABELS", help="Structures that make up the lungs; else those named lung."
        ),
    ] = "",
    repeatability: Annotated[
        str | None,
        typer.Option(
            metavar="RC",
            help="Repeatability coefficient, e.g. 12 (ml) or 5%; else from repeats.",
        ),
    ] = None,
    retest_days: Annotated[
        float, typer.Option(metavar="DAYS", help="Scans no further apart count as repeats.")
    ] = 0.0,
    masks: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="Follow masks of one kind: drawn, predicted, a rater."),
    ] = None,
    lesions: Annotated[
        str,
        typer.Option(
            metavar="LABELS",
            help="Follow each piece of these structures; auto: those named like lesions; none.",
        ),
    ] = "auto",
    register: Annotated[
        Literal["rigid", "none"],
        typer.Option(help="How scans on different grids are brought together for that."),
    ] = "rigid",
    lesion_change: Annotated[
        float, typer.Option(metavar="PERCENT", help="A lesion that changes by less is unchanged.")
    ] = 25.0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Follow subjects over their visits: real change, slopes, lesions, spirometry.

    A change is called real beyond the repeatability coefficient. Slopes a year are told for each
    subject and, by a mixed-effects model, for all.
    """
    from suffice.workflows.tracked import summary_of
    from suffice.workflows.tracking import track

    with showing_progress() as listener:
        found = track(
            source,
            out,
            spirometry=spirometry,
            reference=reference,
            max_gap_days=max_gap_days,
            breath=breath,
            lungs=names_of(lungs),
            repeatability=repeatability,
            retest_days=retest_days,
            masks=masks,
            lesions=None if lesions == "auto" else [] if lesions == "none" else names_of(lesions),
            motion=register,
            least_change_percent=lesion_change,
            overwrite=force,
            listener=listener,
        )
    for item in found.left_out:
        remark(f"left out {item.path}: {item.reason}")
    for note in found.notes:
        remark(note)
    if as_json:
        rows = found.track.to_dict("records")
        lesion_rows = found.lesions.to_dict("records")
        answer_json({**summary_of(found), "track": rows, "lesion_rows": lesion_rows})
    else:
        _answer_in_words(found)


def _answer_in_words(found: Tracking) -> None:
    from suffice.report.tracking import slope_sentence
    from suffice.tracking import COHORT

    last = found.track.groupby(["subject", "label"], sort=False).tail(1)
    several = last[last["n_visits"] > 1]
    shown = several[list(SHOWN)].head(MAX_ROWS)
    if len(shown):
        answer_table(SHOWN, shown.itertuples(index=False))
    else:
        answer("no subject has two visits")
    if len(several) > MAX_ROWS:
        remark(f"and {len(several) - MAX_ROWS} more rows: track.csv has them all")
    for one in found.repeatability.values():
        answer(
            f"noise of {one.label}: {_coefficient(one.amount, one.percent, found.unit)}, {one.kind}"
        )
    for slope in found.slopes:
        if slope.subject == COHORT:
            answer(slope_sentence(slope, found.unit))
    if len(found.lesions):
        counts = found.lesions["fate"].value_counts()
        answer("lesions: " + ", ".join(f"{n} {fate}" for fate, n in counts.items()))
    if found.breathing is not None:
        _answer_breathing(found.breathing)
    if found.index is not None:
        answer(str(found.index))


def _coefficient(amount: float, percent: float, unit: str) -> str:
    known = [f"{amount:.3g} {unit}"] if amount == amount else []
    known += [f"{percent:.3g} %"] if percent == percent else []
    return " or ".join(known) or "no coefficient"


def _answer_breathing(breathing: Breathing) -> None:
    for note in breathing.notes:
        remark(note)
    for name, one in breathing.agreement.items():
        r, bias = one.correlation, one.bias
        answer(
            f"lungs against {name}: r {r.value:.3f} ({r.low:.3f} to {r.high:.3f}), bias"
            f" {bias.value:.2f} l ({bias.low:.2f} to {bias.high:.2f}), limits"
            f" {one.lower_limit.value:.2f} to {one.upper_limit.value:.2f} l, {one.n_pairs} pairs of"
            f" {one.n_subjects} subjects"
        )
    for _, row in breathing.unpaired.iterrows():
        remark(f"no test for {row['case']}: {row['reason']}")
    for caution in breathing.cautions:
        remark(f"caution: {caution}")
