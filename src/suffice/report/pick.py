"""Which cases to show: the best, the median and the worst by mean Dice."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from suffice.report.words import number


@dataclass(frozen=True, slots=True)
class Pick:
    """A scored case worth looking at, and why."""

    rank: str
    case: str
    mean: float
    detail: str


def pick_cases(dice: pd.DataFrame) -> list[Pick]:
    """Choose the best, the median and the worst case; fewer where fewer were scored.

    Parameters
    ----------
    dice : DataFrame
        A row a case (index ``case, subject``), a column a structure.
    """
    means = dice.mean(axis=1).sort_values(kind="stable")
    n = len(means)
    places = {"Best": n - 1, "Median": (n - 1) // 2, "Worst": 0}
    if n == 1:
        places = {"Only": 0}
    elif n == 2:
        places = {"Better": 1, "Worse": 0}
    picks = []
    for rank, place in places.items():
        key = means.index[place]
        known = dice.loc[key].dropna()
        detail = ", ".join(f"{label} {number(float(value))}" for label, value in known.items())
        detail = detail if len(known) > 1 else ""
        picks.append(Pick(rank, str(key[0]), float(means.iloc[place]), detail))
    return picks
