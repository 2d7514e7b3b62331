"""What people know of the price of a labelled case, as `enough` takes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice.core import UsageError
from suffice.forecasting import AnnotationTime, Rates, annotation_time, told_time
from suffice.workflows.annotation_log import read_annotation_log


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """Minutes of a case, prices of an hour and the value of a point, as far as they are known.

    Parameters
    ----------
    time : AnnotationTime, optional
    rates : Rates, optional
    value_a_point : float, optional
        What a point (a hundredth) of the score is worth.
    n_next : int, optional
        Cases that the rule to stop by looks ahead; by default as many as there are.
    """

    time: AnnotationTime | None = None
    rates: Rates | None = None
    value_a_point: float | None = None
    n_next: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        rates = self.rates
        return {
            "minutes_a_case": None if self.time is None else self.time.to_json(),
            "rate_expert": None if rates is None else rates.expert,
            "rate_compute": None if rates is None else rates.compute,
            "currency": None if rates is None else rates.currency,
            "value_a_point": self.value_a_point,
        }


UNPRICED = Priced()
"""Nothing is known: the answer is in cases."""


def read_prices(
    *,
    minutes_a_case: float | None = None,
    annotation_log: Path | None = None,
    rate_expert: float | None = None,
    rate_compute: float | None = None,
    currency: str = "EUR",
    value_a_point: float | None = None,
    n_next: int | None = None,
    level: float = 0.8,
) -> Priced:
    """Gather what is known of prices.

    Parameters
    ----------
    minutes_a_case : float, optional
        As told, or
    annotation_log : Path, optional
        a table to learn them from, see `suffice.workflows.annotation_log`.
    rate_expert, rate_compute : float, optional
        Of an hour of somebody who draws, and of the machine.
    currency : str
    value_a_point : float, optional
    n_next : int, optional
    level : float
        Of intervals.

    Raises
    ------
    SufficeError
        If a number makes no sense, another is needed beside it, or the log cannot be read.
    """
    if minutes_a_case is not None and annotation_log is not None:
        raise UsageError("Tell the minutes of a case or give a log of them, not both")
    time = None if minutes_a_case is None else told_time(minutes_a_case, level=level)
    if annotation_log is not None:
        time = annotation_time(read_annotation_log(annotation_log), level=level)
    rates = None
    if rate_compute is not None and rate_expert is None:
        # Money is what ways are compared in, and drawing would count as free.
        raise UsageError(
            "An hour of the machine has a price, but not one of drawing",
            cure="Give --rate-expert, too; 0 where it costs nothing.",
        )
    if rate_expert is not None:
        rates = Rates(expert=rate_expert, compute=rate_compute or 0.0, currency=currency)
    if rates is not None and time is None:
        raise UsageError(
            "Hours have a price, but nobody knows how many a case takes",
            cure="Give --minutes-a-case or --annotation-log.",
        )
    if value_a_point is not None and (rate_expert is None or not value_a_point > 0):
        raise UsageError(
            "A point of the score is worth more than 0, and an hour of drawing has a price",
            got=f"{value_a_point:g}",
            cure="Give --rate-expert, too.",
        )
    if n_next is not None and n_next < 1:
        raise UsageError("The next cases are 1 or more", got=n_next)
    return Priced(time=time, rates=rates, value_a_point=value_a_point, n_next=n_next)
