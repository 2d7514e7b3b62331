"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CohortFolder = Annotated[
    Path, typer.Argument(metavar="COHORT", help="Folder with cohort.toml and cases.csv.")
]
Minutes = Annotated[
    float, typer.Option("--minutes", "-m", help="Wall-clock minutes that training may take.")
]
Seed = Annotated[
    int, typer.Option("--seed", min=0, help="Seed of every draw; the same seed, the same draws.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
