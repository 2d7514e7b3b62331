"""What was left out of a cohort, and why: never silently."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from suffice.files import writing_file

LEFT_OUT_CSV = "left_out.csv"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or case that was not taken, with the reason in one sentence.

    Examples
    --------
    >>> LeftOut(Path("labels/x.nii.gz"), "no image of this name").reason
    'no image of this name'
    """

    path: Path
    reason: str


def write_left_out(path: Path, left_out: Iterable[LeftOut]) -> None:
    """Write a table with the columns ``path, reason``, whole or not at all."""
    with (
        writing_file(path) as partial,
        partial.open("w", encoding="utf-8", newline="") as handle,
    ):
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["path", "reason"])
        writer.writerows([item.path.as_posix(), item.reason] for item in left_out)


def read_left_out(path: Path) -> tuple[LeftOut, ...]:
    """Read the table that `write_left_out` wrote; nothing where the file is absent."""
    if not path.exists():
        return ()
    with path.open(encoding="utf-8", newline="") as handle:
        return tuple(
            LeftOut(Path(row.get("path") or ""), row.get("reason") or "")
            for row in csv.DictReader(handle)
        )
