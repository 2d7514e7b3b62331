"""How many test subjects an interval of a wanted width, or a difference to be seen, takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit
from scipy.stats import chi2, nct

from suffice.core import UsageError
from suffice.metrics.interval import bca_bounds, resampled_means, widened_tail

MOST_SUBJECTS = 100_000
"""Beyond so many the answer is that it cannot be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """A number of test subjects, and how unsure it is.

    Parameters
    ----------
    n : int
        Subjects needed; `MOST_SUBJECTS` stands for that many or more.
    low, high : int
        The number for the smallest and the largest spread that the present scores allow, each
        with 95 % confidence together.
    """

    n: int
    low: int
    high: int


def subjects_for_width(means: npt.ArrayLike, width: float, *, level: float = 0.95) -> SampleSize:
    """Test subjects that an interval of the mean needs to be no wider than ``width``.

    Parameters
    ----------
    means : float array of shape (n_subjects,)
        The present score of each subject, two at least; their spread is taken for that of others.
    width : float
        In the unit of the scores, from bound to bound.
    level : float
        Coverage of the interval.

    Notes
    -----
    Student's interval of n subjects with standard deviation s is 2 t s / sqrt(n) wide. As the
    spread of few subjects is itself unsure, the number comes with that of the bounds of s.

    References
    ----------
    .. [1] El Jurdi and Colliot 2023, https://arxiv.org/abs/2307.10926

    Examples
    --------
    >>> subjects_for_width([0.80, 0.83, 0.86], 0.01).n
    141
    """
    _require_positive("The width", width)

    def is_enough(n: int, spread: float) -> bool:
        return -2 * float(stdtrit(n - 1, (1 - level) / 2)) * spread / math.sqrt(n) <= width

    return _size(means, is_enough)


def subjects_for_difference(
    differences: npt.ArrayLike, difference: float, *, power: float = 0.8, alpha: float = 0.05
) -> SampleSize:
    """Test subjects that a paired comparison needs to show a true difference.

    Parameters
    ----------
    differences : float array of shape (n_subjects,)
        Present difference of each subject, two at least; only their spread is used.
    difference : float
        The true difference of the means that is to be seen.
    power : float
        Chance to see it.
    alpha : float
        Level of the two-sided test; divide it by the number of comparisons where there are
        several.

    Notes
    -----
    The power of the paired t-test, which that of the permutation test approaches.
    """
    _require_positive("The difference", abs(difference))
    if not 0 < alpha < power < 1:
        raise UsageError("The power lies between the level of the test and 1", got=power)

    def is_enough(n: int, spread: float) -> bool:
        return spread == 0 or paired_power(n, abs(difference) / spread, alpha) >= power

    return _size(differences, is_enough)


def paired_power(n: int, effect: float, alpha: float = 0.05) -> float:
    """Power of the two-sided paired t-test for an effect of mean over standard deviation."""
    critical = -float(stdtrit(n - 1, alpha / 2))
    shift = effect * math.sqrt(n)
    if shift - critical > 8:  # where the distribution has no more than rounding to add
        return 1.0
    upper = float(nct.sf(critical, n - 1, shift))
    lower = float(nct.cdf(-critical, n - 1, shift))
    return upper + lower


def _size(values: npt.ArrayLike, is_enough: Callable[[int, float], bool]) -> SampleSize:
    known = np.asarray(values, dtype=np.float64)
    if known.ndim != 1 or len(known) < 2 or not np.isfinite(known).all():
        raise UsageError(
            "Planning needs finite scores of two subjects at least", got=known.tolist()[:3]
        )
    spread = float(known.std(ddof=1))
    freedom = len(known) - 1
    low, high = spread * np.sqrt(freedom / chi2.ppf([0.975, 0.025], freedom))
    sizes = [_smallest(is_enough, s) for s in (spread, float(low), float(high))]
    return SampleSize(n=sizes[0], low=sizes[1], high=sizes[2])


def _smallest(is_enough: Callable[[int, float], bool], spread: float) -> int:
    """Find the smallest number that is enough; more are always enough too."""
    few, many = 1, 2
    while many < MOST_SUBJECTS and not is_enough(many, spread):
        few, many = many, min(2 * many, MOST_SUBJECTS)
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if is_enough(middle, spread) else (middle, many)
    return many


def expected_width(
    means: npt.ArrayLike,
    n_subjects: int,
    *,
    level: float = 0.95,
    n_draws: int = 40,
    n_resamples: int = 1000,
    seed: int,
) -> float:
    """Width that the BCa interval of ``n_subjects`` like the present ones would have.

    The present scores stand for those of all subjects: ``n_subjects`` are drawn from them again
    and again, and the median of the intervals' widths is taken. Unlike `subjects_for_width` this
    knows the skewness of the scores.

    Parameters
    ----------
    means : float array of shape (n_present,)
        Present score of each subject, not all equal.
    n_subjects : int
        Two at least.
    level : float
    n_draws : int
        Samples drawn.
    n_resamples : int
        Bootstrap draws of each.
    seed : int
    """
    known = np.asarray(means, dtype=np.float64)
    rng = np.random.default_rng(seed)
    tail = widened_tail(n_subjects, level)
    widths = []
    for _ in range(n_draws):
        sample = known[rng.integers(0, len(known), n_subjects)]
        if np.ptp(sample) == 0:
            widths.append(0.0)
            continue
        resampled = resampled_means(sample, n_resamples, rng)
        low, high = bca_bounds(sample, resampled, tail)
        widths.append(high - low)
    return float(np.median(widths))


def _require_positive(what: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{what} must be above 0", got=value)
