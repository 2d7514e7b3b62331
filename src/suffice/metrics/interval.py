"""How far a mean over subjects may be trusted."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.core import UsageError

# Resamples held in memory at a time, so that 10,000 subjects take no gigabytes.
_BATCH_VALUES = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over subjects with its bootstrap interval.

    Parameters
    ----------
    mean : float
        Mean of the subjects' own means; not a number where there is no value.
    low, high : float
        Bounds of the interval; not numbers where it is undefined, and ``reason`` says why.
    level : float
        Coverage aimed at, e.g. 0.95.
    n_subjects, n_cases : int
        What it rests on.
    """

    mean: float
    low: float
    high: float
    level: float
    n_subjects: int
    n_cases: int
    reason: str = ""


def bootstrap_interval(
    values: npt.ArrayLike,
    subjects: Sequence[str],
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int,
) -> Interval:
    """Bootstrap the mean over subjects (BCa).

    Parameters
    ----------
    values : float array of shape (n_cases,)
        One finite value a case.
    subjects : sequence of str
        The subject of each case. Visits of one subject are no independent evidence, so whole
        subjects are drawn, and each counts once, with the mean of its cases.
    level : float
        Between 0 and 1.
    n_resamples : int
    seed : int

    Returns
    -------
    Interval
        Without bounds for fewer than two subjects.

    Raises
    ------
    UsageError
        If the values are not finite, do not fit the subjects or the level is not in (0, 1).

    References
    ----------
    .. [1] Efron, J. Am. Stat. Assoc. 1987, https://doi.org/10.1080/01621459.1987.10478410

    Examples
    --------
    >>> interval = bootstrap_interval([0.8, 0.9, 0.7, 0.8], ["a", "b", "c", "c"], seed=0)
    >>> round(interval.mean, 3), interval.n_subjects, interval.n_cases
    (0.817, 3, 4)
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or len(numbers) != len(subjects):
        raise UsageError(
            "Each value needs its subject", got=f"{numbers.shape} and {len(subjects)} subjects"
        )
    if not np.isfinite(numbers).all():
        raise UsageError(
            "A mean needs finite values",
            got=numbers[~np.isfinite(numbers)][:3].tolist(),
            cure="Count the undefined ones apart.",
        )
    if not 0 < level < 1:
        raise UsageError("The level of an interval must lie between 0 and 1", got=level)
    means = _subject_means(numbers, subjects)
    low, high, reason = _bounds(means, level, n_resamples, seed)
    return Interval(
        mean=float(means.mean()) if means.size else float("nan"),
        low=low,
        high=high,
        level=level,
        n_subjects=len(means),
        n_cases=len(numbers),
        reason=reason,
    )


def _subject_means(
    values: npt.NDArray[np.float64], subjects: Sequence[str]
) -> npt.NDArray[np.float64]:
    if not len(values):
        return values
    _, who = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    return np.asarray(np.bincount(who, weights=values) / np.bincount(who))


def _bounds(
    means: npt.NDArray[np.float64], level: float, n_resamples: int, seed: int
) -> tuple[float, float, str]:
    if len(means) < 2:
        return np.nan, np.nan, "an interval needs at least two subjects"
    if np.ptp(means) <= 1e-12 * np.abs(means).max():
        return float(means[0]), float(means[0]), "all subjects have the same value"
    from scipy.stats import bootstrap  # a second to import, and needed only here

    def interval(method: str) -> tuple[float, float]:
        result = bootstrap(
            (means,),
            np.mean,
            n_resamples=n_resamples,
            confidence_level=level,
            method=method,
            batch=max(1, _BATCH_VALUES // len(means)),
            random_state=seed,
        )
        return float(result.confidence_interval.low), float(result.confidence_interval.high)

    with warnings.catch_warnings():
        # scipy warns where the correction is undefined; the plain percentiles stand in for it.
        warnings.simplefilter("ignore")
        low, high = interval("BCa")
    if np.isfinite([low, high]).all():
        return low, high, ""
    return (*interval("percentile"), "")
