"""`suffice cluster`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from suffice.cli.console import showing_progress
from suffice.cli.masks import answer_masks
from suffice.cli.options import Force, Json, MaskFormat, Modality, Seed, suffix_of_format
from suffice.cli.problems import named_problems

Method = Literal["kmeans", "gmm", "superpixels"]


@named_problems
def cluster(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="SRC...", help="Scans: files, folders, DICOM series, cohorts."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the masks.")],
    classes: Annotated[
        int, typer.Option("--classes", "-k", min=2, help="How many clusters, the darkest first.")
    ] = 4,
    method: Annotated[
        Method, typer.Option(help="k-means, a mixture of Gaussians, or superpixels by k-means.")
    ] = "kmeans",
    position: Annotated[
        float,
        typer.Option(min=0.0, help="Weight of the place in the scan; brightness weighs 1."),
    ] = 0.0,
    modality: Modality = None,
    seed: Seed = 0,
    file_format: MaskFormat = "auto",
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Group the voxels of scans by brightness, where nobody drew a mask.

    A number means the same in each scan: 1 is the darkest cluster. The clusters are kept in
    DIR/clusters, a model that `suffice predict` takes for other scans.
    """
    from suffice.workflows.clustering import cluster

    with showing_progress() as listener:
        done = cluster(
            sources,
            out,
            n_clusters=classes,
            method=method,
            position=position,
            modality=modality,
            seed=seed,
            suffix=suffix_of_format(file_format),
            overwrite=force,
            listener=listener,
        )
    answer_masks(done, as_json=as_json)
