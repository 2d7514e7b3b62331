"""How far two ways to measure the same agree, several pairs of a subject allowed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from suffice.core import UsageError

FloatArray = npt.NDArray[np.float64]
Who = npt.NDArray[np.int64]

FEWEST_SUBJECTS = 3
LIMITS_Z = 1.96


@dataclass(frozen=True, slots=True)
class Bounded:
    """A value with its interval; bounds are not numbers where too few subjects tell."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What pairs of two ways to measure say; differences are the first minus the second.

    Parameters
    ----------
    n_pairs, n_subjects : int
    level : float
        Coverage of every interval.
    correlation : Bounded
        Pearson's.
    bias, lower_limit, upper_limit : Bounded
        Mean difference, and the limits between which 95 % of differences lie.
    slope, intercept : Bounded
        Of the Deming regression of the second on the first.
    """

    n_pairs: int
    n_subjects: int
    level: float
    correlation: Bounded
    bias: Bounded
    lower_limit: Bounded
    upper_limit: Bounded
    slope: Bounded
    intercept: Bounded


def agreement_of(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    subjects: Sequence[str],
    *,
    error_ratio: float = 1.0,
    level: float = 0.95,
) -> Agreement:
    """Compare two ways to measure the same.

    Parameters
    ----------
    first, second : float array of shape (n_pairs,)
        Finite, in one unit.
    subjects : sequence of str
        Whose each pair is; pairs of one subject are no independent evidence.
    error_ratio : float
        Variance of the second's error over that of the first's, for Deming.
    level : float

    Returns
    -------
    Agreement

    Notes
    -----
    Where each subject has one pair: the interval of r is Fisher's, that of the bias Student's,
    those of the limits (bias plus and minus 1.96 SD) Bland and Altman's [1]_. Where subjects have
    several, the SD comes from variance components within and between subjects [2]_, and intervals
    from leaving out one subject at a time. Those of the Deming regression always do [3]_.

    References
    ----------
    .. [1] Bland and Altman, Stat. Methods Med. Res. 1999,
       https://doi.org/10.1177/096228029900800204
    .. [2] Bland and Altman, J. Biopharm. Stat. 2007, https://doi.org/10.1080/10543400701329422
    .. [3] Linnet, Clin. Chem. 1993, https://doi.org/10.1093/clinchem/39.3.424

    Examples
    --------
    >>> found = agreement_of([4.0, 5.0, 6.0, 7.0], [3.1, 3.9, 5.2, 5.8], ["a", "b", "c", "d"])
    >>> round(found.bias.value, 2), round(found.correlation.value, 3), round(found.slope.value, 2)
    (1.0, 0.991, 0.95)
    """
    x, y = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if x.ndim != 1 or x.shape != y.shape or len(x) != len(subjects):
        raise UsageError(
            "Each pair needs two values and its subject",
            got=f"{x.shape}, {y.shape} and {len(subjects)} subjects",
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise UsageError("Agreement needs finite values", cure="Leave out pairs without one.")
    if not 0 < level < 1 or not error_ratio > 0:
        raise UsageError(
            "A level lies between 0 and 1, and a ratio of errors above 0",
            got=f"{level:g} and {error_ratio:g}",
        )
    _, who = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    n_subjects = int(who.max()) + 1 if len(who) else 0
    sides = _Intervals(x, y, who, n_subjects, level)
    return Agreement(
        n_pairs=len(x),
        n_subjects=n_subjects,
        level=level,
        correlation=sides.correlation(),
        bias=sides.bias(),
        lower_limit=sides.limit(-1.0),
        upper_limit=sides.limit(1.0),
        slope=sides.jackknifed(lambda a, b, _: deming(a, b, error_ratio)[0], 2),
        intercept=sides.jackknifed(lambda a, b, _: deming(a, b, error_ratio)[1], 2),
    )


def deming(x: FloatArray, y: FloatArray, error_ratio: float = 1.0) -> tuple[float, float]:
    """Slope and intercept where both ways err; not numbers where the values have no spread.

    Parameters
    ----------
    x, y : float array of shape (n,)
    error_ratio : float
        Variance of the error of ``y`` over that of ``x``.
    """
    if len(x) < 2:
        return np.nan, np.nan
    dx, dy = x - x.mean(), y - y.mean()
    sxx, syy, sxy = float(dx @ dx), float(dy @ dy), float(dx @ dy)
    if sxy == 0:
        return np.nan, np.nan
    gap = syy - error_ratio * sxx
    slope = (gap + np.sqrt(gap**2 + 4 * error_ratio * sxy**2)) / (2 * sxy)
    return slope, float(y.mean() - slope * x.mean())


def spread_of_differences(differences: FloatArray, who: Who) -> float:
    """Standard deviation of one difference of any subject, from variance components.

    With one difference a subject it is the usual one. A negative variance between subjects,
    which chance can bring, counts as none.
    """
    counts = np.bincount(who)
    n, k = len(differences), len(counts)
    if n == k:
        return float(differences.std(ddof=1)) if n > 1 else np.nan
    if k < 2:
        return np.nan
    means = np.bincount(who, weights=differences) / counts
    within = float(((differences - means[who]) ** 2).sum()) / (n - k)
    between = float((counts * (means - differences.mean()) ** 2).sum()) / (k - 1)
    per_subject = (n**2 - float((counts**2).sum())) / ((k - 1) * n)
    return float(np.sqrt(within + max(0.0, (between - within) / per_subject)))


@dataclass(frozen=True, slots=True, eq=False)
class _Intervals:
    """Values of the pairs, and the intervals that they allow."""

    x: FloatArray
    y: FloatArray
    who: Who
    n_subjects: int
    level: float

    @property
    def is_single(self) -> bool:
        return len(self.x) == self.n_subjects

    def student(self, degrees: int) -> float:
        return float(stdtrit(max(degrees, 1), (1 + self.level) / 2))

    def correlation(self) -> Bounded:
        if not self.is_single:
            found = self.jackknifed(lambda a, b, _: np.arctanh(_pearson(a, b)), 1)
            return Bounded(*(float(np.tanh(v)) for v in (found.value, found.low, found.high)))
        r = _pearson(self.x, self.y)
        if len(self.x) <= FEWEST_SUBJECTS or not np.isfinite(r):
            return Bounded(r, np.nan, np.nan)
        reach = float(ndtri((1 + self.level) / 2)) / np.sqrt(len(self.x) - 3)
        z = np.arctanh(min(max(r, -1 + 1e-15), 1 - 1e-15))
        return Bounded(r, float(np.tanh(z - reach)), float(np.tanh(z + reach)))

    def bias(self) -> Bounded:
        if not self.is_single:
            return self.jackknifed(lambda a, b, _: float((a - b).mean()), 1)
        gaps = self.x - self.y
        value = float(gaps.mean()) if len(gaps) else np.nan
        if len(gaps) < FEWEST_SUBJECTS:
            return Bounded(value, np.nan, np.nan)
        reach = self.student(len(gaps) - 1) * float(gaps.std(ddof=1)) / np.sqrt(len(gaps))
        return Bounded(value, value - reach, value + reach)

    def limit(self, sign: float) -> Bounded:
        if not self.is_single:
            return self.jackknifed(lambda a, b, w: _limit(a - b, w, sign), 1)
        gaps, n = self.x - self.y, len(self.x)
        value = _limit(gaps, self.who, sign) if n > 1 else np.nan
        if n < FEWEST_SUBJECTS:
            return Bounded(value, np.nan, np.nan)
        error = float(gaps.std(ddof=1)) * np.sqrt(1 / n + LIMITS_Z**2 / (2 * (n - 1)))
        reach = self.student(n - 1) * error
        return Bounded(value, value - reach, value + reach)

    def jackknifed(
        self, statistic: Callable[[FloatArray, FloatArray, Who], float], n_fitted: int
    ) -> Bounded:
        """Bound a statistic by leaving out one subject at a time."""
        value = float(statistic(self.x, self.y, self.who)) if len(self.x) else np.nan
        n = self.n_subjects
        if n < FEWEST_SUBJECTS or not np.isfinite(value):
            return Bounded(value, np.nan, np.nan)
        without = np.array([self._without(i, statistic) for i in range(n)])
        pseudo = n * value - (n - 1) * without
        error = float(pseudo.std(ddof=1)) / np.sqrt(n)
        reach = self.student(n - n_fitted) * error
        return Bounded(value, value - reach, value + reach)

    def _without(
        self, subject: int, statistic: Callable[[FloatArray, FloatArray, Who], float]
    ) -> float:
        kept = self.who != subject
        _, who = np.unique(self.who[kept], return_inverse=True)
        return float(statistic(self.x[kept], self.y[kept], who))


def _limit(gaps: FloatArray, who: Who, sign: float) -> float:
    return float(gaps.mean()) + sign * LIMITS_Z * spread_of_differences(gaps, who)


def _pearson(x: FloatArray, y: FloatArray) -> float:
    if len(x) < 2:
        return np.nan
    dx, dy = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((dx @ dx) * (dy @ dy)))
    return float(dx @ dy) / scale if scale > 0 else np.nan
