"""What is said of masks that were written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from suffice.cli.console import answer, answer_json, remark
from suffice.cli.problems import PROBLEM

if TYPE_CHECKING:
    from suffice.workflows.clustering import Clustered
    from suffice.workflows.predicting import Predicted


def answer_masks(done: Predicted | Clustered, *, as_json: bool) -> None:
    """Name the masks, and what has none; the latter is a problem.

    Raises
    ------
    typer.Exit
        If a scan has no mask.
    """
    if done.skipped:
        remark(f"{len(done.skipped)} masks were there already; --force makes them again")
    for item in done.failed:
        remark(f"left out {item.path}: {item.reason}")
    if as_json:
        answer_json(done)
    else:
        for path in done.written:
            answer(str(path))
    if done.failed:
        remark(f"error: {len(done.failed)} scans have no mask. Mend them as said above.")
        raise typer.Exit(PROBLEM)
