"""How far off the volume of a predicted mask may be, by the errors on held-back cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.core import UsageError
from suffice.quality.conformal import LEVELS, least_subjects, lower_bound

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VolumeInterval:
    """Where the true volume lies, in the unit of the predicted one; ``high`` may be infinite."""

    low: float
    high: float
    level: float


@dataclass(frozen=True, eq=False)
class VolumeErrors:
    """Volumes of one structure in held-back cases, as predicted and as drawn.

    Parameters
    ----------
    predicted, drawn : float array of shape (n_cases,)
        In one unit. The model that predicted a case must not have learned from its subject.
    subjects : sequence of str
        Of each case.

    Notes
    -----
    A new case errs as one of the held-back ones did, and any of them is as likely: what is
    exchanged is r = log(drawn / predicted), so that errors are in proportion to the size. For a
    predicted volume V the interval of level 1 - a is

        V exp(q(a / 2))  to  V exp(q(1 - a / 2)),

    with the conformal quantiles of `lower_bound`, which hold for any finite number of cases
    [1]_ [2]_; a model that draws too little is corrected for that. Each tail takes 2 / a - 1
    subjects, 19 for 90 %. With fewer, V exp(-q) to V exp(q) with the quantile of abs(r) takes
    1 / a - 1, 9 for 90 %, and is wide where the model errs to one side. Which of the two depends on
    the number of subjects alone, so the level holds for both.

    The level is that over all cases of the kind, not for small and large structures apart.
    Cases in which nothing was predicted say nothing of those in which something was, and are
    left out.

    References
    ----------
    .. [1] Lei et al., J. Am. Stat. Assoc. 2018, https://doi.org/10.1080/01621459.2017.1307116
    .. [2] Lee, Barber and Willett, 2023, https://arxiv.org/abs/2306.06342

    Examples
    --------
    >>> errors = VolumeErrors(np.full(9, 10.0), np.linspace(8.0, 12.0, 9), list("abcdefghi"))
    >>> interval = errors.interval(20.0)
    >>> round(interval.low, 1), round(interval.high, 1), interval.level
    (16.0, 25.0, 0.9)
    """

    predicted: FloatArray
    drawn: FloatArray
    subjects: Sequence[str]

    def __post_init__(self) -> None:
        if not len(self.predicted) == len(self.drawn) == len(self.subjects):
            raise UsageError(
                "Every held-back case has a predicted volume, a drawn one and a subject",
                got=(len(self.predicted), len(self.drawn), len(self.subjects)),
            )

    def without(self, subject: str) -> VolumeErrors:
        """Return the errors on all other subjects, to judge a held-back case itself."""
        others = np.array([s != subject for s in self.subjects], dtype=bool)
        kept = [s for s in self.subjects if s != subject]
        return VolumeErrors(self.predicted[others], self.drawn[others], kept)

    @property
    def n_subjects(self) -> int:
        """Subjects with at least one case in which something was predicted."""
        return len(set(self._log_ratios[1]))

    def interval(self, volume: float, level: float | None = None) -> VolumeInterval | None:
        """Say where the true volume lies, where the model says ``volume``.

        Parameters
        ----------
        volume : float
            Above 0.
        level : float, optional
            By default the highest of `LEVELS` that the number of subjects allows.

        Returns
        -------
        VolumeInterval or None
            ``None`` where there are too few subjects.
        """
        if not volume > 0:
            raise UsageError("Only a predicted volume above 0 has an interval", got=volume)
        ratios, subjects = self._log_ratios
        if level is None:
            allowed = [each for each in LEVELS if len(set(subjects)) >= least_subjects(each)]
            if not allowed:
                return None
            level = max(allowed)
        tail = (1 + level) / 2
        low, high = lower_bound(ratios, subjects, tail), lower_bound(-ratios, subjects, tail)
        if low is None or high is None:
            low = high = lower_bound(-np.abs(ratios), subjects, level)
        if low is None or high is None:
            return None
        return VolumeInterval(float(volume * np.exp(low)), float(volume * np.exp(-high)), level)

    @property
    def _log_ratios(self) -> tuple[FloatArray, list[str]]:
        there = self.predicted > 0
        with np.errstate(divide="ignore"):
            ratios = np.log(self.drawn[there] / self.predicted[there])
        return ratios, [s for s, known in zip(self.subjects, there, strict=True) if known]
