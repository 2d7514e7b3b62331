"""Read a table of spirometry, whatever its columns are called."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from suffice.core import FileFormatError
from suffice.spirometry.columns import Column, find_columns
from suffice.spirometry.fields import (
    GROUP_OF,
    POSTURE_OF,
    SEX_OF,
    centimetres,
    choices,
    dates,
    litres,
    numbers,
    read_date,
    texts,
)
from suffice.spirometry.gli import GROUPS

DAYS_A_YEAR = 365.25


@dataclass(frozen=True, eq=False)
class SpirometryTable:
    """Tests as read from a file.

    Parameters
    ----------
    tests : DataFrame
        Those of the columns ``subject, visit, date, sex, age_years, height_cm, group, posture,
        fvc_l, fev1_l`` that the file has; a row a test, texts empty where nothing is known.
    notes : tuple of str
        What was taken for granted: units that no title names, rows left out.
    """

    tests: pd.DataFrame
    notes: tuple[str, ...]


def read_spirometry(path: Path | str, *, needs: Sequence[str] = ("subject",)) -> SpirometryTable:
    """Read a table of tests of the lungs.

    Parameters
    ----------
    path : Path
        CSV with commas, semicolons or tabs (``.gz`` too). Columns are found by their usual names
        in any case; a unit may stand in the name (``FVC [ml]``, ``height_cm``), else it is told
        by the size of the values and said. Sex is M and F, male and female, or 1 (male) and 2;
        dates are year-month-day or day.month.year. Age may be given as a date of birth. Other
        columns, names of people for instance, are not read.
    needs : sequence of str
        Columns that it must have besides ``fvc`` or ``fev1``.

    Returns
    -------
    SpirometryTable

    Raises
    ------
    FileFormatError
        If it is no table, lacks a column, or a cell cannot be read: the row is named.
    """
    where = Path(path).name
    raw = _read(Path(path), where)
    columns = find_columns([str(name) for name in raw.columns], where)
    _require(columns, raw, needs, where)
    notes: list[str] = []
    found: dict[str, pd.Series] = {}
    for field in ("subject", "visit"):
        if field in columns:
            found[field] = pd.Series(texts(raw, columns[field]), index=raw.index, dtype=object)
    if "date" in columns:
        found["date"] = dates(raw, columns["date"], where)
    if "sex" in columns:
        found["sex"] = choices(raw, columns["sex"], where, SEX_OF, "M or F, or 1 (male) or 2")
    age = _ages(raw, columns, where, found, notes)
    if age is not None:
        found["age_years"] = age
    if "height" in columns:
        column = columns["height"]
        values = numbers(raw, column, where)
        found["height_cm"] = centimetres(values, column, where, notes.append)
    if "group" in columns:
        found["group"] = _groups(raw, columns["group"], notes)
    if "posture" in columns:
        found["posture"] = choices(
            raw, columns["posture"], where, POSTURE_OF, "sitting, standing or supine"
        )
    for field in ("fvc", "fev1"):
        if field in columns:
            values = numbers(raw, columns[field], where)
            found[f"{field}_l"] = litres(values, columns[field], where, notes.append)
    return _checked(pd.DataFrame(found), notes, where)


def _read(path: Path, where: str) -> pd.DataFrame:
    cure = "Give a CSV table with titles in its first line; save sheets as CSV."
    try:
        head = pd.read_csv(path, sep="\0", header=None, dtype=str, nrows=1, quoting=csv.QUOTE_NONE)
        title = str(head.iloc[0, 0])
        separator = max(",;\t", key=title.count)
        raw = pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise FileFormatError(f"'{where}' is no table", got=error, cure=cure) from error
    if raw.empty:
        raise FileFormatError(f"'{where}' holds no test", got="no row below the titles", cure=cure)
    return raw.fillna("")


def _require(
    columns: dict[str, Column], raw: pd.DataFrame, needs: Sequence[str], where: str
) -> None:
    absent = [name for name in needs if name not in columns]
    if not {"fvc", "fev1"} & set(columns):
        absent.append("fvc_l or fev1_l")
    if absent:
        raise FileFormatError(
            f"'{where}' is no table of spirometry: it lacks {', '.join(absent)}",
            got=", ".join(map(str, raw.columns)),
            cure="Name its columns subject, date, sex, age_years, height_cm, fvc_l, fev1_l.",
        )


def _ages(
    raw: pd.DataFrame,
    columns: dict[str, Column],
    where: str,
    found: dict[str, pd.Series],
    notes: list[str],
) -> pd.Series | None:
    if "age" in columns:
        values = numbers(raw, columns["age"], where)
        return values / 12.0 if columns["age"].unit == "months" else values
    if "birth" not in columns or "date" not in found:
        return None
    notes.append("ages are those at the dates of the tests, from the dates of birth")
    born = dates(raw, columns["birth"], where)
    days = [
        (b - a).days if (a := read_date(birth)) and (b := read_date(day)) else np.nan
        for birth, day in zip(born, found["date"], strict=True)
    ]
    return pd.Series(days, index=raw.index, dtype=float) / DAYS_A_YEAR


def _groups(raw: pd.DataFrame, column: Column, notes: list[str]) -> pd.Series:
    """Read groups of origin; what GLI 2012 does not know stays unknown and is counted."""
    cells = texts(raw, column)
    keys = ["".join(c for c in cell.lower() if c.isalnum()) for cell in cells]
    values = [GROUP_OF.get(key, "") for key in keys]
    unknown = sorted(
        {cell for cell, value in zip(cells, values, strict=True) if cell and not value}
    )
    if unknown:
        notes.append(
            f"'{column.name}' holds groups that GLI 2012 does not know, as '{unknown[0]}';"
            f" it knows {', '.join(GROUPS)}"
        )
    return pd.Series(values, index=raw.index, dtype=object)


def _checked(tests: pd.DataFrame, notes: list[str], where: str) -> SpirometryTable:
    """Leave out tests without a value or a subject, and count what looks odd."""
    values = [name for name in ("fvc_l", "fev1_l") if name in tests]
    empty = tests[values].isna().all(axis=1)
    if "subject" in tests:
        empty |= tests["subject"] == ""
    if empty.all():
        raise FileFormatError(
            f"'{where}' holds no test that can be used",
            got=f"{len(tests)} rows without a value or a subject",
            cure="Fill in subject and fvc_l or fev1_l.",
        )
    if empty.any():
        notes.append(f"{int(empty.sum())} rows without a value or a subject are left out")
    kept = tests[~empty].reset_index(drop=True)
    if len(values) == 2:
        n_odd = int((kept["fev1_l"] > kept["fvc_l"]).sum())
        if n_odd:
            notes.append(f"FEV1 exceeds FVC in {n_odd} tests: are the two columns swapped?")
    return SpirometryTable(kept, tuple(notes))
