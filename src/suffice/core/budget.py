"""How long a training may take."""

from __future__ import annotations

import math
from dataclasses import dataclass

from suffice.core.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Wall-clock minutes for fitting a segmenter, calibration and preprocessing included.

    Examples
    --------
    >>> Budget(minutes=2).seconds
    120.0
    """

    minutes: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.minutes) and self.minutes > 0):
            raise UsageError(
                "A budget must be a positive number of minutes",
                got=self.minutes,
                cure="Give --minutes 10, or less for a quick look.",
            )

    @property
    def seconds(self) -> float:
        """The budget in seconds."""
        return self.minutes * 60.0
