"""Intraclass correlation: how far raters agree on a number, such as a volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.core import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Icc:
    """ICC(2,1) with its interval.

    Parameters
    ----------
    value, low, high : float
        1 is perfect agreement. Not numbers where undefined, and ``reason`` says why.
    level : float
    n_subjects, n_raters : int
        What it rests on.
    n_incomplete : int
        Subjects left out because a rater is missing.
    """

    value: float
    low: float
    high: float
    level: float
    n_subjects: int
    n_raters: int
    n_incomplete: int
    reason: str = ""


def icc_2_1(numbers: npt.ArrayLike, *, level: float = 0.95) -> Icc:
    """Absolute agreement of single raters, subjects and raters both drawn at random: ICC(2,1).

    Parameters
    ----------
    numbers : float array of shape (n_subjects, n_raters)
        Not a number where a rater is missing; such subjects are left out and counted.
    level : float
        Of the interval, between 0 and 1.

    Notes
    -----
    Mean squares of a two-way analysis of variance without repetition [1]_; the interval is that
    of McGraw and Wong for agreement [2]_, from the F distribution.

    References
    ----------
    .. [1] Shrout and Fleiss, Psychol. Bull. 1979, https://doi.org/10.1037/0033-2909.86.2.420
    .. [2] McGraw and Wong, Psychol. Methods 1996, https://doi.org/10.1037/1082-989X.1.1.30

    Examples
    --------
    >>> ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9],
    ...            [6, 2, 4, 7]]
    >>> found = icc_2_1(ratings)
    >>> round(found.value, 2), round(found.low, 2), round(found.high, 2)
    (0.29, 0.02, 0.76)
    """
    table = np.asarray(numbers, dtype=np.float64)
    if table.ndim != 2 or not 0 < level < 1:
        raise UsageError(
            "ICC needs a row a subject, a column a rater, and a level in (0, 1)",
            got=(table.shape, level),
        )
    whole = np.isfinite(table).all(axis=1)
    kept = table[whole]
    n, k = kept.shape
    value = low = high = float("nan")
    reason = ""
    if n < 2 or k < 2:
        reason = "needs two subjects that two raters measured"
    elif np.ptp(kept) <= 1e-12 * np.abs(kept).max():
        reason = "all numbers are the same"
    else:
        value, low, high = _estimate(kept, level)
        if np.isnan(value):
            reason = "subjects do not differ beyond the raters' disagreement"
        elif np.isnan(low):
            reason = "no interval, as subjects do not differ beyond the raters' disagreement"
    return Icc(
        value=value,
        low=low,
        high=high,
        level=level,
        n_subjects=n,
        n_raters=k,
        n_incomplete=int((~whole).sum()),
        reason=reason,
    )


def _estimate(table: npt.NDArray[np.float64], level: float) -> tuple[float, float, float]:
    from scipy.stats import f as f_distribution  # a second to import, and needed only here

    n, k = table.shape
    grand = table.mean()
    of_subject, of_rater = table.mean(axis=1), table.mean(axis=0)
    rest = table - of_subject[:, None] - of_rater + grand
    subjects = k * ((of_subject - grand) ** 2).sum() / (n - 1)
    raters = n * ((of_rater - grand) ** 2).sum() / (k - 1)
    error = (rest**2).sum() / ((n - 1) * (k - 1))
    spread = subjects + (k - 1) * error + k * (raters - error) / n
    if spread <= 1e-12 * (subjects + error + raters):
        return float("nan"), float("nan"), float("nan")
    value = (subjects - error) / spread
    if error <= 1e-24 * grand**2 and raters <= 1e-24 * grand**2:
        return 1.0, 1.0, 1.0
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    parts = (a * raters) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    if not parts:
        return float(value), float("nan"), float("nan")
    freedom = (a * raters + b * error) ** 2 / parts
    tail = 1 - (1 - level) / 2
    above = f_distribution.ppf(tail, n - 1, freedom)
    below = f_distribution.ppf(tail, freedom, n - 1)
    rest_spread = k * raters + (k * n - k - n) * error
    low = n * (subjects - above * error) / (above * rest_spread + n * subjects)
    high = n * (below * subjects - error) / (rest_spread + n * below * subjects)
    return float(value), float(low), float(high)
