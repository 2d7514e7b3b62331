"""`suffice report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suffice.cli.console import answer, answer_json
from suffice.cli.options import Force, Json
from suffice.cli.problems import named_problems


@named_problems
def report(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="Folder that `suffice run` made.")],
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write the report of a study anew."""
    from suffice.report import write_report

    path = write_report(study, overwrite=force)
    if as_json:
        answer_json({"report": path})
    else:
        answer(str(path))
