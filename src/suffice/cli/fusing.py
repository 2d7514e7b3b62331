"""`suffice fuse`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from suffice.cli.console import answer, answer_json, answer_table, remark, showing_progress
from suffice.cli.options import CohortFolder, Force, Json
from suffice.cli.problems import named_problems

if TYPE_CHECKING:
    from suffice.workflows.fusing import Fusion

Method = Literal["majority", "staple", "simple", "shape", "soft"]

MAX_NOTES = 5


@named_problems
def fuse(
    cohort: CohortFolder,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="COHORT2", help="Cohort folder to make.")
    ],
    method: Annotated[Method, typer.Option(help="How the raters' masks become one.")] = "majority",
    pooled: Annotated[
        bool,
        typer.Option(
            "--pooled", help="STAPLE: how good each rater is from all cases together, not one."
        ),
    ] = False,
    name: Annotated[str, typer.Option(help="Name of the consensus as a rater.")] = "consensus",
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="RATER", help="Leave a rater out; may be repeated."),
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="Keep the consensus alone, not the raters' own masks.")
    ] = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Make a cohort whose masks are the consensus of its raters.

    Majority vote, STAPLE, SIMPLE, shape-based averaging, or the share of the votes as soft masks
    that training may aim at. COHORT stays as it is.
    """
    from suffice.workflows.fusing import fuse_cohort

    with showing_progress() as listener:
        fusion = fuse_cohort(
            cohort,
            out,
            method=method,
            pooled=pooled,
            name=name,
            without=without or (),
            only=only,
            overwrite=force,
            listener=listener,
        )
    for item in fusion.left_out:
        remark(f"left out {item.path}: {item.reason}")
    if as_json:
        answer_json(_facts(fusion))
    else:
        _answer_in_words(fusion, out)


def _answer_in_words(fusion: Fusion, out: Path) -> None:
    answer(f"{out}")
    answer(f"{fusion.n_fused} cases fused by {fusion.method}")
    if fusion.single:
        names = ", ".join(fusion.single[:5]) + (", ..." if len(fusion.single) > 5 else "")
        answer(f"{len(fusion.single)} cases have one rater, whose mask stands: {names}")
    n_bare = len(fusion.cohort.unlabelled())
    if n_bare:
        answer(f"{n_bare} cases have no mask and stay unlabelled")
    columns = [c for c in fusion.statistics.columns if c != "method"]
    answer_table(columns, fusion.statistics[columns].itertuples(index=False))
    for note in fusion.notes[:MAX_NOTES]:
        remark(note)
    if len(fusion.notes) > MAX_NOTES:
        remark(f"and {len(fusion.notes) - MAX_NOTES} more notes: --json gives them all")


def _facts(fusion: Fusion) -> dict[str, object]:
    return {
        "cohort": fusion.cohort.root,
        "method": fusion.method,
        "n_fused": fusion.n_fused,
        "single": fusion.single,
        "raters": fusion.cohort.raters,
        "statistics": fusion.statistics.to_dict("records"),
        "notes": fusion.notes,
        "left_out": [{"path": i.path, "reason": i.reason} for i in fusion.left_out],
    }
