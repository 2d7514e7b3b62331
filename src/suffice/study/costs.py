"""What each training of a study took: minutes, memory, and the time for a scan afterwards."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from pathlib import Path

import pandas as pd

from suffice.core import FileFormatError
from suffice.files import writing_file


@dataclass(frozen=True, slots=True)
class Cost:
    """What one training took.

    Parameters
    ----------
    rung, fold : str
        The fold is empty for the final model.
    minutes : float
        Wall-clock minutes of the training, reading and planning included; where it was stopped
        and started again, those of the last start.
    memory_gb : float
        Most memory that the process held meanwhile; NaN where it was not watched to the end.
    seconds_per_scan : float
        To predict one of the scored scans; NaN where that was not watched.
    """

    rung: str
    fold: str
    minutes: float
    memory_gb: float = float("nan")
    seconds_per_scan: float = float("nan")


_COLUMNS = tuple(field.name for field in fields(Cost))


def write_costs(path: Path, costs: list[Cost]) -> None:
    """Write ``costs.csv``, one row a training, whole or not at all."""
    table = pd.DataFrame([astuple(cost) for cost in costs], columns=list(_COLUMNS))
    with writing_file(path) as partial:
        table.round(4).to_csv(partial, index=False, lineterminator="\n")


def read_costs(path: Path) -> list[Cost]:
    """Read what `write_costs` wrote; nothing where the file is absent.

    Raises
    ------
    FileFormatError
        If it cannot be read or lacks a column.
    """
    if not path.is_file():
        return []
    try:
        text = {"rung": str, "fold": str}
        table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values={"": [""]})
        numbers = [pd.to_numeric(table[name], errors="coerce") for name in _COLUMNS[2:]]
        rows = zip(table["rung"], table["fold"], *numbers, strict=True)
        return [Cost(str(r), str(f), float(m), float(g), float(s)) for r, f, m, g, s in rows]
    except (OSError, ValueError, KeyError) as error:
        raise FileFormatError(
            f"'{path}' is not a table of costs",
            got=error,
            expected=", ".join(_COLUMNS),
            cure="Delete it and start the study again.",
        ) from error
