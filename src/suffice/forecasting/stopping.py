"""Whether the next cases are worth their labels: a rule to stop by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from suffice.core import UsageError
from suffice.forecasting.annotating import AnnotationTime
from suffice.forecasting.answers import Forecast
from suffice.forecasting.measured import Measured
from suffice.forecasting.pricing import FloatArray, Rates, amount
from suffice.forecasting.resolving import half_width

_POINTS = 100.0
# A target that is more likely never reached than reached is no reason to go on.
_LIKELY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class NextCases:
    """What the next labelled cases are expected to bring, and what they cost.

    Parameters
    ----------
    n_more : int
    gain, low, high : float
        In points of the score, with the interval.
    level : float
    least_told : float or None
        Points that the test set tells from none, by the differences of its subjects: a gain of
        just that is told half the time.
    n_test : int
    more_for_target : int or None
        Cases that the target takes on top of those there are, where the forecast names a number.
    out_of_reach : float or None
        Probability that the model never reaches the target, where there is one.
    cost, worth : float or None
        Of the cases and of the gain, where both have a price.
    pays : float or None
        Probability that the gain is worth the cost.
    currency : str
    """

    n_more: int
    gain: float
    low: float
    high: float
    level: float
    least_told: float | None
    n_test: int
    more_for_target: int | None = None
    out_of_reach: float | None = None
    cost: float | None = None
    worth: float | None = None
    pays: float | None = None
    currency: str = ""

    @property
    def is_untold(self) -> bool:
        """Whether the test set could not tell the gain from none."""
        return self.least_told is not None and self.gain < self.least_told

    @property
    def is_too_dear(self) -> bool:
        """Whether the gain is worth less than it costs."""
        return self.cost is not None and self.worth is not None and self.worth < self.cost

    @property
    def is_on_the_way(self) -> bool:
        """Whether these cases are only a part of what a target within reach takes."""
        if self.more_for_target is None or (self.out_of_reach or 0.0) > _LIKELY:
            return False
        return self.more_for_target > self.n_more

    @property
    def stops(self) -> bool:
        """Whether to label no more."""
        return self.is_too_dear or (self.is_untold and not self.is_on_the_way)

    @property
    def sentence(self) -> str:
        """The advice and its reasons, in words."""
        percent = f"{100 * self.level:.0f} % interval"
        cases = "case is" if self.n_more == 1 else "cases are"
        text = (
            f"{'Stop' if self.stops else 'Go on'}: {self.n_more} more {cases} expected to bring"
            f" {self.gain:.1f} points ({percent} {self.low:.1f} to {self.high:.1f})"
        )
        reasons = []
        if self.least_told is not None:
            told = f"the {self.least_told:.1f} that {self.n_test} test subjects tell from none"
            reasons.append(f"{'less' if self.is_untold else 'more'} than {told}")
            if self.is_untold and self.is_on_the_way:
                reasons.append(f"but the target takes {self.more_for_target} more")
        if self.cost is not None and self.worth is not None and self.pays is not None:
            reasons.append(
                f"worth {amount(self.worth)} {self.currency} where the cases cost"
                f" {amount(self.cost)} {self.currency} (it pays with probability"
                f" {100 * self.pays:.0f} %)"
            )
        return ", ".join([text, *reasons]) + "."

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        numbers = {
            name: None if value is None else round(value, 4)
            for name, value in (
                ("gain_points", self.gain),
                ("low", self.low),
                ("high", self.high),
                ("least_told_points", self.least_told),
                ("out_of_reach", self.out_of_reach),
                ("cost", self.cost),
                ("worth", self.worth),
                ("pays", self.pays),
            )
        }
        return {
            "n_more": self.n_more,
            "level": self.level,
            "n_test": self.n_test,
            "more_for_target": self.more_for_target,
            **numbers,
            "currency": self.currency,
            "stops": self.stops,
            "sentence": self.sentence,
        }


def next_cases(
    made: Forecast,
    *,
    n_more: int | None = None,
    time: AnnotationTime | None = None,
    rates: Rates | None = None,
    value_a_point: float | None = None,
    seed: int = 0,
) -> NextCases | None:
    """Weigh what the next cases bring against what they cost and what can be told.

    Parameters
    ----------
    made : Forecast
    n_more : int, optional
        By default as many as there are: a step that is too small to be told would stop any
        labelling.
    time, rates : optional
        Minutes of a case, and what an hour costs.
    value_a_point : float, optional
        What a point (a hundredth) of the score is worth.
    seed : int

    Returns
    -------
    NextCases or None
        ``None`` where the forecast does not go so far.

    Raises
    ------
    UsageError
        If the number is below 1, or a point has a value and a case no price.
    """
    if n_more is not None and n_more < 1:
        raise UsageError("The next cases are 1 or more", got=n_more)
    if value_a_point is not None and (time is None or rates is None):
        raise UsageError(
            "A point has a value, but a case has no price",
            cure="Give --rate-expert, and --minutes-a-case or --annotation-log.",
        )
    start = max(float(made.given), float(made.n_cases[0]))
    step = made.given if n_more is None else n_more
    if start + step > made.n_cases[-1] or (n_more is None and start + step > made.limit):
        return None
    gain, gains = _gains(made, start, start + step)
    low, high = np.quantile(gains, [(1 - made.level) / 2, (1 + made.level) / 2])
    n_test, told = _least_told(made.measured)
    cost = worth = pays = None
    if value_a_point is not None and time is not None and rates is not None:
        worth = gain * _POINTS * value_a_point
        cost = step * time.mean / 60 * rates.expert
        worths = gains * _POINTS * value_a_point
        pays = _chance_that_it_pays(worths, step, time, rates, seed)
    return NextCases(
        n_more=step,
        gain=gain * _POINTS,
        low=min(float(low), gain) * _POINTS,
        high=max(float(high), gain) * _POINTS,
        level=made.level,
        least_told=None if told is None else told * _POINTS,
        n_test=n_test,
        more_for_target=None if made.needed is None else made.needed.more,
        out_of_reach=None if made.needed is None else made.needed.out_of_reach,
        cost=cost,
        worth=worth,
        pays=pays,
        currency="" if rates is None else rates.currency,
    )


def _gains(made: Forecast, before: float, after: float) -> tuple[float, FloatArray]:
    """Gain between two numbers of cases: as expected, and by every curve that the truth may be."""
    logs = np.log(made.n_cases)

    def at(curve: FloatArray, n_cases: float) -> float:
        return float(np.interp(math.log(n_cases), logs, curve))

    gain = at(made.expected, after) - at(made.expected, before)
    return gain, np.array([at(path, after) - at(path, before) for path in made.paths])


def _chance_that_it_pays(
    worths: FloatArray, step: int, time: AnnotationTime, rates: Rates, seed: int
) -> float:
    """Probability that a gain is worth the hours; each worth is set against a draw of the log."""
    minutes = time.draw_totals(np.full(len(worths), float(step)), np.random.default_rng(seed))
    return float((worths >= minutes / 60 * rates.expert).mean())


def _least_told(measured: Measured) -> tuple[int, float | None]:
    """Least gain that a paired comparison on the test subjects tells from none (95 %).

    The subjects' differences between the two largest sizes stand for those of the next ones.
    """
    scores = measured.scores
    if measured.n_subjects < 2 or scores.shape[1] < 2:
        return 0, None
    is_there = np.isfinite(scores[:, -2:])
    n_each = is_there.sum(axis=(0, 2))
    total = np.where(is_there, scores[:, -2:], 0.0).sum(axis=(0, 2))
    known = (n_each > 0).all(axis=0)
    means = total[:, known] / n_each[:, known]
    n = int(known.sum())
    return (n, half_width(n, float((means[1] - means[0]).std(ddof=1)))) if n >= 2 else (n, None)
