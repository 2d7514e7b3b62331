"""`suffice import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from suffice.cli.console import answer, answer_json, showing_progress
from suffice.cli.options import Force, Json, LabelNames, labels_of
from suffice.cli.problems import named_problems

if TYPE_CHECKING:
    from suffice.workflows.importing import ImportReport

MAX_LISTED = 20

Layout = Literal["auto", "pairs", "msd", "nnunet", "bids", "coco", "instances", "dicom", "pattern"]


_Source = Annotated[
    Path, typer.Argument(metavar="SOURCE", help="Folder of images and masks; only read.")
]
_Out = Annotated[Path, typer.Option("--out", "-o", metavar="COHORT", help="Cohort folder to make.")]
_Pattern = Annotated[
    str | None,
    typer.Option(help="Images by pattern, e.g. '{subject}/{visit}/slice-{slice}.png'."),
]
_MaskPattern = Annotated[
    list[str] | None,
    typer.Option(
        help="Masks by pattern, e.g. '{subject}/mask-{rater}/slice-{slice}.png', or"
        " 'anna=masks/{slice}.png'; may be repeated."
    ),
]
_SubjectPattern = Annotated[
    str | None,
    typer.Option("--subject", metavar="REGEX", help="One group: the subject, in the case's name."),
]
_Modality = Annotated[
    Literal["CT", "MR", "PET", "XR", "OCT", "MIC", "US", "OTHER"] | None,
    typer.Option(help="Modality of the images, where you know better than the files."),
]
_Unit = Annotated[
    Literal["HU", "SUV", "none"] | None, typer.Option(help="Unit of the intensities.")
]
_InvertMasks = Annotated[
    bool, typer.Option("--invert-masks", help="Masks mark the background with non-zero.")
]
_Ignore = Annotated[
    int | None,
    typer.Option(metavar="VALUE", help="Of voxels in masks that nobody labelled, e.g. 255."),
]
_Background = Annotated[
    int | None,
    typer.Option(metavar="VALUE", help="Of drawn background, where --ignore is 0: scribbles."),
]
_VoxelSize = Annotated[
    tuple[float, float, float] | None,
    typer.Option(
        "--voxel-size",
        metavar="MM MM MM",
        help="Of volumes made of slices by {z}: column, row and slice spacing.",
    ),
]
_KeepDates = Annotated[
    bool, typer.Option("--keep-dates", help="Take dates from DICOM; they identify patients.")
]
_Copy = Annotated[bool, typer.Option("--copy", help="Copy the files rather than refer to them.")]


@named_problems
def import_(
    source: _Source,
    out: _Out,
    layout: Annotated[Layout, typer.Option(help="How SOURCE is laid out.")] = "auto",
    pattern: _Pattern = None,
    mask_pattern: _MaskPattern = None,
    subject_pattern: _SubjectPattern = None,
    modality: _Modality = None,
    unit: _Unit = None,
    label: LabelNames = None,
    invert_masks: _InvertMasks = False,
    ignore: _Ignore = None,
    background: _Background = None,
    voxel_size: _VoxelSize = None,
    keep_dates: _KeepDates = False,
    copy: _Copy = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Make a cohort of a folder of images and masks.

    Says what was found, what was left out and why; SOURCE stays as it is.
    """
    from suffice.workflows.importing import import_cohort

    with showing_progress() as listener:
        report = import_cohort(
            source,
            out,
            layout=layout,
            pattern=pattern,
            mask_pattern=mask_pattern,
            subject_pattern=subject_pattern,
            modality=modality,
            unit=unit,
            labels=labels_of(label) if label else None,
            invert_masks=invert_masks,
            ignore=ignore,
            background=background,
            voxel_size_mm=voxel_size,
            keep_dates=keep_dates,
            copy=copy,
            overwrite=force,
            listener=listener,
        )
    if as_json:
        answer_json(_facts(report))
    else:
        _answer_in_words(report)


def _facts(report: ImportReport) -> dict[str, object]:
    cohort = report.cohort
    return {
        "cohort": cohort.root,
        "layout": report.layout,
        "why": report.why,
        "n_cases": len(cohort),
        "n_labelled": len(cohort.labelled()),
        "n_subjects": len(cohort.subjects),
        "labels": {label.value: label.name for label in cohort.legend},
        "ignore": cohort.legend.ignore,
        "raters": cohort.raters,
        "notes": report.notes,
        "left_out": [{"path": item.path, "reason": item.reason} for item in report.left_out],
    }


def _answer_in_words(report: ImportReport) -> None:
    cohort = report.cohort
    labels = ", ".join(f"{label.value} {label.name}" for label in cohort.legend)
    answer(f"{cohort.root}")
    answer(f"layout    {report.layout}: {report.why}")
    answer(f"cases     {len(cohort)} of {len(cohort.subjects)} subjects")
    answer(f"labelled  {len(cohort.labelled())} by {', '.join(cohort.raters) or 'nobody'}")
    answer(f"labels    {labels}")
    if cohort.legend.ignore is not None:
        answer(f"ignored   {cohort.legend.ignore}: voxels that nobody labelled")
    for note in report.notes:
        answer(f"note      {note}")
    for item in report.left_out[:MAX_LISTED]:
        answer(f"left out  {item.path}: {item.reason}")
    if len(report.left_out) > MAX_LISTED:
        rest = len(report.left_out) - MAX_LISTED
        answer(f"left out  and {rest} more, all in {cohort.root / 'left_out.csv'}")
