"""Read a table of a study, or say what is wrong with the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from suffice.core import FileFormatError


def read_table(
    path: Path,
    what: str,
    columns: Sequence[str],
    *,
    text: Sequence[str],
    numbers: Sequence[str],
    optional: Sequence[str] = (),
) -> pd.DataFrame:
    """Read a CSV table in which names stay text, ``NA`` and ``007`` too.

    Parameters
    ----------
    path : Path
    what : str
        What the table is of, for errors.
    columns : sequence of str
        Those that it should have; of them ``optional`` may be missing.
    text, numbers : sequence of str
        Columns that are never numbers, and columns in which nothing stands for no value.
    optional : sequence of str

    Raises
    ------
    FileFormatError
        If it is no CSV table or lacks a column.
    """
    try:
        table = pd.read_csv(
            path,
            dtype={**dict.fromkeys(text, str), **dict.fromkeys(numbers, float)},
            keep_default_na=False,
            na_values={name: [""] for name in numbers},
        )
    except (OSError, ValueError) as error:
        raise FileFormatError(f"'{path}' is not a table of {what}", got=error) from error
    needed = set(columns) - set(optional)
    if needed - set(table.columns):
        raise FileFormatError(
            f"'{path}' is not a table of {what}",
            got=list(table.columns),
            expected=", ".join(columns),
        )
    return table
