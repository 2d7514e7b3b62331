"""What the ways of a curve are worth in labelled cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from suffice.forecasting import ExchangeRate, exchange_rate
from suffice.study.curve_design import USUAL
from suffice.workflows.curve_scores import curve_scores
from suffice.workflows.curving import Curve
from suffice.workflows.targets import Target
from suffice.workflows.ways import UNAUGMENTED, Way

_DRAW = ["draw", "seed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What one way is worth by the metric of a target, at every size that it can be told at.

    ``problem`` is why there are no ``rates``, ``doubt`` what may make them too good.
    """

    rung: str
    way: Way
    target: Target
    rates: tuple[ExchangeRate, ...]
    problem: str = ""
    doubt: str = ""

    @property
    def said(self) -> ExchangeRate | None:
        """The rate at the largest size beyond which as many cases again were measured."""
        roomy = [rate for rate in self.rates if rate.most >= rate.at]
        chosen = roomy or self.rates[:1]
        return chosen[-1] if chosen else None

    @property
    def sentence(self) -> str:
        """The answer in words."""
        by = f"By {self.target.measure} with {self.rung}, "
        if self.said is None:
            return f"{by}nothing is known of what {self.way.words} is worth: {self.problem}"
        return f"{by}{self.said.sentence}.{self.doubt and f' {self.doubt}'}"

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return {
            "rung": self.rung,
            "way": self.way.name,
            "label": self.target.label,
            "metric": self.target.metric,
            "sentence": self.sentence,
            "rates": [rate.to_json() for rate in self.rates],
        }


def worth_of(
    curve: Curve, rung: str, way: Way, target: Target, *, level: float, seed: int
) -> Worth:
    """Tell what a way is worth: that without augmentation tells what augmentation is worth.

    Parameters
    ----------
    curve : Curve
        Holds the usual way, too.
    rung : str
    way : Way
        Another one than the usual.
    target : Target
        Its label and metric are looked at; how much is wanted is not.
    level : float
        How often intervals are to hold the truth.
    seed : int
        Of the resamples.
    """
    label, metric = target.label, target.metric
    # Where nobody who is scored has the structure, a training has no score.
    usual, mine = (
        curve_scores(curve, rung, label, metric, way=name).dropna(subset="value")
        for name in (USUAL, way.name)
    )
    usual, mine = _same_draws(usual, mine)
    reference, other = (mine, usual) if way.kind == UNAUGMENTED else (usual, mine)
    sizes = sorted(set(reference["n_cases"]) & set(other["n_cases"]))
    if reference["n_cases"].nunique() < 2:
        notes = curve.table[(curve.table["rung"] == rung) & (curve.table["way"] == way.name)][
            "note"
        ]
        return Worth(
            rung=rung,
            way=way,
            target=target,
            rates=(),
            problem=next((note for note in notes if note), "Fewer than two sizes were trained."),
        )
    rates = tuple(
        exchange_rate(reference, other, way=way.words, at=int(at), level=level, seed=seed)
        for at in sizes
        if at < reference["n_cases"].max()
    )
    doubt = ""
    if way.may_know:
        doubt = "Its weights may have learned from masks of these subjects, and be worth less."
    return Worth(rung=rung, way=way, target=target, rates=rates, doubt=doubt)


def _same_draws(one: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the draws of both, as draws differ more than ways do."""
    both = one[_DRAW].drop_duplicates().merge(other[_DRAW].drop_duplicates())
    return one.merge(both), other.merge(both)
