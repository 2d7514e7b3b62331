"""The table of what was done to every file: places and actions, never values."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from suffice.core import StorageError

AUDIT_CSV = "audit.csv"
COLUMNS = ("file", "format", "outcome", "action", "where")


@dataclass(frozen=True, kw_only=True)
class Record:
    """What became of one file.

    Parameters
    ----------
    file : str
        Its new name below the folder, also where it was not written.
    kind : str
        Format, or empty where it is of none that is known.
    outcome : {"cleaned", "refused"}
    done : dict of str to set of str
        Places by action: tags, header fields, chunks.
    reason : str
        Why it was refused.
    """

    file: str
    kind: str
    outcome: str
    done: Mapping[str, Iterable[str]] = field(default_factory=dict)
    reason: str = ""

    def rows(self) -> list[list[str]]:
        """Rows of the table: one an action."""
        head = [self.file, self.kind, self.outcome]
        if self.reason:
            return [[*head, "not copied", self.reason]]
        rows = [[*head, action, " ".join(sorted(where))] for action, where in self.done.items()]
        return rows or [[*head, "nothing to do", ""]]


class Audit:
    """Writes the table row by row, so that a kill loses the last file alone.

    Parameters
    ----------
    path : Path
        What is there is gone on with; rows of files that are done again are double, and the
        last ones count.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> Audit:
        is_new = not self._path.exists() or self._path.stat().st_size == 0
        self._file = self._path.open("a", encoding="utf-8", newline="")
        self._writer: Any = csv.writer(self._file, lineterminator="\n")
        if is_new:
            self._writer.writerow(COLUMNS)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, record: Record) -> None:
        """Write what was done to a file, to the disk."""
        if self._file is None:
            return
        try:
            self._writer.writerows(record.rows())
            self._file.flush()
        except OSError as error:
            raise StorageError(
                f"Cannot write '{self._path}'",
                got=error.strerror,
                cure="Free some space, and give the same command again to go on.",
            ) from error


def finished(path: Path) -> set[str]:
    """Names of files that a table says are done, cleaned or refused; none where it is not there.

    The last file is done again: a kill may have cut its rows.
    """
    if not path.is_file():
        return set()
    names: dict[str, None] = {}
    with path.open(encoding="utf-8", newline="", errors="replace") as handle:
        for row in csv.reader(handle):
            if len(row) == len(COLUMNS) and row[0] != COLUMNS[0]:
                names.pop(row[0], None)
                names[row[0]] = None
    ordered = list(names)
    return set(ordered[:-1])


def make_whole(path: Path) -> None:
    """Take away rows that a kill cut or that are of the last file: it is done again."""
    if not path.is_file():
        return
    done = finished(path)
    with path.open(encoding="utf-8", newline="", errors="replace") as handle:
        rows = [row for row in csv.reader(handle) if len(row) == len(COLUMNS) and row[0] in done]
    beside = path.with_name(f".partial-{os.getpid()}-{path.name}")
    with beside.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    beside.replace(path)
