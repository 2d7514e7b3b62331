"""`suffice augment`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suffice.cli.console import answer, answer_json, answer_table, remark, showing_progress
from suffice.cli.options import CohortFolder, Force, Json, Seed
from suffice.cli.problems import named_problems


@named_problems
def augment(
    cohort: CohortFolder,
    show: Annotated[
        bool, typer.Option("--show", help="Draw a contact sheet; without it, list the policies.")
    ] = False,
    policy: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Policy; by default the one training would choose."),
    ] = None,
    mix: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Ways of mixing; every patch shown is then mixed."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="PNG", help="File of the sheet.")
    ] = Path("augmentation.png"),
    cases: Annotated[int, typer.Option(min=1, help="Rows of the sheet.")] = 4,
    draws: Annotated[int, typer.Option(min=1, help="Augmented patches in a row.")] = 5,
    seed: Seed = 0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Show what augmentation makes of a cohort's patches.

    The first patch of a row is as it is, the others are what training would see.
    """
    from suffice.io import read_cohort
    from suffice.workflows.augmenting import policies, show_augmentation

    known = read_cohort(cohort)
    if not show:
        rows = policies()
        if as_json:
            answer_json(dict(rows))
        else:
            answer_table(None, rows)
        return
    with showing_progress() as listener:
        shown = show_augmentation(
            known,
            out,
            policy=policy,
            mix=[name.strip() for name in mix.split(",")] if mix else (),
            n_cases=cases,
            n_draws=draws,
            seed=seed,
            overwrite=force,
            listener=listener,
        )
    if as_json:
        answer_json(shown)
        return
    remark(f"policy {shown.policy}: {', '.join(shown.families) or 'nothing is changed'}")
    answer(str(shown.sheet))
