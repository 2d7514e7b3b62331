"""Which metrics to report, and how they are defined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import get_args

from suffice.core import UsageError
from suffice.metrics.catalogue import DEFAULT_METRICS, METRICS, Kind, Metric
from suffice.metrics.policy import EmptyPolicy, cure_for
from suffice.metrics.surface import Definition


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The metrics to report, with all that their values depend on.

    Parameters
    ----------
    names : tuple of str
        Metrics by name, without units, in the order of the rows: see ``METRICS``.
    nsd_tolerance_mm : float
        How far apart two surfaces may be to count as one, in mm (pixels where unknown).
    surface : {'elements', 'voxels'}
        Whether surfaces are made of elements with their own sizes in mm, or of the voxels at
        the border, each counting the same; see `surface_distances`.
    empty : EmptyPolicy
        What a metric is where a mask is empty.

    Raises
    ------
    UsageError
        If a name is unknown or given twice, there is none, the tolerance is below 0, the
        definition is unknown, or accuracy is asked for without Dice beside it.

    Examples
    --------
    >>> Panel.of(["dice", "cldice"]).names
    ('dice', 'cldice')
    >>> Panel(nsd_tolerance_mm=2.0).names == Panel.default().names
    True
    """

    names: tuple[str, ...] = DEFAULT_METRICS
    nsd_tolerance_mm: float = 1.0
    surface: Definition = "elements"
    empty: EmptyPolicy = field(default_factory=EmptyPolicy)

    def __post_init__(self) -> None:
        if not self.names:
            raise UsageError("A panel needs a metric", cure=f"There are {', '.join(METRICS)}.")
        for name in self.names:
            if name not in METRICS:
                raise UsageError(
                    "No metric is called so", got=f"'{name}'", cure=cure_for(name, METRICS)
                )
        if len(set(self.names)) < len(self.names):
            raise UsageError("A panel names a metric once", got=", ".join(self.names))
        if "accuracy" in self.names and "dice" not in self.names:
            raise UsageError(
                "Accuracy says nothing by itself, as the background decides it",
                cure="Ask for dice with it.",
            )
        if not self.nsd_tolerance_mm >= 0:
            raise UsageError("The tolerance must be 0 or more", got=self.nsd_tolerance_mm)
        if self.surface not in get_args(Definition):
            raise UsageError(
                "No definition of surfaces is called so",
                got=f"'{self.surface}'",
                cure=cure_for(self.surface, get_args(Definition)),
            )

    @classmethod
    def default(cls) -> Panel:
        """Return the panel that fits most cohorts."""
        return cls()

    @classmethod
    def full(cls) -> Panel:
        """Return the panel of every metric."""
        return cls(names=tuple(METRICS))

    @classmethod
    def of(cls, names: Iterable[str]) -> Panel:
        """Return the panel of these metrics."""
        return cls(names=tuple(names))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics in order."""
        return tuple(METRICS[name] for name in self.names)

    def needs(self, kind: Kind) -> bool:
        """Whether a metric of this kind is asked for."""
        return any(metric.kind == kind for metric in self.metrics)
