"""`suffice measure`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suffice.cli.console import answer, answer_json, answer_table, remark, showing_progress
from suffice.cli.options import Force, Json, LabelNames, Modality, labels_of
from suffice.cli.problems import PROBLEM, named_problems

if TYPE_CHECKING:
    import pandas as pd

    from suffice.workflows.measuring_masks import MeasuredMasks

# Of the many columns, those that most people look for first.
SHOWN = ("case", "label", "source")
SIZES = ("volume_ml", "area_mm2", "area_px")
FURTHER = ("mass_g", "laa950_percent", "max_suv", "cardiothoracic_ratio", "level", "note")

_Masks = Annotated[
    list[Path],
    typer.Argument(metavar="MASKS...", help="Masks, folders of them, cohorts, studies."),
]
_Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="CSV", help="Table with all measures, measures.csv."),
]
_Images = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Scans named as their masks: what they show inside these."),
]
_Cohort = Annotated[
    Path | None,
    typer.Option(metavar="COHORT", help="Whose cases the masks are: scans, labels, dates."),
]
_Probabilities = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="By default 'probabilities' beside the masks, if there."),
]
_Calibration = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="What tells the error of predicted sizes: a study, its measures.csv, or the scores of"
        " cases that the model did not learn from. A study measures itself by its own.",
    ),
]
_Drawn = Annotated[
    bool,
    typer.Option(
        "--drawn",
        help="The masks are true but for the size of the voxels, which makes the interval.",
    ),
]
_Rater = Annotated[str | None, typer.Option(help="Whose masks of a cohort; the first rater's.")]
_Level = Annotated[
    float | None,
    typer.Option(help="Of the intervals; 0.9, or 0.8 where held-back subjects are too few."),
]


@named_problems
def measure(
    masks: _Masks,
    out: _Out = None,
    images: _Images = None,
    cohort: _Cohort = None,
    probabilities: _Probabilities = None,
    calibration: _Calibration = None,
    label: LabelNames = None,
    modality: Modality = None,
    drawn: _Drawn = False,
    rater: _Rater = None,
    level: _Level = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Measure structures: volumes with intervals, shapes, densities, uptake, lungs.

    A row for each case and structure; units end the names of the columns. Where nothing tells
    how far off a predicted volume may be, its interval is empty and the note says why.

    Exit status 1 where a mask could not be measured.
    """
    from suffice.workflows.measuring_masks import measure_masks

    with showing_progress() as listener:
        done = measure_masks(
            masks,
            out,
            images=images,
            cohort=cohort,
            probabilities=probabilities,
            calibration=calibration,
            labels=labels_of(label) if label else None,
            modality=modality,
            drawn=drawn,
            rater=rater,
            level=level,
            overwrite=force,
            listener=listener,
        )
    for item in done.left_out:
        remark(f"left out {item.path}: {item.reason}")
    if as_json:
        _answer_json(done)
    elif out is None:
        shown = _shown(done.table)
        answer_table(tuple(shown.columns), shown.itertuples(index=False))
    else:
        answer(str(out))
    if done.left_out:
        remark(f"error: {len(done.left_out)} masks lack measures. Mend them as said above.")
        raise typer.Exit(PROBLEM)


def _answer_json(done: MeasuredMasks) -> None:
    left_out = [{"path": item.path, "reason": item.reason} for item in done.left_out]
    answer_json({"measures": done.table.to_dict("records"), "left_out": left_out})


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """Choose the columns that fit a screen."""
    sizes = [c for c in table.columns if any(c in around(size) for size in SIZES)]
    columns = [c for c in (*SHOWN, *sizes, *FURTHER) if c in table.columns]
    known = table[columns].replace("", float("nan")).notna().any()
    return table[[c for c in columns if known[c] or c in SHOWN]]


def around(size: str) -> tuple[str, ...]:
    """Name a size, its bounds, and the size by probabilities.

    Examples
    --------
    >>> around("volume_ml")
    ('volume_ml', 'volume_low_ml', 'volume_high_ml', 'volume_soft_ml')
    """
    name, _, unit = size.rpartition("_")
    return size, f"{name}_low_{unit}", f"{name}_high_{unit}", f"{name}_soft_{unit}"
