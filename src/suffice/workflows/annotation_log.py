"""Read a log of who drew what for how long."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from suffice.core import FileFormatError
from suffice.study.tables import read_table

_WHAT = "times of annotation"
_COLUMNS = ("case", "minutes", "start", "end")
_CURE = "Give a row for each sitting: case and minutes, or case, start and end (2026-05-04 09:30)."


def read_annotation_log(path: Path) -> tuple[float, ...]:
    """Read the minutes that each case took, in the order in which cases were begun.

    Several rows of a case, its sittings, are added up. Who drew, and whatever else stands in other
    columns, is not looked at.

    Parameters
    ----------
    path : Path
        CSV with the columns ``case`` and ``minutes``, or ``case``, ``start`` and ``end``.

    Returns
    -------
    tuple of float

    Raises
    ------
    FileFormatError
        If it is no such table, or a row makes no sense, with its line.
    """
    table = read_table(
        path,
        _WHAT,
        _COLUMNS,
        text=_COLUMNS,
        numbers=(),
        optional=("minutes", "start", "end"),
    )
    if "minutes" in table.columns:
        minutes = _numbers(table["minutes"], path)
    elif {"start", "end"} <= set(table.columns):
        start, end = (_times(table[name], path) for name in ("start", "end"))
        minutes = (end - start).dt.total_seconds() / 60
        table = table.assign(begun=start).sort_values("begun", kind="stable")
    else:
        raise FileFormatError(
            f"'{path}' is not a table of {_WHAT}", got=list(table.columns), cure=_CURE
        )
    wrong = minutes[~(minutes > 0)]
    if len(wrong):
        raise FileFormatError(
            f"A row of '{path}' took no time",
            got=f"line {wrong.index[0] + 2}, {wrong.iloc[0]:g} minutes",
            cure=_CURE,
        )
    # An index of its own tells each row's line, however rows were sorted.
    taken = table.assign(taken=minutes).groupby("case", sort=False)["taken"].sum()
    return tuple(float(each) for each in taken)


def _numbers(column: pd.Series, path: Path) -> pd.Series:
    found = pd.to_numeric(column.str.strip(), errors="coerce")
    return _whole(found, column, path, "a number of minutes")


def _times(column: pd.Series, path: Path) -> pd.Series:
    found = pd.to_datetime(column.str.strip(), errors="coerce", format="ISO8601", utc=True)
    return _whole(found, column, path, "a date with a time, as 2026-05-04 09:30")


def _whole(found: pd.Series, column: pd.Series, path: Path, expected: str) -> pd.Series:
    missing = column[found.isna()]
    if len(missing):
        raise FileFormatError(
            f"A row of '{path}' cannot be read",
            got=f"line {missing.index[0] + 2}, {missing.name} '{missing.iloc[0]}'",
            expected=expected,
            cure=_CURE,
        )
    return found
