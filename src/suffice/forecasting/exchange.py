"""Exchange rates: how many labelled cases another way to train is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from suffice.core import UsageError
from suffice.forecasting.experience import shipped_experience
from suffice.forecasting.measured import Measured
from suffice.forecasting.reading import SUBJECT, read_measured

FloatArray = npt.NDArray[np.float64]
N_RESAMPLES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRate:
    """What a way to train is worth in labelled cases.

    Parameters
    ----------
    way : str
    at : int
        Labelled cases that the way had.
    worth : float
        Further cases that the reference needs to score as well; negative where it scores as well
        with fewer, infinite where it never does among the sizes that were measured.
    low, high : float
        Interval of it.
    level : float
        How often the interval is to hold the truth.
    least, most : int
        The smallest and the largest worth that could be seen: what lies outside was not measured.
    n_draws : int
        Draws in which both were trained with so many cases.
    """

    way: str
    at: int
    worth: float
    low: float
    high: float
    level: float
    least: int
    most: int
    n_draws: int

    @property
    def is_gain(self) -> bool:
        """Whether the interval says that the way is worth something."""
        return self._rounded(self.low) > 0

    @property
    def is_loss(self) -> bool:
        """Whether it says that the way costs something."""
        return self._rounded(self.high) < 0

    @property
    def sentence(self) -> str:
        """The answer in words."""
        percent, at = f"{100 * self.level:.0f} % interval", f"at {self.at} case{'s'[: self.at - 1]}"
        low, high = (self._words(bound) for bound in (self.low, self.high))
        said = low if low == high else f"{low} to {high}"
        if self.is_gain:
            plural = "" if self._words(self.worth) == "1" else "s"
            counted = f"{self._words(self.worth)} labelled case{plural}"
            return f"{self.way} is worth {counted} ({percent} {said}) {at}"
        if self.is_loss:
            # As many cases fewer score as well; the smallest size that was measured bounds them.
            cost, least, most = (
                f"{-self._rounded(value):.0f}" + " or more" * (value <= self.least)
                for value in (self.worth, self.high, self.low)
            )
            plural = "" if cost == "1" else "s"
            said = least if least == most else f"{least} to {most}"
            return f"{self.way} costs {cost} labelled case{plural} ({percent} {said}) {at}"
        if self.high <= self.least:
            # How much it costs cannot be seen at the smallest size.
            fewest = "the fewest that were measured"
            return f"{self.way} is worth no labelled case {at}, {fewest} ({percent} {said})"
        if low == high == "0":
            return f"{self.way} is worth nothing {at} ({percent} {said})"
        middle = self._words(self.worth)
        plural = "" if middle in ("1", "-1") else "s"
        return (
            f"{self.way} is not shown to be worth anything {at}: {middle} labelled case{plural},"
            f" {percent} {said}"
        )

    def to_json(self) -> dict[str, Any]:
        """Give plain values; what is infinite is None beside ``most``."""
        worth, low, high = (
            None if math.isinf(value) else round(value, 2)
            for value in (self.worth, self.low, self.high)
        )
        return {
            "way": self.way,
            "at": self.at,
            "worth": worth,
            "low": low,
            "high": high,
            "level": self.level,
            "least": self.least,
            "most": self.most,
            "n_draws": self.n_draws,
            "sentence": self.sentence,
        }

    def _rounded(self, value: float) -> float:
        return value if math.isinf(value) else math.floor(value + 0.5)

    def _words(self, value: float) -> str:
        if math.isinf(value):
            return f"more than {self.most}"
        # Fewer cases than the smallest size were not tried.
        edge = " or less" if value <= self.least else ""
        return f"{self._rounded(value):.0f}{edge}"


def exchange_rate(
    reference: pd.DataFrame,
    other: pd.DataFrame,
    *,
    way: str,
    at: int,
    level: float = 0.8,
    seed: int = 0,
) -> ExchangeRate:
    """Tell how many labelled cases a way to train is worth.

    The curve of the reference is made to rise (means that fall are pooled) and is read between
    its sizes on the logarithm of the cases. Draws that only one of them has at this size are left
    out, as draws differ more than ways do. The others and the test subjects are resampled for both
    curves at once, so that what they share does not widen the interval; spread that so few draws
    cannot show is added from other curves.

    Parameters
    ----------
    reference, other : DataFrame
        Scores of both, columns as `suffice.forecasting.read_measured` takes them. The same
        ``draw`` must mean the same order of cases. Where no draw is in both at this size, all are
        taken, and the interval is that of strangers.
    way : str
        Name of the other.
    at : int
        A size of both curves.
    level : float
    seed : int

    Raises
    ------
    UsageError
        If a table is none of a curve, or one lacks the size.

    Examples
    --------
    >>> sizes = [2, 4, 8, 16]
    >>> def curve(values): return pd.DataFrame(
    ...     {"n_cases": sizes, "draw": 0, "seed": 0, "value": values})
    >>> rate = exchange_rate(
    ...     curve([0.2, 0.4, 0.6, 0.8]), curve([0.4, 0.6, 0.8, 0.9]), way="transfer", at=4)
    >>> rate.worth
    4.0
    """
    if not 0.0 < level < 1.0:
        raise UsageError("A level lies between 0 and 1", got=f"{level:g}")
    for name, table in (("the reference", reference), (way, other)):
        if at not in set(table.loc[table["value"].notna(), "n_cases"]):
            raise UsageError(f"{name} was not trained with so many cases", got=at)
    reference, other, n_draws = _same_draws(reference, other, at)
    both, n_sizes = _side_by_side(reference, other)
    sizes = both.n_cases[:n_sizes]
    noise = shipped_experience().noise
    spread = Measured(np.append(sizes, float(at)), both.scores).standard_errors(noise)
    means = both.resample(N_RESAMPLES, spread, np.random.default_rng(seed))
    shifts = np.sort([_cases_for(sizes, row[:-1], row[-1]) - at for row in means])
    tail = (1.0 - level) / 2
    low, high = (shifts[round(q * (N_RESAMPLES - 1))] for q in (tail, 1.0 - tail))
    worth = _cases_for(sizes, both.means[:-1], both.means[-1]) - at
    return ExchangeRate(
        way=way,
        at=at,
        worth=worth,
        low=float(min(low, worth)),
        high=float(max(high, worth)),
        level=level,
        least=int(sizes[0]) - at,
        most=int(sizes[-1]) - at,
        n_draws=n_draws,
    )


def _same_draws(
    reference: pd.DataFrame, other: pd.DataFrame, at: int
) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Keep the draws that both have at a size, if any, and of the other no other size."""
    one, two = (table[table["value"].notna()] for table in (reference, other))
    two = two[two["n_cases"] == at]
    shared = set(one.loc[one["n_cases"] == at, "draw"]) & set(two["draw"])
    if shared:
        one, two = (table[table["draw"].isin(shared)] for table in (one, two))
    return one, two, len(shared)


def _side_by_side(reference: pd.DataFrame, other: pd.DataFrame) -> tuple[Measured, int]:
    """Lay both out by the same draws and subjects: the other as one more size, the last."""
    tables = [reference, other]
    if not all(SUBJECT in table.columns for table in tables):
        names = ["n_cases", "draw", "seed"]
        tables = [table.groupby(names)["value"].mean().reset_index() for table in tables]
    n_sizes = len(read_measured(tables[0]).n_cases)
    last = tables[0]["n_cases"].max() + 1
    tables[1] = tables[1].assign(n_cases=last)
    return read_measured(pd.concat(tables, ignore_index=True)), n_sizes


def _cases_for(sizes: FloatArray, values: FloatArray, wanted: float) -> float:
    """Fewest cases with which a rising curve through the values reaches a score."""
    rising = _rising(values)
    if wanted > rising[-1]:
        return math.inf
    above = int(np.argmax(rising >= wanted))
    if above == 0:
        return float(sizes[0])
    low, high = rising[above - 1], rising[above]
    share = (wanted - low) / (high - low)
    between = math.log(sizes[above - 1]) * (1 - share) + math.log(sizes[above]) * share
    # The logarithm and back need not give the size itself.
    return float(sizes[above]) if share == 1.0 else math.exp(between)


def _rising(values: FloatArray) -> FloatArray:
    """Pool neighbours that fall into their mean, until none does."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        mean, count = float(value), 1
        while blocks and blocks[-1][0] > mean:
            before, n = blocks.pop()
            mean, count = (before * n + mean * count) / (n + count), n + count
        blocks.append((mean, count))
    return np.repeat([mean for mean, _ in blocks], [count for _, count in blocks])
