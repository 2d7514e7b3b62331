"""The answers: the score at some number of cases, the cases that a score takes, in words."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.core import UsageError
from suffice.forecasting.cautions import CurveCaution
from suffice.forecasting.combining import Combination
from suffice.forecasting.measured import Measured
from suffice.forecasting.resolving import Resolution

FloatArray = npt.NDArray[np.float64]

FARTHEST = 8.0
"""How many times the largest measured size a forecast goes, unless asked for more."""
OUT_OF_REACH = 100.0
"""What so many times the largest measured size do not bring is out of reach of a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A score to expect.

    Parameters
    ----------
    n_cases : float
    value, low, high : float
        Expected score, and the bounds of its interval.
    level : float
        How often such an interval holds the truth.
    """

    n_cases: float
    value: float
    low: float
    high: float
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CasesNeeded:
    """Cases that a target takes.

    Parameters
    ----------
    target : float
    n_cases, low, high : int or None
        Cases in all, and the bounds of their interval; ``None`` is more than ``limit``.
    given : int
        Cases that there are already.
    limit : int
        Most cases that the forecast speaks about.
    out_of_reach : float
        Probability that this model never reaches the target: not with `OUT_OF_REACH` times the
        largest measured size.
    beyond_limit : float
        Probability that it takes more cases than the limit, or never reaches it.
    level : float
    """

    target: float
    n_cases: int | None
    low: int | None
    high: int | None
    given: int
    limit: int
    out_of_reach: float
    beyond_limit: float
    level: float

    @property
    def more(self) -> int | None:
        """Cases to label on top of those given."""
        return self._on_top(self.n_cases)

    @property
    def more_low(self) -> int | None:
        """Lower bound of `more`."""
        return self._on_top(self.low)

    @property
    def more_high(self) -> int | None:
        """Upper bound of `more`."""
        return self._on_top(self.high)

    def _on_top(self, n_cases: int | None) -> int | None:
        return None if n_cases is None else max(0, n_cases - self.given)

    @property
    def sentence(self) -> str:
        """The same in plain English.

        Examples
        --------
        >>> CasesNeeded(
        ...     target=0.9, n_cases=29, low=20, high=48, given=8, limit=64, out_of_reach=0.04,
        ...     beyond_limit=0.06, level=0.8,
        ... ).sentence
        '21 more, 80 % interval 12 to 40'
        """
        percent = f"{100 * self.level:.0f} %"
        if self.n_cases is None:
            start = f"more than {self.limit} cases in all"
            if self.low is not None:
                start += f", {percent} interval from {self.more_low} more"
            return f"{start}; {_chance(self.out_of_reach)}"
        if self.more_high == 0:
            return f"none more: the {self.given} given are enough"
        high = f"more than {self.limit - self.given}" if self.high is None else f"{self.more_high}"
        text = f"{self.more} more, {percent} interval {self.more_low} to {high}"
        is_doubtful = self.out_of_reach > (1 - self.level) / 2
        return f"{text}; {_chance(self.out_of_reach)}" if is_doubtful else text


def _chance(probability: float) -> str:
    percent = "under 1 %" if probability < 0.01 else f"{100 * min(probability, 0.99):.0f} %"
    return f"out of reach of this model with probability {percent}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """A learning curve carried on: what more cases will bring, and how sure that is.

    Parameters
    ----------
    measured : Measured
    standard_errors : float array of shape (n_sizes,)
        How sure each measured mean is.
    combination : Combination
    n_cases : float array of shape (n,)
        From the smallest measured size to `OUT_OF_REACH` times the largest.
    expected : float array of shape (n,)
        Expected score there.
    paths : float array of shape (n_resamples, n)
        Curves that the truth may be.
    given : int
        Cases that there are.
    level : float
        Of all intervals.
    cautions : tuple of CurveCaution
        What makes the forecast doubtful.
    needed : CasesNeeded or None
        For the target, where one was given.
    resolution : Resolution or None
        Whether the test set can tell the target, where both are known.
    source : str
        What the expectations of other curves were learned from.
    """

    measured: Measured
    standard_errors: FloatArray
    combination: Combination
    n_cases: FloatArray
    expected: FloatArray
    paths: FloatArray
    given: int
    level: float
    cautions: tuple[CurveCaution, ...]
    needed: CasesNeeded | None
    resolution: Resolution | None
    source: str

    @property
    def limit(self) -> int:
        """Most cases that the forecast speaks about unless asked for more."""
        return math.floor(FARTHEST * self.measured.largest)

    def value_at(self, n_cases: float, *, far: bool = False) -> Expected:
        """Forecast the score with some number of cases.

        Parameters
        ----------
        n_cases : float
        far : bool
            Whether to answer beyond `FARTHEST` times the largest measured size.

        Raises
        ------
        UsageError
            If that is asked for without ``far``, or the number lies outside all bounds.
        """
        self._require_near(n_cases, far)
        at = np.log(n_cases)
        paths = _at(self.paths, np.log(self.n_cases), at)
        value = float(np.interp(at, np.log(self.n_cases), self.expected))
        low, high = np.quantile(paths, [(1 - self.level) / 2, (1 + self.level) / 2])
        return Expected(
            n_cases=n_cases,
            value=value,
            low=min(float(low), value),
            high=max(float(high), value),
            level=self.level,
        )

    def cases_for(self, target: float, *, far: bool = False) -> CasesNeeded:
        """Forecast how many cases a score takes: the median over the curves that the truth may be.

        Where the expected curve reaches the score is another number, and a worse one: so near to
        its end a little error in the score is a large one in cases, up to never.

        Parameters
        ----------
        target : float
            Between 0 and 1.
        far : bool
            Whether to name numbers beyond `FARTHEST` times the largest measured size.
        """
        if not 0.0 < target < 1.0:
            raise UsageError("A target lies between 0 and 1", got=f"{target:g}")
        limit = int(self.n_cases[-1]) if far else self.limit
        reached = crossings(self.paths, self.n_cases, target)
        tail = (1 - self.level) / 2
        low, middle, high = np.quantile(reached, [tail, 0.5, 1 - tail], method="inverted_cdf")

        def shown(n_cases: float) -> int | None:
            return math.ceil(n_cases - 1e-6) if n_cases <= limit else None

        return CasesNeeded(
            target=target,
            n_cases=shown(middle),
            low=shown(low),
            high=shown(high),
            given=self.given,
            limit=limit,
            out_of_reach=float(np.isinf(reached).mean()),
            beyond_limit=float((reached > limit).mean()),
            level=self.level,
        )

    @property
    def sentence(self) -> str:
        """The answer in plain English: cases for the target, or the score with twice the cases."""
        if self.needed is not None:
            return f"{self.needed.target:g} takes {self.needed.sentence}."
        twice = 2 * self.measured.largest
        found = self.value_at(twice)
        percent = f"{100 * self.level:.0f} %"
        return (
            f"{found.value:.3f} with {twice} cases, "
            f"{percent} interval {found.low:.3f} to {found.high:.3f}."
        )

    def to_json(self, *, n_points: int = 33) -> dict[str, Any]:
        """Give all answers as plain values, curve included up to the limit.

        Parameters
        ----------
        n_points : int
            Points of the curve, evenly spread in the log of the number of cases.
        """
        points = np.geomspace(self.measured.n_cases[0], self.limit, n_points)
        return {
            "sentence": self.sentence,
            "given": self.given,
            "largest_measured": self.measured.largest,
            "limit": self.limit,
            "level": self.level,
            "measured": [
                {"n_cases": int(n), "value": float(mean), "standard_error": float(se), "n_draws": k}
                for n, mean, se, k in zip(
                    self.measured.n_cases,
                    self.measured.means,
                    self.standard_errors,
                    self.measured.n_draws.tolist(),
                    strict=True,
                )
            ],
            "curve": [asdict(self.value_at(float(n))) for n in points],
            "families": [
                {
                    "family": voice.family,
                    "weight": voice.weight,
                    "backtest_error": None if math.isnan(voice.backtest) else voice.backtest,
                }
                for voice in self.combination.voices
            ],
            "target": None if self.needed is None else _needed_json(self.needed),
            "test_set": None
            if self.resolution is None
            else {**asdict(self.resolution), "is_enough": self.resolution.is_enough},
            "cautions": [asdict(caution) for caution in self.cautions],
            "experience": self.source,
        }

    def _require_near(self, n_cases: float, far: bool) -> None:
        smallest, farthest = self.n_cases[0], self.n_cases[-1] if far else self.limit
        if smallest <= n_cases <= farthest:
            return
        raise UsageError(
            "A forecast says nothing about so many cases",
            got=f"{n_cases:g}",
            expected=f"{smallest:g} to {farthest:g}",
            cure=f"Measure larger sizes; the curve ends at {self.measured.largest} cases.",
        )


def _needed_json(needed: CasesNeeded) -> dict[str, Any]:
    return {
        **asdict(needed),
        "more": needed.more,
        "more_low": needed.more_low,
        "more_high": needed.more_high,
        "sentence": needed.sentence,
    }


def crossings(paths: FloatArray, n_cases: FloatArray, target: float) -> FloatArray:
    """Where curves that never fall reach a score, between sizes on the log of their number.

    Parameters
    ----------
    paths : float array of shape (n, n_sizes)
    n_cases : float array of shape (n_sizes,)
    target : float

    Returns
    -------
    float array of shape (n,)
        The smallest size where a curve begins above, infinity where it ends below.
    """
    is_there = paths >= target
    first = is_there.argmax(axis=1)
    before = np.maximum(first - 1, 0)
    row = np.arange(len(paths))
    low, high = paths[row, before], paths[row, first]
    share = np.where(high > low, (target - low) / np.where(high > low, high - low, 1.0), 0.0)
    logs = np.log(n_cases)
    found = np.exp(logs[before] + np.clip(share, 0.0, 1.0) * (logs[first] - logs[before]))
    return np.where(is_there.any(axis=1), found, np.inf)


def _at(paths: FloatArray, logs: FloatArray, at: float) -> FloatArray:
    after = int(np.clip(np.searchsorted(logs, at), 1, len(logs) - 1))
    share = float(np.clip((at - logs[after - 1]) / (logs[after] - logs[after - 1]), 0.0, 1.0))
    before = paths[:, after - 1]
    # Not as a weighted mean, which rounding can let fall where a path is level.
    return np.asarray(before + share * (paths[:, after] - before))
