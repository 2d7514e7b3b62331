"""Public checkpoints by name, with their licences."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from suffice.core import UsageError

# How a checkpoint is used, in words.
USES = {
    "init": "train --init",
    "convert": "train --init, weights convert",
    "page": "not by suffice yet: see its page",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A checkpoint that somebody published.

    Parameters
    ----------
    name, task, modality : str
    licence : str
        As its publisher states it.
    address : str
        Of the file, or of the publisher's page.
    use : {"init", "convert", "page"}
    sha256 : str
        As the publisher states it, or its first digits; empty where it does not.
    """

    name: str
    task: str
    modality: str
    licence: str
    address: str
    use: str
    sha256: str = ""

    @property
    def file_name(self) -> str:
        """Name of the file at the address."""
        return PurePosixPath(urlsplit(self.address).path).name


@cache
def catalogue() -> tuple[Checkpoint, ...]:
    """Read the checkpoints that suffice knows."""
    text = (files("suffice.weights") / "catalogue.toml").read_text(encoding="utf-8")
    return tuple(Checkpoint(**entry) for entry in tomllib.loads(text)["checkpoint"])


def checkpoint_named(name: str, known: tuple[Checkpoint, ...] | None = None) -> Checkpoint:
    """Return a checkpoint by its name.

    Raises
    ------
    UsageError
        If none has it.
    """
    known = catalogue() if known is None else known
    for checkpoint in known:
        if checkpoint.name == name:
            return checkpoint
    raise UsageError(
        "There is no such checkpoint in the catalogue",
        got=name,
        expected=", ".join(checkpoint.name for checkpoint in known),
    )


def require_accepted(checkpoint: Checkpoint, accepted: str) -> None:
    """Raise a `UsageError` where a person has not accepted the licence of a checkpoint.

    Examples
    --------
    >>> require_accepted(checkpoint_named("openmind-resenc-mae"), "cc-by-4.0")
    """
    short = checkpoint.licence.split(";")[0].split(",")[0].strip()
    if accepted.strip().lower() in (short.lower(), checkpoint.licence.lower()):
        return
    raise UsageError(
        f"'{checkpoint.name}' is under the licence '{checkpoint.licence}', which was not accepted",
        got=f"'{accepted}'" if accepted else None,
        cure=f"Read it, then give --accept '{short}'.",
    )
