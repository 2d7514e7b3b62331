"""What makes the score of a study doubtful, kept beside it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from suffice.core import FileFormatError
from suffice.files import writing_file

COLUMNS = ("kind", "cases", "message", "cure")
# Kinds of cautions that name scans which are there twice.
COPIES = ("duplicate-scan", "near-duplicate")
# Between the names of cases in one field; no name of a file may hold it.
_BETWEEN = "/"


@dataclass(frozen=True, slots=True)
class Caution:
    """One reason to doubt the score.

    Parameters
    ----------
    kind : str
        ``duplicate-scan``, ``near-duplicate``, ``changed-versions``, ``partly-labelled`` or
        ``weights-may-know``.
    cases : tuple of str
        Names of the cases concerned.
    message, cure : str
        What was found, and what to do about it.
    """

    kind: str
    cases: tuple[str, ...]
    message: str
    cure: str


def write_cautions(path: Path, cautions: Iterable[Caution]) -> None:
    """Write ``cautions.csv``, one row a caution, whole or not at all."""
    with writing_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([c.kind, _BETWEEN.join(c.cases), c.message, c.cure] for c in cautions)


def read_cautions(path: Path) -> tuple[Caution, ...]:
    """Read what `write_cautions` wrote; nothing where the file is absent.

    Raises
    ------
    FileFormatError
        If it cannot be read or lacks a column.
    """
    if not path.is_file():
        return ()
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            return tuple(
                Caution(
                    row["kind"],
                    tuple(filter(None, row["cases"].split(_BETWEEN))),
                    row["message"],
                    row["cure"],
                )
                for row in csv.DictReader(handle)
            )
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, AttributeError) as error:
        raise FileFormatError(
            f"'{path}' is not a table of cautions",
            expected=", ".join(COLUMNS),
            cure="Delete it and start the study again: it is made anew.",
        ) from error
