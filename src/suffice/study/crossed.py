"""A mean over repeats and subjects at once, and how far it may be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from suffice.core import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossedMean:
    """A mean over a table of repeats by subjects.

    Parameters
    ----------
    mean : float
    low, high : float
        Bounds of the interval; not numbers with fewer than two repeats or subjects.
    p : float
        Of a mean of zero, two-sided.
    n_repeats, n_subjects : int
    """

    mean: float
    low: float
    high: float
    p: float
    n_repeats: int
    n_subjects: int


def crossed_mean(values: npt.ArrayLike, *, level: float = 0.95) -> CrossedMean:
    """Average a table, with an interval that holds for other repeats and other subjects.

    Parameters
    ----------
    values : float array of shape (n_repeats, n_subjects)
        Finite; a paired difference for each.
    level : float

    Raises
    ------
    UsageError
        If it is no such table.

    Notes
    -----
    Values of one repeat hang together, as do those of one subject. The variance of the mean is
    that over repeats and that over subjects, less that over single values, which both hold [1]_,
    but no less than either; the interval is Student's with the degrees of freedom of the fewer.

    References
    ----------
    .. [1] Cameron, Gelbach and Miller, J. Bus. Econ. Stat. 2011,
       https://doi.org/10.1198/jbes.2010.07136

    Examples
    --------
    >>> found = crossed_mean([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]])
    >>> found.mean, found.n_repeats, found.n_subjects
    (2.5, 2, 3)
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise UsageError(
            "A crossed mean needs a table of finite values", got=f"one of shape {table.shape}"
        )
    n_repeats, n_subjects = table.shape
    mean, fewer = float(table.mean()), min(n_repeats, n_subjects)
    if fewer < 2:
        bounds = (math.nan, math.nan, math.nan)
    else:
        by_repeat = table.mean(axis=1).var(ddof=1) / n_repeats
        by_subject = table.mean(axis=0).var(ddof=1) / n_subjects
        single = table.var(ddof=1) / table.size
        error = math.sqrt(max(by_repeat + by_subject - single, by_repeat, by_subject))
        half = float(student.ppf((1 + level) / 2, fewer - 1)) * error
        p = 2 * float(student.sf(abs(mean) / error, fewer - 1)) if error else float(mean == 0)
        bounds = (mean - half, mean + half, p)
    low, high, p = bounds
    return CrossedMean(
        mean=mean, low=low, high=high, p=p, n_repeats=n_repeats, n_subjects=n_subjects
    )
