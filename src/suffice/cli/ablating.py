"""`suffice ablate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suffice.cli.console import answer, answer_json, answer_table, showing_progress
from suffice.cli.options import CohortFolder, Json, Seed
from suffice.cli.problems import named_problems

SHOWN = ("arm", "a", "b", "difference", "low", "high", "seed_sd", "n_subjects", "p_holm")


_Minutes = Annotated[
    float, typer.Option("--minutes", "-m", help="Wall-clock minutes for all trainings.")
]
_Policy = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Full policy; by default the one training would choose."),
]
_Families = Annotated[
    str | None,
    typer.Option(
        metavar="A,B+C", help="Families to try, B+C as one; by default each of the policy."
    ),
]
_Mix = Annotated[
    str | None,
    typer.Option(metavar="A,B", help="Ways of mixing to try on top of the full policy."),
]
_Alone = Annotated[bool, typer.Option("--alone/--no-alone", help="Try each family alone as well.")]
_Labels = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Learn from N subjects, drawn with the seed."),
]


@named_problems
def ablate(
    cohort: CohortFolder,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the results.")],
    minutes: _Minutes,
    policy: _Policy = None,
    families: _Families = None,
    mix: _Mix = None,
    alone: _Alone = True,
    labels: _Labels = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Tell what each family of augmentation is worth on a cohort.

    The full policy, none, and each family left out and alone are trained on the same cases for
    the same minutes, with several seeds, and compared by subject.

    Killed or interrupted, the same command goes on where it was.
    """
    from suffice.io import read_cohort
    from suffice.workflows.ablating import ablate

    with showing_progress() as listener:
        found = ablate(
            read_cohort(cohort),
            out,
            minutes=minutes,
            policy=policy,
            families=[name.strip() for name in families.split(",")] if families else (),
            mix=[name.strip() for name in mix.split(",")] if mix else (),
            alone=alone,
            n_labels=labels,
            seed=seed,
            listener=listener,
        )
    if as_json:
        answer_json(
            {
                "folder": found.folder,
                "policy": found.policy,
                "n_seeds": found.n_seeds,
                "minutes_each": found.minutes_each,
                "n_train": found.n_train,
                "n_test": found.n_test,
                "effects": found.effects.to_dict("records"),
            }
        )
        return
    answer_table(SHOWN, found.effects[list(SHOWN)].itertuples(index=False))
    answer("")
    answer(
        f"Policy {found.policy}, learned from {found.n_train} subjects, scored on {found.n_test};"
        f" {found.n_seeds} seeds of {found.minutes_each:.1f} minutes; differences in Dice."
    )
    answer(str(found.folder / "ablation.png"))
