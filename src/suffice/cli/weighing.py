"""`suffice weights`: public checkpoints, listed, fetched and converted."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from suffice.cli.console import answer, answer_json, answer_table, remark, showing_progress
from suffice.cli.options import Force, Json
from suffice.cli.problems import named_problems

SHOWN = ("name", "modality", "task", "licence", "use")

weights = typer.Typer(
    name="weights",
    help="Public checkpoints: list them, fetch one by its name, convert one of nnU-Net.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@weights.command("list")
@named_problems
def list_(as_json: Json = False) -> None:
    """List the checkpoints that suffice knows, with their licences."""
    from suffice.weights.catalogue import USES, catalogue

    if as_json:
        answer_json([asdict(checkpoint) for checkpoint in catalogue()])
        return
    rows = [{**asdict(checkpoint), "use": USES[checkpoint.use]} for checkpoint in catalogue()]
    answer_table(SHOWN, [[row[key] for key in SHOWN] for row in rows])


@weights.command("get")
@named_problems
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `suffice weights list` has it.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for checkpoints.")
    ] = Path("weights"),
    accept: Annotated[
        str, typer.Option("--accept", metavar="LICENCE", help="The licence that you accept.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Fetch a checkpoint, check its hash and unpack it; nothing in it is run.

    Interrupted, the same command goes on where it broke off. Prints what `train --init` takes.
    """
    from suffice.workflows.getting import get

    with showing_progress() as listener:
        got = get(name, out, accept=accept, listener=listener)
    for note in got.notes:
        remark(note)
    remark(f"licence: {got.licence}")
    if as_json:
        answer_json(got)
    else:
        answer(str(got.path))


@weights.command("convert")
@named_problems
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="NNUNET", help="A trainer's folder, or a checkpoint.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="MODEL", help="Folder of the model.")],
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Make a model for `suffice predict` of one of nnU-Net v2; nothing in it is run."""
    from suffice.workflows.getting import convert

    model = convert(source, out, overwrite=force)
    if as_json:
        answer_json({"model": model})
    else:
        answer(str(model))
