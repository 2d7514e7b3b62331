"""Read what stands in the columns of a table of spirometry, or say which row cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import NoReturn

import numpy as np
import pandas as pd

from suffice.core import FileFormatError
from suffice.spirometry.columns import Column
from suffice.spirometry.gli import GROUPS

SEX_OF = {
    **dict.fromkeys(("m", "male", "man", "boy", "1", "1.0"), "male"),
    **dict.fromkeys(("f", "female", "woman", "girl", "w", "2", "2.0"), "female"),
}
GROUP_OF = {
    **{name.replace("_", ""): name for name in GROUPS},
    **dict.fromkeys(("white", "european", "whites"), "caucasian"),
    **dict.fromkeys(("black", "afram", "africanamericans"), "african_american"),
    **dict.fromkeys(("neasia", "northeastasia"), "north_east_asian"),
    **dict.fromkeys(("seasia", "southeastasia"), "south_east_asian"),
    **dict.fromkeys(("mixed", "othermixed"), "other"),
}
POSTURE_OF = {
    **dict.fromkeys(("supine", "lying", "lyingdown", "recumbent"), "supine"),
    **dict.fromkeys(("sitting", "seated", "sit", "standing", "upright"), "upright"),
}
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
_NOTHING = ("", "na", "n/a", "nan", "none", "null", ".", "-")
# No unit is guessed between these medians: litres below, millilitres above.
_LITRES_BELOW, _ML_ABOVE = 12.0, 300.0


def texts(table: pd.DataFrame, column: Column) -> list[str]:
    """Cells without the space around them; what stands for nothing is empty."""
    cells = [str(cell).strip() for cell in table[column.name]]
    return ["" if cell.lower() in _NOTHING else cell for cell in cells]


def refuse(where: str, row: int, what: str, got: str, cure: str, expected: str = "") -> NoReturn:
    """Name a row that cannot be read, counted as a person sees it below the titles."""
    raise FileFormatError(
        f"Row {row + 2} of '{where}' {what}", got=f"'{got}'", expected=expected or None, cure=cure
    )


def numbers(table: pd.DataFrame, column: Column, where: str) -> pd.Series:
    """Read numbers; nothing is not a number, a decimal comma is one."""
    values = []
    for i, cell in enumerate(texts(table, column)):
        text = cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell
        try:
            values.append(float(text) if text else np.nan)
        except ValueError:
            refuse(where, i, f"has no number in '{column.name}'", cell, "Mend or empty the cell.")
    found = pd.Series(values, index=table.index, dtype=float)
    if (found <= 0).any():
        i = int(np.flatnonzero((found <= 0).to_numpy())[0])
        refuse(
            where,
            i,
            f"has a '{column.name}' that is not positive",
            f"{found.iloc[i]:g}",
            "Empty the cell where nothing was measured.",
        )
    return found


def choices(
    table: pd.DataFrame, column: Column, where: str, known: dict[str, str], expected: str
) -> pd.Series:
    """Read a word of a few; spaces, case, hyphens and slashes do not matter."""
    values = []
    for i, cell in enumerate(texts(table, column)):
        key = "".join(c for c in cell.lower() if c.isalnum() or c == ".")
        if cell and key not in known:
            refuse(
                where,
                i,
                f"has a '{column.name}' that is not known",
                cell,
                "Write one of them, or empty the cell.",
                expected,
            )
        values.append(known[key] if cell else "")
    return pd.Series(values, index=table.index, dtype=object)


def dates(table: pd.DataFrame, column: Column, where: str) -> pd.Series:
    """Read dates; 03/04/2021 is none, as nobody can tell its day from its month."""
    values = []
    for i, cell in enumerate(texts(table, column)):
        day = read_date(cell)
        if cell and day is None:
            refuse(
                where,
                i,
                f"has a '{column.name}' that is not read as a date",
                cell,
                "Write it as year-month-day.",
                "e.g. 2024-03-31",
            )
        values.append("" if day is None else day.isoformat())
    return pd.Series(values, index=table.index, dtype=object)


def read_date(text: str) -> date | None:
    """Read a date, or nothing where it is none or its day and month could be swapped.

    Examples
    --------
    >>> read_date("2024-03-31"), read_date("31.03.2024"), read_date("03/04/2024")
    (datetime.date(2024, 3, 31), datetime.date(2024, 3, 31), None)
    """
    for pattern in _DATES:
        try:
            return datetime.strptime(text, pattern).date()
        except ValueError:
            continue
    return None


def litres(values: pd.Series, column: Column, where: str, note: Callable[[str], None]) -> pd.Series:
    """Bring volumes to litres, by the unit in the title or, without one, by their size."""
    known = values.dropna()
    unit = column.unit
    if known.empty:
        return values
    median = float(known.median())
    if not unit:
        if _LITRES_BELOW <= median <= _ML_ABOVE:
            raise FileFormatError(
                f"The unit of '{column.name}' in '{where}' is unclear",
                got=f"a median of {median:g}",
                cure=f"Name the column {column.field}_l or {column.field}_ml.",
            )
        unit = "l" if median < _LITRES_BELOW else "ml"
        note(f"'{column.name}' has no unit in its name and is taken in {unit}")
    if (unit == "l") != (median < _LITRES_BELOW):
        raise FileFormatError(
            f"'{column.name}' in '{where}' is not in {unit}",
            got=f"a median of {median:g}",
            cure=f"Name the column {column.field}_{'ml' if unit == 'l' else 'l'}.",
        )
    return values / (1000.0 if unit == "ml" else 1.0)


def centimetres(
    values: pd.Series, column: Column, where: str, note: Callable[[str], None]
) -> pd.Series:
    """Bring heights to centimetres, by the unit in the title or, without one, by their size."""
    known = values.dropna()
    unit = column.unit
    if known.empty:
        return values
    median = float(known.median())
    if not unit:
        likely = {"m": (0.6, 2.6), "cm": (80.0, 230.0), "mm": (800.0, 2300.0)}
        fitting = [name for name, (low, high) in likely.items() if low <= median <= high]
        if not fitting:
            raise FileFormatError(
                f"The unit of '{column.name}' in '{where}' is unclear",
                got=f"a median of {median:g}",
                cure="Name the column height_cm, height_m or height_in.",
            )
        unit = fitting[0]
        note(f"'{column.name}' has no unit in its name and is taken in {unit}")
    return values * {"cm": 1.0, "m": 100.0, "mm": 0.1, "in": 2.54}[unit]
