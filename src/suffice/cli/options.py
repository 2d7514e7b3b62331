"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

CohortFolder = Annotated[
    Path, typer.Argument(metavar="COHORT", help="Folder with cohort.toml and cases.csv.")
]
Minutes = Annotated[
    float, typer.Option("--minutes", "-m", help="Wall-clock minutes that training may take.")
]
AllMinutes = Annotated[
    float,
    typer.Option("--minutes", "-m", help="For all trainings, those of earlier calls included."),
]
Seed = Annotated[
    int, typer.Option("--seed", min=0, help="Seed of every draw; the same seed, the same draws.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
Auth = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Credentials for an archive, which nobody else may read: user and password, or token;"
        " ~/.netrc where not given.",
    ),
]
Quality = Annotated[
    bool,
    typer.Option(
        "--quality/--no-quality",
        help="Estimate the Dice of each mask: three predictions a scan in the place of one.",
    ),
]
MaskFormat = Annotated[
    Literal["auto", "nii.gz", "nrrd", "mha", "png", "tif", "dicom-seg", "rtstruct"],
    typer.Option("--format", help="Format of the masks; by default one that fits the scan."),
]
Modality = Annotated[
    Literal["CT", "MR", "PET", "XR", "OCT", "MIC", "US", "OTHER"] | None,
    typer.Option(help="What made the scans, where files do not say; CT is taken in HU."),
]
Init = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Start from trained weights: a model, nnU-Net v2, a MONAI bundle, a file; nothing in"
        " them is run. A yolo from e.g. yolov8n-seg.pt.",
    ),
]
Tune = Annotated[
    str,
    typer.Option(
        metavar="WAYS",
        help="How weights of --init change: all, slow, frozen, gradual, layerwise, l2-sp,"
        " low-rank; several with commas.",
    ),
]
Unlabelled = Annotated[
    str | None,
    typer.Option(
        metavar="WAY",
        help="Let a U-Net learn from the scans without masks, too: registration, self-training,"
        " mean-teacher, uncertainty-aware, soft-teacher, copy-paste, unimatch, cross-pseudo.",
    ),
]
Raters = Annotated[
    str,
    typer.Option(
        metavar="WAY",
        help="What a U-Net learns where several people drew: the first one's mask, the share of"
        " all (soft), what staple makes of them, or each with a confusion matrix (confusion).",
    ),
]
Cases = Annotated[
    Path | None,
    typer.Option("--cases", metavar="FILE", help="Learn from the cases in FILE, one name a line."),
]
EngineName = Annotated[
    str, typer.Option("--engine", metavar="NAME", help="local, ray, or ray://HOST:PORT.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Trainings at once; locally they share the cores.")
]
Gpus = Annotated[
    float, typer.Option(min=0.0, help="Share of a GPU that Ray sets aside for a training.")
]
LabelNames = Annotated[
    list[str] | None,
    typer.Option(metavar="VALUE=NAME", help="Name of a label value; may be repeated."),
]


def labels_of(options: list[str]) -> dict[int, str]:
    """Take the names of label values apart."""
    from suffice.core import UsageError

    labels = {}
    for option in options:
        value, _, name = option.partition("=")
        if not (value.strip().isdecimal() and name.strip()):
            raise UsageError(
                "A label needs a value and a name", got=option, cure="Give --label 1=lung."
            )
        labels[int(value)] = name.strip()
    return labels


def names_of(text: str) -> list[str]:
    """Take names apart that commas part."""
    return [name.strip() for name in text.split(",") if name.strip()]


def suffix_of_format(file_format: str) -> str | None:
    """Give the suffix of masks in a format, ``None`` for the one that fits the scan."""
    own: dict[str, str | None] = {
        "auto": None,
        "dicom-seg": ".seg.dcm",
        "rtstruct": ".rtstruct.dcm",
    }
    return own.get(file_format, f".{file_format}")
