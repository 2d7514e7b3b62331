"""What each strategy gained over the baseline in a rehearsal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from suffice.selecting import BASELINE
from suffice.study.crossed import crossed_mean
from suffice.study.paired_tests import holm
from suffice.study.rehearsal_design import START

COLUMNS = (
    "strategy",
    "against",
    "mean",
    "mean_against",
    "difference",
    "low",
    "high",
    "level",
    "p",
    "p_holm",
    "n_starts",
    "n_better",
    "n_subjects",
)


def effects_of(
    values: pd.DataFrame, strategies: Sequence[str], *, n_rounds: int, level: float = 0.95
) -> pd.DataFrame:
    """Compare each strategy with the baseline, paired by start and by subject.

    Parameters
    ----------
    values : DataFrame
        Columns ``strategy, seed, round, subject, value``: a row for each training and test
        subject. Seeds of which a strategy has not all rounds are left out for that strategy.
    strategies : sequence of str
        The baseline among them or not.
    n_rounds : int
    level : float
        Coverage of the intervals.

    Returns
    -------
    DataFrame
        `COLUMNS`, a row for each strategy but the baseline: its mean over starts, rounds and
        subjects, the baseline's, and their difference with the bounds of `crossed_mean`;
        ``n_better`` counts the starts at which it was ahead, ``p_holm`` is corrected for all
        rows.
    """
    picked = values[values["strategy"] != START]
    tables = {name: _means(picked, name, n_rounds) for name in {BASELINE, *strategies}}
    rows = []
    for name in strategies:
        if name == BASELINE:
            continue
        mine, base = tables[name].align(tables[BASELINE], join="inner")
        whole = mine.notna().all() & base.notna().all()
        mine, base = mine.loc[:, whole], base.loc[:, whole]
        if mine.empty:
            continue
        found = crossed_mean((mine - base).to_numpy(), level=level)
        rows.append(
            {
                "strategy": name,
                "against": BASELINE,
                "mean": float(mine.to_numpy().mean()),
                "mean_against": float(base.to_numpy().mean()),
                "difference": found.mean,
                "low": found.low,
                "high": found.high,
                "level": level,
                "p": found.p,
                "n_starts": found.n_repeats,
                "n_better": int(((mine - base).mean(axis=1) > 0).sum()),
                "n_subjects": found.n_subjects,
            }
        )
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "p_holm"])
    known = table["p"].notna()
    corrected = np.full(len(table), np.nan)
    corrected[known] = holm(table.loc[known, "p"].to_numpy(dtype=np.float64))
    return table.assign(p_holm=corrected)[list(COLUMNS)]


def _means(values: pd.DataFrame, strategy: str, n_rounds: int) -> pd.DataFrame:
    """Mean over the rounds of every start (rows) and subject (columns), of whole starts alone.

    A subject without a score in a round has none: means over other rounds cannot be compared.
    """
    mine = values[(values["strategy"] == strategy) & np.isfinite(values["value"])]
    by = mine.groupby(["seed", "subject"])["value"]
    table = by.mean().where(by.count() == n_rounds).unstack("subject")
    n = values[values["strategy"] == strategy].groupby("seed")["round"].nunique()
    return pd.DataFrame(table.loc[table.index.isin(n[n == n_rounds].index)])
