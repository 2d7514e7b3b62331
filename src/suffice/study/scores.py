"""The tidy table of scores, and its summary with intervals over subjects."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from suffice.core import Case, UsageError
from suffice.files import writing_file
from suffice.metrics import WHOLE_CASE, Score, bootstrap_interval
from suffice.study.tables import read_table
from suffice.study.undefined import undefined_rows

COLUMNS = ("case", "subject", "label", "metric", "value", "rung", "fold")
SUMMARY_COLUMNS = (
    "rung",
    "label",
    "metric",
    "mean",
    "low",
    "high",
    "level",
    "n_subjects",
    "n_cases",
    "n_undefined",
    "median",
    "note",
)
MEAN = "mean"
"""Label of the rows that average the labels of each case first: the headline."""


def score_rows(
    case: Case, scores: Iterable[Score], *, rung: str = "", fold: str = ""
) -> list[dict[str, object]]:
    """Turn the scores of a case into rows of the table."""
    return [
        {
            "case": case.name,
            "subject": case.subject,
            "label": score.label,
            "metric": score.metric,
            "value": score.value,
            "rung": rung,
            "fold": fold,
        }
        for score in scores
    ]


def scores_table(rows: Iterable[dict[str, object]]) -> pd.DataFrame:
    """Make the table, with every column even where there is no row."""
    return pd.DataFrame(list(rows), columns=list(COLUMNS))


def write_scores(path: Path, scores: pd.DataFrame, *, overwrite: bool = True) -> None:
    """Write scores or a summary as CSV; infinite values are written ``inf``."""
    with writing_file(path, overwrite=overwrite) as partial:
        scores.to_csv(partial, index=False, lineterminator="\n")


def read_scores(path: Path) -> pd.DataFrame:
    """Read a table of scores; names stay text, even ``001`` or ``NA``.

    Raises
    ------
    FileFormatError
        If it is no CSV table or lacks a column.
    """
    text = [column for column in COLUMNS if column != "value"]
    return read_table(path, "scores", COLUMNS, text=text, numbers=["value"], optional=COLUMNS[5:])


def summarise(
    scores: pd.DataFrame, *, seed: int, level: float = 0.95, n_resamples: int = 5000
) -> pd.DataFrame:
    """Summarise scores: a row for each rung, label and metric.

    Parameters
    ----------
    scores : DataFrame
        With the columns ``case, subject, label, metric, value`` and perhaps ``rung``.
    seed : int
        Seed of the bootstrap.
    level : float
        Coverage of the intervals.
    n_resamples : int

    Returns
    -------
    DataFrame
        Columns ``rung, label, metric, mean, low, high, level, n_subjects, n_cases,
        n_undefined, median, note``. The label ``mean`` averages the labels of each case first;
        the note says why an interval is missing or unsure.

        ``n_undefined`` counts the scored cases that are not in the mean, those of
        `undefined_rows`: infinite values (the distance to a missed structure), and cases without
        a row (a structure neither drawn nor predicted); ``n_subjects`` and ``n_cases`` count the
        rest. The ``median`` is taken over all values, infinite ones too, so it does not look
        better for a miss.

    Raises
    ------
    UsageError
        If two rows speak of the same case, label and metric.
    """
    table = scores if "rung" in scores.columns else scores.assign(rung="")
    keys = ["rung", "case", "subject", "label", "metric"]
    if table.duplicated(keys).any():
        twice = table[table.duplicated(keys)].iloc[0]
        raise UsageError(
            f"Case '{twice['case']}' is scored twice for '{twice['label']}', {twice['metric']}"
        )
    both = with_case_means(table)
    n_undefined = undefined_rows(both).groupby(["rung", "label", "metric"]).size().to_dict()
    rows = []
    for (rung, label), part in both.groupby(["rung", "label"], sort=False):
        for metric, group in part.groupby("metric", sort=False):
            row = _summary_row(group, seed, level, n_resamples)
            row["n_undefined"] = int(n_undefined.get((rung, label, metric), 0))
            rows.append({"rung": rung, "label": label, "metric": metric, **row})
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def with_case_means(scores: pd.DataFrame) -> pd.DataFrame:
    """Put rows with the label ``mean`` before those of a table: means over each case's labels.

    A mean is infinite where the value of one label is.
    """
    table = scores if "rung" in scores.columns else scores.assign(rung="")
    keys = ["rung", "case", "subject", "metric"]
    structures = table[table["label"] != WHOLE_CASE]
    means = structures.groupby(keys, sort=False)["value"].mean().reset_index().assign(label=MEAN)
    columns = [*keys, "label", "value"]
    return pd.concat([means[columns], table[columns]], ignore_index=True)


def mean_over_raters(scores: pd.DataFrame) -> pd.DataFrame:
    """Average the values that each case has against several raters; without the column ``rater``.

    A mean is infinite where one value is. A table of one rater comes back as it is.
    """
    if "rater" not in scores.columns:
        return scores
    keys = [c for c in COLUMNS if c in scores.columns and c != "value"]
    means = scores.groupby(keys, sort=False)["value"].mean().reset_index()
    return pd.DataFrame(means)


def _summary_row(
    group: pd.DataFrame, seed: int, level: float, n_resamples: int
) -> dict[str, float | str]:
    values = group["value"].to_numpy(dtype=float)
    defined = np.isfinite(values)
    numbers = values[~np.isnan(values)]
    interval = bootstrap_interval(
        values[defined],
        group["subject"].astype(str)[defined].tolist(),
        level=level,
        n_resamples=n_resamples,
        seed=seed,
    )
    return {
        "mean": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "level": level,
        "n_subjects": interval.n_subjects,
        "n_cases": interval.n_cases,
        "median": float(np.median(numbers)) if numbers.size else np.nan,
        "note": interval.reason,
    }
