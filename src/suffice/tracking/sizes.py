"""One series of sizes for each subject and structure, in the order of the visits."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from suffice.core import UsageError

DAYS_A_YEAR = 365.25
# The first that a table holds is tracked, with the unit it is told in.
UNITS = {"volume_ml": "ml", "area_mm2": "mm2", "area_px": "px"}
COLUMNS = ("case", "subject", "visit", "date", "label", "source")
PREDICTED, DRAWN = "predicted", "drawn"


@dataclass(frozen=True, eq=False)
class Sizes:
    """Sizes of structures over visits.

    Parameters
    ----------
    table : DataFrame
        Columns ``case, subject, visit, date, label, source, years, value, low, high``: a row a
        case, label and source, those of a subject in the order of its visits. ``years`` count
        from the subject's first visit and are not numbers where a date of it is unknown. ``low``
        and ``high`` bound an interval of 95 %.
    unit : str
        Of ``value``: ``ml``, ``mm2`` or ``px``.
    notes : tuple of str
    """

    table: pd.DataFrame
    unit: str
    notes: tuple[str, ...] = ()


def sizes_of(measures: pd.DataFrame) -> Sizes:
    """Lay out a table of measurements by subject and visit.

    Parameters
    ----------
    measures : DataFrame
        Columns ``case, subject, label`` and a size (``volume_ml``, ``area_mm2`` or ``area_px``);
        ``visit``, ``date``, ``source`` and bounds of an interval (``volume_low_ml``,
        ``volume_high_ml``) where known, with its ``level``, 0.95 unless told. A case without a
        subject is its own.

    Raises
    ------
    UsageError
        If it holds no size, or a date that is none.
    """
    size = next((name for name in UNITS if _holds(measures, name)), None)
    if size is None or not {"case", "label"} <= set(measures.columns):
        raise UsageError(
            "The measurements hold no size that can be tracked",
            got=", ".join(map(str, measures.columns)) or "nothing",
            expected="case, subject, visit, date, label and volume_ml",
            cure="Make them with suffice run or suffice measure.",
        )
    table = pd.DataFrame({name: _text(measures, name) for name in COLUMNS})
    table["subject"] = table["subject"].where(table["subject"] != "", table["case"])
    stem, _, unit = size.rpartition("_")
    for name, column in (
        ("value", size),
        ("low", f"{stem}_low_{unit}"),
        ("high", f"{stem}_high_{unit}"),
    ):
        table[name] = _numbers(measures, column)
    table = _at_95_percent(table, _numbers(measures, "level"))
    table = table[table["value"].notna()]
    days = _days(table)
    table["years"] = (days - days.groupby(table["subject"]).transform("min")) / DAYS_A_YEAR
    dated = days.notna().groupby(table["subject"]).transform("all")
    table["years"] = table["years"].where(dated)
    n_undated = table["subject"][~dated].nunique()
    notes: tuple[str, ...] = ()
    if n_undated:
        notes = (f"{n_undated} subjects have visits without a date: no slope is told of them.",)
    return Sizes(_in_order(table), UNITS[size], notes)


def _at_95_percent(table: pd.DataFrame, level: pd.Series) -> pd.DataFrame:
    """Widen bounds of another level as those of a normal distribution."""
    known = level.where(level.between(0.0, 1.0, inclusive="neither"), 0.95)
    times = ndtri(0.975) / ndtri((1.0 + known.to_numpy()) / 2.0)
    below, above = table["value"] - table["low"], table["high"] - table["value"]
    return table.assign(
        low=(table["value"] - times * below).clip(lower=0.0), high=table["value"] + times * above
    )


def one_source(sizes: Sizes, wanted: str | None = None) -> Sizes:
    """Keep one kind of mask for each subject: a change between kinds is none of the subject.

    Parameters
    ----------
    sizes : Sizes
    wanted : str, optional
        A source. By default that of most of the subject's visits, predicted before drawn.

    Raises
    ------
    UsageError
        If no mask is of the wanted source.
    """
    table = sizes.table
    known = list(dict.fromkeys(table["source"]))
    if wanted is not None:
        if wanted not in known:
            raise UsageError(
                f"No measurement is of source '{wanted}'", got=", ".join(map(repr, known))
            )
        return Sizes(table[table["source"] == wanted], sizes.unit, sizes.notes)
    rank = {name: i for i, name in enumerate((PREDICTED, DRAWN))}
    kept = {}
    for subject, part in table.groupby("subject", sort=False):
        counts = part.groupby("source", sort=False)["case"].nunique()
        kept[subject] = min(counts.index, key=lambda s: (-int(counts[s]), rank.get(str(s), 2)))
    mine = table["source"] == table["subject"].map(kept)
    notes = sizes.notes
    used = list(dict.fromkeys(table["source"][mine]))
    if len(used) > 1:
        notes = (
            *notes,
            f"Of each subject one kind of mask is followed; among subjects these are"
            f" {' and '.join(used)}.",
        )
    return Sizes(table[mine], sizes.unit, notes)


def _holds(measures: pd.DataFrame, name: str) -> bool:
    return name in measures and bool(_numbers(measures, name).notna().any())


def _text(measures: pd.DataFrame, name: str) -> pd.Series:
    if name not in measures:
        return pd.Series("", index=measures.index, dtype=object)
    return measures[name].fillna("").astype(str).astype(object)


def _numbers(measures: pd.DataFrame, name: str) -> pd.Series:
    if name not in measures:
        return pd.Series(np.nan, index=measures.index)
    return pd.to_numeric(measures[name], errors="coerce")


def _days(table: pd.DataFrame) -> pd.Series:
    parsed = pd.to_datetime(table["date"].replace("", None), format="%Y-%m-%d", errors="coerce")
    odd = (table["date"] != "") & parsed.isna()
    if odd.any():
        raise UsageError(
            f"The date of case '{table['case'][odd].iloc[0]}' is none",
            got=f"'{table['date'][odd].iloc[0]}'",
            expected="year-month-day, e.g. 2024-03-31",
            cure="Mend it in cases.csv or in the table of measurements.",
        )
    return (parsed - pd.Timestamp(1970, 1, 1)).dt.total_seconds() / 86400.0


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Sort the visits of each subject by date, or by their names where a date is unknown."""
    keys = [(0.0, y) if np.isfinite(y) else (1.0, 0.0) for y in table["years"]]
    names = [_natural(visit) for visit in table["visit"]]
    place = {subject: i for i, subject in enumerate(dict.fromkeys(table["subject"]))}
    labels = {label: i for i, label in enumerate(dict.fromkeys(table["label"]))}
    rows = sorted(
        range(len(table)),
        key=lambda i: (
            place[table["subject"].iloc[i]],
            labels[table["label"].iloc[i]],
            keys[i],
            names[i],
            table["case"].iloc[i],
        ),
    )
    return table.iloc[rows].reset_index(drop=True)


def _natural(text: str) -> tuple[tuple[int, float, str], ...]:
    """Sort key by which visit 10 comes after visit 9."""
    parts = re.findall(r"\d+|\D+", text)
    return tuple((0, float(p), "") if p.isdigit() else (1, 0.0, p) for p in parts)
