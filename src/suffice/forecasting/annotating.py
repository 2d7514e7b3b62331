"""How long a case takes to draw: as told, or from a log, with what practice changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, ndtri

from suffice.core import UsageError

FloatArray = npt.NDArray[np.float64]

LEAST_LOGGED = 3
"""With fewer nobody can tell how far cases differ."""
_LEAST_FOR_TREND = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """How the time a case takes changed with the number of cases drawn before.

    Parameters
    ----------
    change, low, high : float
        Relative change with each doubling of the cases drawn, and its interval: -0.2 is a fifth
        less.
    n_late : int
        Cases of the later half, which the next ones are taken to be like.
    """

    change: float
    low: float
    high: float
    n_late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationTime:
    """Minutes that a case takes to draw.

    Parameters
    ----------
    median, low, high : float
        Minutes, and the interval of their median.
    mean : float
        What many cases take, over their number: a few long ones lift it above the median.
    spread : float
        Standard deviation of the logarithm of the minutes of a case.
    n_cases : int
        In the log that they are of; 0 where they were told.
    level : float
        How often the interval holds; less than was asked for where the cases are too few for it.
    practice : Practice or None
        Where cases took less time, or more, one after the other; all else is then of the later
        half.
    """

    median: float
    low: float
    high: float
    mean: float
    spread: float
    n_cases: int
    level: float
    practice: Practice | None = None

    @property
    def sentence(self) -> str:
        """The same in words."""
        if not self.n_cases:
            return f"A case takes {self.median:g} minutes to draw, as told."
        percent = f"{100 * self.level:.0f} % interval"
        text = (
            f"A case takes {self.median:.3g} minutes to draw (median of {self.n_cases} in the log,"
            f" {percent} {self.low:.3g} to {self.high:.3g}; {self.mean:.3g} on average)."
        )
        if self.practice is None:
            return text
        done = self.practice
        low, high = sorted((abs(done.low), abs(done.high)))
        word = "quicker" if done.change < 0 else "slower"
        return (
            f"{text} They got {word}, by {100 * abs(done.change):.0f} % with each doubling of the"
            f" cases drawn ({percent} {100 * low:.0f} to {100 * high:.0f}), so only the later half"
            " of the log counts."
        )

    def draw_totals(self, n_cases: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw what so many cases may take together, in minutes.

        Parameters
        ----------
        n_cases : float array of shape (n,)
            Infinite where there is no end to them.
        rng : Generator

        Returns
        -------
        float array of shape (n,)
        """
        total = self.mean * n_cases
        if not self.n_cases:
            return np.asarray(total)
        # The mean of a log is unsure by Student's law, and cases differ around it.
        unsure = (
            self.spread / math.sqrt(self.n_cases) * rng.standard_t(self.n_cases - 1, len(n_cases))
        )
        counted = np.where(np.isfinite(n_cases), np.maximum(n_cases, 1.0), 1.0)
        luck = self.spread / np.sqrt(counted) * rng.normal(size=len(n_cases))
        return np.asarray(total * np.exp(unsure + luck))

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return {
            "minutes": round(self.median, 3),
            "low": round(self.low, 3),
            "high": round(self.high, 3),
            "mean": round(self.mean, 3),
            "n_cases": self.n_cases,
            "level": self.level,
            "practice": None
            if self.practice is None
            else {
                "change": round(self.practice.change, 4),
                "low": round(self.practice.low, 4),
                "high": round(self.practice.high, 4),
                "n_late": self.practice.n_late,
            },
            "sentence": self.sentence,
        }


def told_time(minutes: float, *, level: float = 0.8) -> AnnotationTime:
    """Take the minutes of a case as they are told.

    Raises
    ------
    UsageError
        If they are not above 0.
    """
    if not 0 < minutes < math.inf:
        raise UsageError("A case takes more than 0 minutes to draw", got=f"{minutes:g}")
    return AnnotationTime(
        median=minutes, low=minutes, high=minutes, mean=minutes, spread=0.0, n_cases=0, level=level
    )


def annotation_time(minutes: Sequence[float], *, level: float = 0.8) -> AnnotationTime:
    """Learn from a log how long the next cases take.

    The interval of the median is that of order statistics, which asks for no distribution. Where
    the time changed with practice [1]_, by a trend over the logarithm of the number drawn (Theil
    and Sen's median of slopes [2]_) whose interval does not hold 0, only the later half counts.

    Parameters
    ----------
    minutes : sequence of float
        Of each case, in the order in which they were drawn.
    level : float

    Raises
    ------
    UsageError
        If there are fewer than `LEAST_LOGGED`, or one is not above 0.

    References
    ----------
    .. [1] Newell and Rosenbloom, Mechanisms of skill acquisition and the law of practice, 1981
    .. [2] Sen, Journal of the American Statistical Association, 1968,
       https://doi.org/10.1080/01621459.1968.10480934

    Examples
    --------
    >>> found = annotation_time([40, 50, 42, 61, 38])
    >>> found.median, found.low, found.high
    (42.0, 38.0, 61.0)
    """
    taken = np.asarray(minutes, dtype=np.float64)
    if len(taken) < LEAST_LOGGED:
        raise UsageError(
            "So few cases do not tell how long one takes",
            got=len(taken),
            expected=f"{LEAST_LOGGED} or more",
            cure="Give --minutes-a-case as you would guess it.",
        )
    if not (np.isfinite(taken) & (taken > 0)).all():
        raise UsageError("A case takes more than 0 minutes to draw", got=f"{taken.min():g}")
    practice = _practice(taken, level)
    late = taken if practice is None else taken[-practice.n_late :]
    low, high = median_interval(late, level)
    return AnnotationTime(
        median=float(np.median(late)),
        low=low,
        high=high,
        mean=float(late.mean()),
        spread=float(np.log(late).std(ddof=1)),
        n_cases=len(late),
        # All of the range of three cases holds their median in 75 % and never more often.
        level=min(level, 1 - 2 * 0.5 ** len(late)),
        practice=practice,
    )


def median_interval(values: FloatArray, level: float) -> tuple[float, float]:
    """Bound a median by order statistics: the narrowest pair that holds it as often as asked.

    Few values may not allow that; then it is all of their range.
    """
    ordered, n = np.sort(values), len(values)
    # The k-th from 0 lies above the median where so many or fewer lie below that.
    ranks = [k for k in range((n + 1) // 2) if 1 - 2 * float(bdtr(k, n, 0.5)) >= level]
    k = ranks[-1] if ranks else 0
    return float(ordered[k]), float(ordered[n - 1 - k])


def _practice(taken: FloatArray, level: float) -> Practice | None:
    n = len(taken)
    if n < _LEAST_FOR_TREND:
        return None
    x, y = np.log2(np.arange(1, n + 1)), np.log2(taken)
    slope, low, high = theil_sen(x, y, level)
    # Whether there is a trend at all is asked more strictly than how large it is.
    _, surely_low, surely_high = theil_sen(x, y, 0.95)
    if surely_low <= 0 <= surely_high:
        return None
    change, least, most = (2.0**value - 1.0 for value in (slope, low, high))
    return Practice(change=change, low=least, high=most, n_late=max(n // 2, LEAST_LOGGED))


def theil_sen(x: FloatArray, y: FloatArray, level: float) -> tuple[float, float, float]:
    """Median of the slopes of all pairs of points, with its interval.

    Parameters
    ----------
    x, y : float array of shape (n,)
        No two of ``x`` are equal.
    level : float

    Returns
    -------
    slope, low, high : float
    """
    n = len(x)
    i, j = np.triu_indices(n, k=1)
    slopes = np.sort((y[j] - y[i]) / (x[j] - x[i]))
    sigma = math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    width = float(ndtri((1 + level) / 2)) * sigma
    low = max(round((len(slopes) - width) / 2) - 1, 0)
    high = min(round((len(slopes) + width) / 2), len(slopes) - 1)
    return float(np.median(slopes)), float(slopes[low]), float(slopes[high])
