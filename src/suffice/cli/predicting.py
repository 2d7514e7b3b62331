"""`suffice predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suffice.cli.console import remark, showing_progress
from suffice.cli.masks import answer_masks
from suffice.cli.options import Auth, Force, Json, MaskFormat, Quality, suffix_of_format
from suffice.cli.problems import named_problems


@named_problems
def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Folder that `suffice train` made.")
    ],
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SRC...",
            help="Scans: files, folders, DICOM series, cohorts, addresses in an archive (see"
            " `suffice pacs`).",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the masks.")],
    file_format: MaskFormat = "auto",
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Average over mirrored pictures: slower, a bit better.")
    ] = False,
    views: Annotated[
        int,
        typer.Option(min=1, max=8, help="Average over views changed a little, as much slower."),
    ] = 1,
    match_brightness: Annotated[
        Path | None,
        typer.Option(
            metavar="SRC",
            help="Bend brightness until it is spread as in SRC: scans that the model learned from.",
        ),
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Keep the probability of each class too.")
    ] = False,
    sr: Annotated[
        bool,
        typer.Option("--sr", help="Write volumes as a DICOM structured report on each SEG too."),
    ] = False,
    overlay: Annotated[
        bool,
        typer.Option("--overlay", help="Copy DICOM slices with the outlines burned in, too."),
    ] = False,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Send what was written to an archive; 'back' to where each series came from.",
        ),
    ] = None,
    auth: Auth = None,
    quality: Quality = True,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Draw a mask for every scan, on the scan's own grid.

    Masks that are there already are left as they are unless --force is given.

    A model that `suffice run` made with at least four scored subjects also tells what Dice to
    expect of each mask, the worst first, in predictions.csv.
    """
    from suffice.workflows.archiving import fetched_sources, require_storable, store_predictions
    from suffice.workflows.predicting import predict

    suffix = suffix_of_format(file_format)
    require_storable(suffix, store, sources)
    with (
        showing_progress() as listener,
        fetched_sources(sources, auth=auth, listener=listener) as (paths, came_from),
    ):
        done = predict(
            model,
            paths,
            out,
            suffix=suffix,
            mirror=mirror,
            views=views,
            match_brightness=match_brightness,
            keep_probabilities=probabilities,
            judge=quality,
            report=sr,
            overlay=overlay,
            overwrite=force,
            listener=listener,
        )
        if store is not None:
            masks = [*done.written, *done.skipped]
            n = store_predictions(masks, store, came_from, auth=auth, listener=listener)
            remark(f"{n} files were stored")
    if done.estimates is not None:
        remark(f"what Dice to expect of each mask, the worst first: {done.estimates}")
    for note in done.notes:
        remark(note)
    answer_masks(done, as_json=as_json)
