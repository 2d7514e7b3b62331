"""The cheapest way to a target, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from suffice.core import UsageError
from suffice.forecasting.pricing import CASES, HOURS, Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The cheapest of several ways.

    Parameters
    ----------
    price : Price or None
        Of the cheapest; ``None`` where none is expected to get there within the limit.
    surely : float
        Probability that no other way is cheaper.
    reaches : float
        Probability that it gets there within the limit.
    n_ways : int
    """

    price: Price | None
    surely: float
    reaches: float
    n_ways: int

    @property
    def sentence(self) -> str:
        """The answer in words."""
        if self.price is None:
            return f"None of {self.n_ways} ways is expected to get there within the forecast."
        span, level = self.price.span, self.price.level
        best, better = {
            CASES: ("Fewest cases", "none with fewer"),
            HOURS: ("Least drawing", "none with less"),
        }.get(span.unit, ("Cheapest", "none cheaper"))
        text = f"{best}: {self.price.name}, {self.price.cases.words(level, unit='more cases')}"
        if span.unit != CASES:
            text = f"{text}, {span.words(level)}"
        return f"{text}; of {self.n_ways} ways {better} with probability {_percent(self.surely)}."

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return {
            "name": None if self.price is None else self.price.name,
            "price": None if self.price is None else self.price.to_json(),
            "surely": round(self.surely, 4),
            "reaches": round(self.reaches, 4),
            "sentence": self.sentence,
        }


def cheapest(prices: Sequence[Price]) -> Choice:
    """Choose the way whose expected price is the least.

    Of ways that cost the same the one is taken that gets there more surely.

    Parameters
    ----------
    prices : sequence of Price
        In one unit, with as many resamples: the curves of one are held against those of another.

    Raises
    ------
    UsageError
        If there is none, or prices of several units are to be compared.
    """
    units = {price.span.unit for price in prices}
    if len(units) != 1:
        raise UsageError("Prices are compared in one unit", got=", ".join(sorted(units)) or "none")
    totals = np.stack([price.totals for price in prices])
    reaches = np.isfinite(totals).mean(axis=1)
    order = sorted(range(len(prices)), key=lambda i: (prices[i].span.value, -reaches[i]))
    best = order[0]
    if math.isinf(prices[best].span.value):
        return Choice(price=None, surely=0.0, reaches=0.0, n_ways=len(prices))
    is_least = np.isfinite(totals[best]) & (totals[best] <= totals.min(axis=0) + 1e-9)
    return Choice(
        price=prices[best],
        surely=float(is_least.mean()),
        reaches=float(reaches[best]),
        n_ways=len(prices),
    )


def _percent(probability: float) -> str:
    return "under 1 %" if probability < 0.01 else f"{100 * min(probability, 0.99):.0f} %"
