"""What a target costs: hours of drawing, hours of computing and money."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.core import UsageError
from suffice.forecasting.annotating import AnnotationTime
from suffice.forecasting.answers import CasesNeeded, Forecast, crossings

FloatArray = npt.NDArray[np.float64]

CASES, HOURS = "cases", "hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Prices of an hour.

    Parameters
    ----------
    expert, compute : float
        Of somebody who draws, and of the machine that trains.
    currency : str
        In one word.
    """

    expert: float = 0.0
    compute: float = 0.0
    currency: str = "EUR"

    def __post_init__(self) -> None:
        if not (0 <= self.expert < math.inf and 0 <= self.compute < math.inf):
            raise UsageError("An hour costs 0 or more", got=f"{self.expert:g} and {self.compute:g}")
        if not self.currency.strip():
            raise UsageError("A currency has a name", got=repr(self.currency))


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A quantity with its interval; infinite is beyond what the forecast speaks about.

    Parameters
    ----------
    value, low, high : float
    most : float
        What the most cases that the forecast speaks about come to.
    unit : str
        ``cases``, ``hours`` or a currency.
    """

    value: float
    low: float
    high: float
    most: float
    unit: str

    def words(self, level: float, *, unit: str = "") -> str:
        """For a sentence, e.g. ``6.8 hours (80 % interval 3.0 to 12)``."""
        middle, low, high = map(self._number, (self.value, self.low, self.high))
        counted = f"{middle} {unit or self.unit}"
        if low == high == middle:
            return counted
        return f"{counted} ({100 * level:.0f} % interval {low} to {high})"

    def to_json(self) -> dict[str, Any]:
        """Give plain values; ``None`` is more than ``most``."""
        value, low, high = (
            None if math.isinf(number) else round(number, 3)
            for number in (self.value, self.low, self.high)
        )
        most = round(self.most, 3)
        return {"value": value, "low": low, "high": high, "most": most, "unit": self.unit}

    def _number(self, value: float) -> str:
        if math.isinf(value):
            return f"more than {amount(self.most)}"
        return amount(value)


def amount(value: float) -> str:
    """Write a number as closely as an estimate deserves.

    Examples
    --------
    >>> [amount(number) for number in (0, 0.0059, 0.254, 6.83, 68.3, 12345.6)]
    ['0', 'under 0.01', '0.25', '6.8', '68', '12,346']
    """
    if value == 0:
        return "0"
    if value < 0.01:
        return "under 0.01"
    # What one digit would round up to 10.0 included.
    if value >= 9.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Price:
    """What it takes to get to a target in one way.

    Parameters
    ----------
    name : str
        Of the way.
    needed : CasesNeeded
    cases, drawing : Span
        Cases to label on top of those given, and hours to draw them.
    computing_hours : float
        Of the final training.
    money : Span or None
        Where hours have a price.
    totals : float array of shape (n_resamples,)
        What it may cost in all, in the unit that it is compared in; infinite where the target is
        beyond the limit.
    level : float
    """

    name: str
    needed: CasesNeeded
    cases: Span
    drawing: Span | None
    computing_hours: float
    money: Span | None
    totals: FloatArray
    level: float

    @property
    def span(self) -> Span:
        """Money where there are prices, else hours where minutes are known, else cases."""
        return self.money or self.drawing or self.cases

    @property
    def sentence(self) -> str:
        """The price in words; empty where nothing but cases is known."""
        if self.drawing is None:
            return ""
        computing = f"{amount(self.computing_hours)} hours of computing"
        text = f"That is {self.drawing.words(self.level)} of drawing and {computing}"
        return f"{text}: {self.money.words(self.level)}." if self.money else f"{text}."

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return {
            "name": self.name,
            "cases": self.cases.to_json(),
            "drawing_hours": None if self.drawing is None else self.drawing.to_json(),
            "computing_hours": round(self.computing_hours, 4),
            "money": None if self.money is None else self.money.to_json(),
            "sentence": self.sentence,
        }


def price_of(
    made: Forecast,
    *,
    name: str,
    minutes_each: float,
    time: AnnotationTime | None = None,
    rates: Rates | None = None,
    seed: int = 0,
) -> Price:
    """Say what the target of a forecast costs.

    Every curve that the truth may be gives a number of cases, and every draw of the log a time for
    them, so that both carry into the interval. What was spent on measuring is spent, and not
    counted.

    Parameters
    ----------
    made : Forecast
        For a target.
    name : str
    minutes_each : float
        Of a training.
    time : AnnotationTime, optional
        Without it cases are all that is counted.
    rates : Rates, optional
        Without them hours.
    seed : int

    Raises
    ------
    UsageError
        If the forecast has no target, or there are prices of hours that nobody has counted.
    """
    needed = made.needed
    if needed is None:
        raise UsageError("A price is that of a target, and the forecast has none")
    if rates is not None and time is None:
        raise UsageError(
            "Hours have a price, but not how many a case takes",
            cure="Give --minutes-a-case or --annotation-log.",
        )
    more = _cases_more(made, needed)
    middle = math.inf if needed.more is None else float(needed.more)
    most = float(max(needed.limit - made.given, 0))
    computing = minutes_each / 60
    drawing = money = None
    totals = more
    if time is not None:
        an_hour = time.mean / 60
        totals = time.draw_totals(more, np.random.default_rng(seed)) / 60
        drawing = _span(totals, middle * an_hour, most * an_hour, HOURS, made.level)
    if drawing is not None and rates is not None:
        totals, money = _in_money(totals, drawing, computing, rates, level=made.level)
    return Price(
        name=name,
        needed=needed,
        cases=_span(more, middle, most, CASES, made.level),
        drawing=drawing,
        computing_hours=computing,
        money=money,
        totals=totals,
        level=made.level,
    )


def _cases_more(made: Forecast, needed: CasesNeeded) -> FloatArray:
    """Cases on top of those there are, by every curve that the truth may be."""
    reached = crossings(made.paths, made.n_cases, needed.target)
    more: FloatArray = np.where(
        reached <= needed.limit, np.maximum(np.ceil(reached - 1e-6) - made.given, 0), np.inf
    )
    return more


def _in_money(
    hours: FloatArray, drawing: Span, computing_hours: float, rates: Rates, *, level: float
) -> tuple[FloatArray, Span]:
    """Price hours of drawing and of one training: every draw of the hours, and their span."""
    fixed = computing_hours * rates.compute
    # Free drawing of cases without end is still no way to get there.
    totals = np.where(np.isfinite(hours), hours * rates.expert + fixed, np.inf)
    middle = drawing.value * rates.expert + fixed if drawing.value < math.inf else math.inf
    most = drawing.most * rates.expert + fixed
    return totals, _span(totals, middle, most, rates.currency, level)


def _span(samples: FloatArray, middle: float, most: float, unit: str, level: float) -> Span:
    tail = (1 - level) / 2
    low, high = np.quantile(samples, [tail, 1 - tail], method="inverted_cdf")
    return Span(
        value=middle,
        low=min(float(low), middle),
        high=max(float(high), middle),
        most=most,
        unit=unit,
    )
