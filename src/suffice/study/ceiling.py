"""The human ceiling in the terms of a model's score: each rater against the others' consensus."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from suffice.raters import CeilingRow
from suffice.study.scores import SUMMARY_COLUMNS, summarise

CEILING_CSV = "ceiling.csv"
CEILING_SUMMARY_CSV = "ceiling_summary.csv"
CEILING_COLUMNS = ("case", "subject", "label", "rater", "metric", "value")


def ceiling_scores(rows: Iterable[CeilingRow]) -> pd.DataFrame:
    """Make the table of each rater's scores, with the names that a model's scores have.

    A structure that neither the rater nor the others drew has no row; a rater who missed or
    invented it has Dice 0 and infinite distances, as a model would.
    """
    found: list[dict[str, object]] = []
    for row in rows:
        if row.state == "neither":
            continue
        quantity = "volume" if row.size_unit == "ml" else "area"
        values = {
            "dice": row.dice,
            "iou": row.iou,
            "nsd": row.nsd,
            f"hd95_{row.length_unit}": row.hd95,
            f"assd_{row.length_unit}": row.assd,
            f"{quantity}_error_{row.size_unit}": row.size_difference,
        }
        who = {"case": row.case, "subject": row.subject, "label": row.label, "rater": row.rater}
        found += [{**who, "metric": name, "value": value} for name, value in values.items()]
    return pd.DataFrame(found, columns=list(CEILING_COLUMNS))


def summarise_ceiling(ceiling: pd.DataFrame, *, seed: int, level: float = 0.95) -> pd.DataFrame:
    """Summarise a table of `ceiling_scores` as a model's scores are.

    Returns
    -------
    DataFrame
        The columns of a summary and ``rater``: ``all`` averages the raters of each case first.
        A case in which a rater's value is not finite counts as undefined.
    """
    if not len(ceiling):
        return pd.DataFrame(columns=[*SUMMARY_COLUMNS, "rater"])
    keys = ["case", "subject", "label", "metric"]
    parts = {"all": ceiling.groupby(keys, sort=False)["value"].mean().reset_index()}
    parts |= {str(rater): part for rater, part in ceiling.groupby("rater", sort=False)}
    tables = [
        summarise(pd.DataFrame(part), seed=seed, level=level).assign(rater=rater)
        for rater, part in parts.items()
    ]
    return pd.concat(tables, ignore_index=True)
