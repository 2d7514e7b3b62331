"""Tables of scores as measured curves."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from suffice.core import UsageError
from suffice.forecasting.measured import FloatArray, Measured

COLUMNS = ("n_cases", "draw", "seed", "value")
SUBJECT = "subject"
LEAST_SIZES = 2


def read_measured(table: pd.DataFrame) -> Measured:
    """Lay a tidy table of scores out by draw, size, seed and subject.

    Parameters
    ----------
    table : DataFrame
        Columns ``n_cases, draw, seed, value`` and, where each test subject has a row of its own,
        ``subject``. Rows without a value are left out.

    Raises
    ------
    UsageError
        If columns are missing, scores do not lie in 0 to 1, a training is in the table twice or
        there are fewer than `LEAST_SIZES` sizes.
    """
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise UsageError("A learning curve lacks columns", got=f"no {', '.join(missing)}")
    rows = table[table["value"].notna()]
    values = rows["value"].to_numpy(dtype=np.float64)
    if not ((values >= 0.0) & (values <= 1.0)).all():
        raise UsageError(
            "Scores of a learning curve lie between 0 and 1",
            got=f"{values.min():g} to {values.max():g}",
            cure="Forecast Dice or NSD; distances in mm have no curve of this kind.",
        )
    names = [*COLUMNS[:3], *([SUBJECT] if SUBJECT in table.columns else [])]
    if rows.duplicated(names).any():
        raise UsageError(
            "A training is in a learning curve twice",
            got=dict(rows[rows.duplicated(names)].iloc[0][names]),
            cure="Give one cohort, rung, label and metric at a time.",
        )
    sizes = np.unique(rows["n_cases"].to_numpy(dtype=np.float64))
    if len(sizes) < LEAST_SIZES or sizes[0] < 1:
        raise UsageError(
            "A learning curve has too few sizes to be forecast",
            got=", ".join(f"{size:g}" for size in sizes) or "none",
            expected=f"{LEAST_SIZES} sizes of 1 case or more",
            cure="Train with other numbers of cases, too.",
        )
    axes = [np.unique(rows[name], return_inverse=True) for name in ("draw", "n_cases", "seed")]
    subjects = (
        np.unique(rows[SUBJECT].astype(str), return_inverse=True)
        if SUBJECT in table.columns
        else (np.zeros(1), np.zeros(len(rows), dtype=np.intp))
    )
    axes.append(subjects)
    scores = np.full([len(levels) for levels, _ in axes], math.nan)
    scores[tuple(index for _, index in axes)] = values
    return Measured(sizes, _seeds_together(scores))


def _seeds_together(scores: FloatArray) -> FloatArray:
    """Number the seeds of each draw and size from 0: each draw may have seeds of its own."""
    is_there = np.isfinite(scores).any(axis=3)
    order = np.argsort(~is_there, axis=2, kind="stable")
    most = int(is_there.sum(axis=2).max())
    return np.take_along_axis(scores, order[..., None], axis=2)[:, :, :most]
