"""Which rung of the ladder is best on the same cases, and which is enough."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from suffice.core import CohortError
from suffice.study.comparing import compare_scores
from suffice.study.costs import Cost
from suffice.study.pairing import pair_scores
from suffice.study.scores import MEAN, summarise

NEARLY = 0.01
"""A mean Dice that lies less than this behind the best is as good in practice."""

COLUMNS = (
    "rung",
    "dice",
    "low",
    "high",
    "n_subjects",
    "minutes",
    "memory_gb",
    "seconds_per_scan",
    "behind",
    "behind_low",
    "behind_high",
    "verdict",
    "note",
)
BEST, ENOUGH, REFUSED = "best", "enough", "does not apply"


@dataclass(frozen=True, slots=True)
class Choice:
    """The rung with the best mean Dice, and the cheapest one that is not clearly behind it."""

    best: str
    enough: str


def ladder_table(
    scores: pd.DataFrame,
    costs: Sequence[Cost],
    refused: Mapping[str, str],
    *,
    seed: int,
    n_resamples: int = 5000,
) -> pd.DataFrame:
    """Compare the rungs that were scored on the same cases: a row for each, and the refused.

    Parameters
    ----------
    scores : DataFrame
        With the column ``rung``; one score a case of each rung.
    costs : sequence of Cost
        Of the trainings that were scored.
    refused : dict of str to str
        Rungs that do not apply, with the reason.
    seed : int
        Of the intervals.
    n_resamples : int

    Returns
    -------
    DataFrame
        Mean Dice over structures, with its interval; the mean minutes and the most memory of a
        training; how far the rung lies ``behind`` the best, a mean over the subjects that both
        scored, with its paired interval; and the ``verdict``: ``best``, ``enough`` (the cheapest
        whose interval includes 0, or which lies less than a point of Dice behind), both, or
        ``does not apply``.
    """
    means = summarise(scores, seed=seed, n_resamples=n_resamples)
    means = means[(means["label"] == MEAN) & (means["metric"] == "dice")].set_index("rung")
    best = _best(means)
    rows = []
    for rung in dict.fromkeys(scores["rung"]):
        row: dict[str, object] = {"rung": rung, **_taken(costs, str(rung))}
        row |= {"verdict": "", "note": ""}
        if rung in means.index:
            row |= {c: means.loc[rung, c] for c in ("low", "high", "n_subjects")}
            row["dice"] = means.loc[rung, "mean"]
            row |= _behind(scores, best, str(rung), seed, n_resamples)
        rows.append(row)
    rows += [{"rung": rung, "verdict": REFUSED, "note": why} for rung, why in refused.items()]
    return _judged(pd.DataFrame(rows, columns=list(COLUMNS)), best)


def _best(means: pd.DataFrame) -> str:
    """The rung with the best mean; of equal ones the first, which is the cheapest."""
    known = means["mean"].dropna()
    return str(known.index[int(np.argmax(known.to_numpy()))]) if len(known) else ""


def _taken(costs: Sequence[Cost], rung: str) -> dict[str, float]:
    mine = [cost for cost in costs if cost.rung == rung]
    return {
        "minutes": _mean([cost.minutes for cost in mine]),
        "memory_gb": max((c.memory_gb for c in mine if c.memory_gb > 0), default=math.nan),
        "seconds_per_scan": _mean([cost.seconds_per_scan for cost in mine]),
    }


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def _behind(
    scores: pd.DataFrame, best: str, rung: str, seed: int, n_resamples: int
) -> dict[str, float]:
    if rung == best:
        return {"behind": 0.0, "behind_low": 0.0, "behind_high": 0.0}
    paired, _ = pair_scores({name: scores[scores["rung"] == name] for name in (best, rung)})
    row = compare_scores(paired, n_resamples=n_resamples, seed=seed).iloc[0]
    return {
        "behind": float(row["difference"]),
        "behind_low": float(row["low"]),
        "behind_high": float(row["high"]),
    }


def _judged(table: pd.DataFrame, best: str) -> pd.DataFrame:
    """Write the verdicts: of those as good as the best, the one that took the least minutes."""
    as_good = (table["behind"] < NEARLY) | (table["behind_low"] <= 0)
    # Where minutes are not known, the order of the ladder is that of their cost.
    cheapest = table[as_good].sort_values("minutes", kind="stable").head(1)
    enough = str(cheapest["rung"].iloc[0]) if len(cheapest) else ""
    for rung, word in ((best, BEST), (enough, ENOUGH)):
        mine = table["rung"] == rung
        table.loc[mine, "verdict"] = [
            ", ".join(filter(None, (old, word))) for old in table.loc[mine, "verdict"]
        ]
    return table


def choice_of(table: pd.DataFrame) -> Choice:
    """Read best and enough off a table of `ladder_table`.

    Raises
    ------
    CohortError
        If no rung has a Dice.
    """
    named = {}
    for word in (BEST, ENOUGH):
        mine = table[[word in str(v).split(", ") for v in table["verdict"]]]
        if mine.empty:
            raise CohortError(
                "No kind of model has a Dice to choose by",
                cure="Look into left_out.csv, and score cases whose masks are not empty.",
            )
        named[word] = str(mine["rung"].iloc[0])
    return Choice(named[BEST], named[ENOUGH])
