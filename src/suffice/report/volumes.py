"""The table of measurements: what was predicted beside what was drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from suffice.report.words import metric_words, number

FIXED = ("case", "subject", "visit", "date", "label", "source")
MAX_ROWS = 400


@dataclass(frozen=True, slots=True)
class MeasureTable:
    """One measure (a column of ``measures.csv``), a row a case, a column a structure."""

    title: str
    labels: tuple[str, ...]
    summary: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, ...], ...]
    n_hidden: int
    has_visits: bool
    has_dates: bool


def measure_tables(measures: pd.DataFrame) -> list[MeasureTable]:
    """Lay out every measure that is known for at least one case."""
    tables = []
    for column in measures.columns:
        if column in FIXED:
            continue
        values = pd.to_numeric(measures[column], errors="coerce")
        if values.notna().any():
            tables.append(_table(measures.assign(value=values), str(column)))
    return tables


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
        of_label = dict(zip(group["label"], group["value"], strict=True))
        numbers = [number(float(of_label.get(label, np.nan)), words.decimals) for label in labels]
        rows.append((*place, str(source), *numbers))
    return MeasureTable(
        title=words.title,
        labels=labels,
        summary=tuple(_summary(measures, labels, words.decimals)),
        rows=tuple(rows[:MAX_ROWS]),
        n_hidden=max(0, len(rows) - MAX_ROWS),
        has_visits=has_visits,
        has_dates=has_dates,
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
