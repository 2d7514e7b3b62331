"""Dates moved by whole days, in the forms that DICOM, tables and side-cars write them."""

from __future__ import annotations

import datetime
import re

_PARTS = re.compile(r"^\s*(\d{4})([-./]?)(\d{2})\2(\d{2})(.*)$", re.DOTALL)
_LOOKS = re.compile(r"(?<!\d)((?:19|20)\d{2})([-./]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)")
_EUROPEAN = re.compile(
    r"(?<!\d)(0?[1-9]|[12]\d|3[01])[-./](0?[1-9]|1[0-2])[-./]((?:19|20)\d{2})(?!\d)"
)


def shifted(text: str, days: int) -> str | None:
    """Move a date, or the date at the head of a date and time; ``None`` where there is none.

    Separators and what follows the date (time, zone) stay as they are.

    Examples
    --------
    >>> shifted("20240301", -1), shifted("2024-03-01T10:00", -30), shifted("soon", 1)
    ('20240229', '2024-01-31T10:00', None)
    """
    found = _PARTS.match(text)
    if not found:
        return None
    year, mark, month, day, rest = found.groups()
    try:
        date = datetime.date(int(year), int(month), int(day)) + datetime.timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return f"{date.year:04d}{mark}{date.month:02d}{mark}{date.day:02d}{rest}"


def dates_in(text: str) -> set[str]:
    """Find what looks like a date, as eight digits.

    Examples
    --------
    >>> sorted(dates_in("on 2023-04-15, then 1.5.2023"))
    ['20230415', '20230501']
    """
    found = {f"{year}{month}{day}" for year, _, month, day in _LOOKS.findall(text)}
    return found | {
        f"{year}{int(month):02d}{int(day):02d}" for day, month, year in _EUROPEAN.findall(text)
    }
