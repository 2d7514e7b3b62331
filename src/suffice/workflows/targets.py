"""Targets: the scores that are wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass

from suffice.core import Legend, UsageError
from suffice.metrics import METRICS
from suffice.report.words import metric_words
from suffice.study import MEAN

_TARGET = re.compile(r"(?:(?P<label>.+):)?(?P<metric>\w+)=(?P<value>[0-9.]+%?)")


@dataclass(frozen=True, slots=True)
class Target:
    """A score that is wanted of a structure, or of the mean of all."""

    label: str
    metric: str
    value: float

    @property
    def words(self) -> str:
        """For a sentence, e.g. ``Dice 0.9`` or ``NSD 0.95 of lung``."""
        of = "" if self.label == MEAN else f" of {self.label}"
        return f"{metric_words(self.metric).title} {self.value:g}{of}"

    @property
    def measure(self) -> str:
        """What is measured, e.g. ``Dice`` or ``NSD of lung``."""
        of = "" if self.label == MEAN else f" of {self.label}"
        return f"{metric_words(self.metric).title}{of}"


def parse_target(text: str, legend: Legend) -> Target:
    """Read a target from the command line.

    Parameters
    ----------
    text : str
        ``METRIC=VALUE`` or ``LABEL:METRIC=VALUE``; a metric whose values lie between 0 and 1 and
        of which more is better.
    legend : Legend

    Raises
    ------
    UsageError
        If it cannot be read, or there is no such metric or structure.

    Examples
    --------
    >>> legend = Legend.from_names({1: "left lung"})
    >>> parse_target("dice=0.9", legend), parse_target("left lung:nsd=95%", legend)
    (Target(label='mean', metric='dice', value=0.9), Target(label='left lung', metric='nsd', \
value=0.95))
    """
    found = _TARGET.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            "A target cannot be read", got=f"'{text}'", expected="dice=0.90 or LABEL:nsd=0.95"
        )
    label, metric, number = found["label"] or MEAN, found["metric"], found["value"]
    known = METRICS.get(metric)
    if known is None or known.unit != "share" or known.better != "higher":
        raise UsageError(
            "No target can be set in this metric",
            got=metric,
            expected=", ".join(
                m for m, one in METRICS.items() if (one.unit, one.better) == ("share", "higher")
            ),
        )
    if label not in (MEAN, *legend.names):
        raise UsageError("There is no such structure", got=label, expected=", ".join(legend.names))
    try:
        value = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0.0 < value < 1.0:
        raise UsageError("A target lies between 0 and 1", got=number)
    return Target(label, metric, value)
