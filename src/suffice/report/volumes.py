"""The table of measurements: what was predicted beside what was drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from suffice.report.words import MISSING, metric_words, number, percent
from suffice.study import bounds_of

FIXED = ("case", "subject", "visit", "date", "label", "source", "level", "note")
MAX_ROWS = 400


@dataclass(frozen=True, slots=True)
class MeasureTable:
    """One measure (a column of ``measures.csv``), a row a case, a column a structure.

    ``interval`` says what stands in brackets behind a value; empty where nothing does.
    """

    title: str
    labels: tuple[str, ...]
    summary: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, ...], ...]
    n_hidden: int
    has_visits: bool
    has_dates: bool
    interval: str = ""


def measure_tables(measures: pd.DataFrame) -> list[MeasureTable]:
    """Lay out every measure that is known for at least one case."""
    tables = []
    bounds = {bound for column in measures.columns for bound in _bounds(str(column))}
    for column in measures.columns:
        if column in FIXED or column in bounds:
            continue
        values = pd.to_numeric(measures[column], errors="coerce")
        if values.notna().any():
            tables.append(_table(_with_bounds(measures, str(column), values), str(column)))
    return tables


def _bounds(column: str) -> tuple[str, ...]:
    """Name what the columns of a measure's interval are called; nothing without a unit."""
    return bounds_of(column) if "_" in column else ()


def _with_bounds(measures: pd.DataFrame, column: str, values: pd.Series) -> pd.DataFrame:
    table = measures.assign(value=values, low=np.nan, high=np.nan)
    names = _bounds(column)
    if names and set(names) <= set(measures.columns):
        for bound, name in zip(("low", "high"), names, strict=True):
            table[bound] = pd.to_numeric(measures[name], errors="coerce")
    return table


def _cell(row: pd.Series, decimals: int) -> str:
    """Write a value, and its interval where there is one; an upper bound may lack."""
    text = number(float(row["value"]), decimals)
    if np.isnan(row["low"]):
        return text
    low = number(float(row["low"]), decimals)
    if np.isnan(row["high"]):
        return f"{text} (at least {low})"
    return f"{text} ({low} to {number(float(row['high']), decimals)})"


def _interval_words(measures: pd.DataFrame) -> str:
    known = measures[measures["low"].notna()]
    if known.empty:
        return ""
    levels = (
        pd.to_numeric(known["level"], errors="coerce").dropna().unique() if "level" in known else ()
    )
    shown = " or ".join(percent(float(level)) for level in sorted(levels))
    return f"In brackets the {shown} interval of the true size, by the errors on held-back cases."


def _table(measures: pd.DataFrame, column: str) -> MeasureTable:
    words = metric_words(column)
    labels = tuple(str(label) for label in dict.fromkeys(measures["label"]))
    has_visits = "visit" in measures and bool((measures["visit"] != "").any())
    has_dates = "date" in measures and bool((measures["date"] != "").any())
    rows = []
    for (case, source), group in measures.groupby(["case", "source"], sort=False):
        first = group.iloc[0]
        place = [str(case), str(first["subject"])]
        place += [str(first["visit"])] if has_visits else []
        place += [str(first["date"])] if has_dates else []
        cells = {str(row["label"]): _cell(row, words.decimals) for _, row in group.iterrows()}
        numbers = [cells.get(label, MISSING) for label in labels]
        rows.append((*place, str(source), *numbers))
    return MeasureTable(
        title=words.title,
        labels=labels,
        summary=tuple(_summary(measures, labels, words.decimals)),
        rows=tuple(rows[:MAX_ROWS]),
        n_hidden=max(0, len(rows) - MAX_ROWS),
        has_visits=has_visits,
        has_dates=has_dates,
        interval=_interval_words(measures),
    )


def _summary(
    measures: pd.DataFrame, labels: tuple[str, ...], decimals: int
) -> list[tuple[str, ...]]:
    """Give number, median and range for each structure and source."""
    lines = []
    for label in labels:
        for source in dict.fromkeys(measures["source"]):
            mine = measures[(measures["label"] == label) & (measures["source"] == source)]
            values = mine["value"].dropna()
            if values.empty:
                continue
            spread = (values.median(), values.min(), values.max())
            lines.append(
                (
                    label,
                    str(source),
                    str(len(values)),
                    *(number(float(v), decimals) for v in spread),
                )
            )
    return lines
