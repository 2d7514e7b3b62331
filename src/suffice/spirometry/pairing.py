"""Which test of the lungs belongs to which scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from suffice.core import UsageError
from suffice.spirometry.fields import read_date

MAX_GAP_DAYS = 90


@dataclass(frozen=True, eq=False)
class Pairs:
    """Scans with the nearest test of their subject.

    Parameters
    ----------
    table : DataFrame
        The columns of the scans, those of the tests (a test's ``date`` is ``test_date``), and
        ``gap_days``: how many days the test came after the scan, unknown where a date is.
    unpaired : DataFrame
        Columns ``case, subject, reason``.
    """

    table: pd.DataFrame
    unpaired: pd.DataFrame


def pair_by_date(
    scans: pd.DataFrame, tests: pd.DataFrame, *, max_gap_days: float = MAX_GAP_DAYS
) -> Pairs:
    """Give each scan the test of the same subject that lies nearest in time.

    Parameters
    ----------
    scans : DataFrame
        Columns ``case, subject, date`` and others; one row a scan.
    tests : DataFrame
        Columns ``subject`` and, where known, ``date``; see `read_spirometry`.
    max_gap_days : float
        A test further off is none. Of two as far off the earlier is taken. Without dates, the
        only test of a subject is taken, and ``gap_days`` is unknown.

    Returns
    -------
    Pairs

    Examples
    --------
    >>> scans = pd.DataFrame([("a", "S1", "2024-03-01")], columns=["case", "subject", "date"])
    >>> tests = pd.DataFrame(
    ...     [("S1", "2024-03-11", 4.0), ("S1", "2023-01-01", 5.0)],
    ...     columns=["subject", "date", "fvc_l"],
    ... )
    >>> pair_by_date(scans, tests).table[["case", "test_date", "gap_days", "fvc_l"]].values.tolist()
    [['a', '2024-03-11', 10.0, 4.0]]
    """
    if not max_gap_days >= 0:
        raise UsageError("The largest gap must be a number of days", got=max_gap_days)
    told = tests.rename(columns={"date": "test_date", "visit": "test_visit"})
    if "test_date" not in told:
        told = told.assign(test_date="")
    of_subject = {str(name): part for name, part in told.groupby("subject", sort=False)}
    rows: list[dict[str, object]] = []
    unpaired: list[tuple[str, str, str]] = []
    for scan in scans.to_dict("records"):
        mine = of_subject.get(str(scan["subject"]))
        found = "its subject has no test" if mine is None else _nearest(scan, mine, max_gap_days)
        if isinstance(found, str):
            unpaired.append((str(scan["case"]), str(scan["subject"]), found))
        else:
            rows.append({str(name): value for name, value in (found | scan).items()})
    columns = list(dict.fromkeys([*scans.columns, *told.columns, "gap_days"]))
    return Pairs(
        pd.DataFrame(rows, columns=columns),
        pd.DataFrame(unpaired, columns=["case", "subject", "reason"]),
    )


def _nearest(
    scan: dict[object, object], tests: pd.DataFrame, max_gap_days: float
) -> dict[object, object] | str:
    """Return the test that is nearest to a scan, or why there is none."""
    day = read_date(str(scan.get("date", "")))
    days = [read_date(str(text)) for text in tests["test_date"]]
    if day is None or not any(days):
        if len(tests) == 1:
            return tests.iloc[0].to_dict() | {"gap_days": np.nan}
        return "its date is unknown" if day is None else "the dates of its tests are unknown"
    gaps = np.array([np.nan if other is None else (other - day).days for other in days], float)
    # Of two as far off the earlier one: what came after a scan may have been changed by it.
    order = np.lexsort((gaps, np.abs(gaps)))
    best = int(order[0])
    if abs(gaps[best]) > max_gap_days:
        return f"its nearest test is {abs(gaps[best]):.0f} days off, more than {max_gap_days:g}"
    return tests.iloc[best].to_dict() | {"gap_days": float(gaps[best])}
