"""The table of a learning curve: what each training scored on the subjects held back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from suffice.study.curve_design import USUAL, Training
from suffice.study.scores import with_case_means, write_scores
from suffice.study.tables import read_table

COLUMNS = (
    "rung",
    "way",
    "label",
    "metric",
    "n_subjects",
    "n_cases",
    "draw",
    "seed",
    "value",
    "sd",
    "n_test",
    "minutes",
    "note",
)
KEY = ("rung", "way", "n_subjects", "draw", "seed")
_ORDER = ("seed", "draw", "n_subjects", "rung", "way")


def curve_rows(
    training: Training, scores: pd.DataFrame, *, minutes: float, note: str = ""
) -> pd.DataFrame:
    """Average what one training scored: a row for each label and metric.

    Parameters
    ----------
    training : Training
    scores : DataFrame
        Columns ``case, subject, label, metric, value``; may be empty.
    minutes : float
        Of the training, the prediction and the scoring.
    note : str
        Why there are no scores.

    Returns
    -------
    DataFrame
        `COLUMNS`. The ``value`` is the mean over subjects of the mean over their cases, ``sd``
        its standard deviation over subjects, and ``n_test`` their number. Cases with an infinite
        value, the distance to a missed structure, are not in it. The label ``mean`` averages
        those of each case first. Without scores it is one row without a value.
    """
    about = {
        "rung": training.rung,
        "way": training.way,
        "n_subjects": training.n_subjects,
        "n_cases": len(training.cases),
        "draw": training.draw,
        "seed": training.seed,
        "minutes": round(minutes, 4),
        "note": note,
    }
    rows: list[dict[str, object]] = []
    if len(scores):
        both = with_case_means(scores.drop(columns=["rung", "fold"], errors="ignore"))
        both = both[np.isfinite(both["value"])]
        for (label, metric), part in both.groupby(["label", "metric"], sort=False):
            means = part.groupby("subject")["value"].mean()
            rows.append(
                {
                    **about,
                    "label": label,
                    "metric": metric,
                    "value": round(float(means.mean()), 6),
                    "sd": round(float(means.std(ddof=1)), 6) if len(means) > 1 else math.nan,
                    "n_test": len(means),
                }
            )
    else:
        rows.append({**about, "label": "", "metric": "", "value": math.nan, "n_test": 0})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def write_curve(path: Path, rows: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Write the rows of all trainings, whatever the order in which they ended, and return them."""
    table = pd.concat(rows, ignore_index=True)
    table = table.sort_values([*_ORDER], kind="stable").reset_index(drop=True)
    write_scores(path, table)
    return table


def read_curve(path: Path) -> pd.DataFrame:
    """Read what `write_curve` wrote.

    A table without the column ``way`` is of trainings as usual.

    Raises
    ------
    FileFormatError
        If it is no such table.
    """
    text = ("rung", "way", "label", "metric", "note")
    numbers = ("value", "sd")
    table = read_table(path, "a curve", COLUMNS, text=text, numbers=numbers, optional=("way",))
    if "way" not in table.columns:
        table = table.assign(way=USUAL)
    return table[[*COLUMNS]]
