"""`suffice select`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from suffice.cli.console import answer, answer_json, remark, showing_progress
from suffice.cli.options import CohortFolder, Force, Json, Seed
from suffice.cli.problems import named_problems

STRATEGIES = "foreground, random, entropy, margin, typiclust, k-centre, badge, clasp"


@named_problems
def select(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Folder that `suffice train` made.")
    ],
    cohort: CohortFolder,
    count: Annotated[int, typer.Option("--count", "-k", min=1, help="How many to pick.")],
    strategy: Annotated[
        str,
        typer.Option(metavar="NAME", help=f"auto, {STRATEGIES}."),
    ] = "auto",
    unit: Annotated[
        Literal["case", "slice", "patch"],
        typer.Option(help="Pick whole scans, slices, or boxes of them."),
    ] = "case",
    per_subject: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="At most N of a subject, its labelled cases included; 0 for any number.",
        ),
    ] = 1,
    axis: Annotated[
        int | None,
        typer.Option(min=0, max=2, help="Slices lie across this axis of the file."),
    ] = None,
    side: Annotated[
        int | None,
        typer.Option(min=1, help="Voxels of a patch's side; by default a quarter of the scan."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the table here, too.")
    ] = None,
    seed: Seed = 0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Tell which scans to label next.

    The model looks at the cases without a mask; a strategy picks among them, and the list is
    printed as CSV, the most wanted first, with the reason of each. Slices and patches are told by
    their first voxel and their size along the axes of the file, counted from 0.
    """
    from suffice.io import read_cohort
    from suffice.workflows.selecting import select

    with showing_progress() as listener:
        found = select(
            model,
            read_cohort(cohort),
            count=count,
            strategy=strategy,
            unit=unit,
            per_subject=per_subject,
            axis=axis,
            side=side,
            seed=seed,
            out=out,
            overwrite=force,
            listener=listener,
        )
    for one in found.failed:
        remark(f"left out: {one.path}: {one.reason}")
    if as_json:
        answer_json(
            {
                "strategy": found.strategy,
                "unit": found.unit,
                "n_candidates": found.n_candidates,
                "picked": found.table.to_dict("records"),
            }
        )
        return
    answer(found.to_csv())
    remark(f"{found.strategy}: {len(found.table)} of {found.n_candidates}")
