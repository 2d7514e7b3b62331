"""What people reach: each rater against the consensus of the others, beside the model."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from suffice.report.folder import Study
from suffice.report.words import interval, metric_words, number
from suffice.study import MEAN

EVERYONE = "all"


@dataclass(frozen=True, slots=True)
class RaterRow:
    """The Dice of one rater, for each structure, against the consensus of the other raters."""

    rater: str
    values: tuple[str, ...]
    n_cases: str


def people_words(study: Study) -> dict[tuple[str, str], str]:
    """Mean and interval of the raters by structure and metric; empty where one person drew."""
    table = study.ceiling
    if table is None:
        return {}
    words = {}
    for _, row in table[table["rater"] == EVERYONE].iterrows():
        decimals = metric_words(str(row["metric"])).decimals
        around = interval(float(row["low"]), float(row["high"]), decimals)
        text = number(float(row["mean"]), decimals)
        words[str(row["label"]), str(row["metric"])] = f"{text} ({around})"
    return words


def rater_labels(study: Study) -> list[str]:
    """Structures that the table of raters has a column for."""
    dice = _dice(study)
    return list(dict.fromkeys(dice["label"])) if dice is not None else []


def rater_rows(study: Study) -> list[RaterRow]:
    """Return a row for each rater; none where one person drew."""
    dice = _dice(study)
    if dice is None:
        return []
    rows = []
    for rater, own in dice.groupby("rater", sort=False):
        means = {str(r["label"]): f"{float(r['mean']):.3f}" for _, r in own.iterrows()}
        values = tuple(means.get(label, "–") for label in rater_labels(study))
        rows.append(RaterRow(str(rater), values, number(float(own["n_cases"].max()), 0)))
    return rows


def _dice(study: Study) -> pd.DataFrame | None:
    table = study.ceiling
    if table is None:
        return None
    mine = (table["metric"] == "dice") & (table["rater"] != EVERYONE) & (table["label"] != MEAN)
    return table[mine]
