"""The executable `suffice`: its commands and the options before them."""

from __future__ import annotations

from typing import Annotated

import typer

from suffice import __version__
from suffice.cli.ablating import ablate
from suffice.cli.agreeing import agree
from suffice.cli.archiving import pacs
from suffice.cli.augmenting import augment
from suffice.cli.checking import check
from suffice.cli.clustering import cluster
from suffice.cli.comparing import compare
from suffice.cli.console import answer
from suffice.cli.deidentifying import deidentify
from suffice.cli.enough import enough
from suffice.cli.evaluating import evaluate
from suffice.cli.fusing import fuse
from suffice.cli.importing import import_
from suffice.cli.measuring import measure
from suffice.cli.planning import plan
from suffice.cli.predicting import predict
from suffice.cli.pretraining import pretrain
from suffice.cli.problems import show_tracebacks
from suffice.cli.rehearsing import rehearse
from suffice.cli.reporting import report
from suffice.cli.running import demo, run
from suffice.cli.selecting import select
from suffice.cli.tracking import track
from suffice.cli.training import train
from suffice.cli.weighing import weights

app = typer.Typer(
    name="suffice",
    help="Medical image segmentation when labels are scarce.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        answer(f"suffice {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    show_tracebacks.set(debug)


app.command("import")(import_)
app.add_typer(weights)
app.add_typer(pacs)
for _command in (
    deidentify,
    check,
    plan,
    cluster,
    pretrain,
    train,
    predict,
    evaluate,
    agree,
    fuse,
    compare,
    measure,
    augment,
    ablate,
    enough,
    select,
    rehearse,
    run,
    track,
    report,
    demo,
):
    app.command()(_command)


def main() -> None:
    """Run the command line."""
    app()
