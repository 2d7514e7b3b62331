"""Whether the test set can tell the target from where the model stands."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import stdtrit

from suffice.core import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a test set of so many subjects can tell.

    Parameters
    ----------
    n_test : int
        Test subjects.
    sd : float
        Standard deviation of a subject's score.
    half_width : float
        Half the 95 % interval of their mean.
    apart : float
        How far the target lies above the score now.
    n_needed : int
        Test subjects with which the interval is narrower than that; 0 where the target is reached.
    """

    n_test: int
    sd: float
    half_width: float
    apart: float
    n_needed: int

    @property
    def is_enough(self) -> bool:
        """Whether the target lies outside the interval of the score now."""
        return self.half_width < abs(self.apart)

    @property
    def sentence(self) -> str:
        """The same in words."""
        subjects = f"{self.n_test} test subjects"
        text = f"{subjects} tell the mean to within {self.half_width:.3f} (95 %)"
        if self.is_enough or self.apart <= 0:
            return f"{text}."
        return (
            f"{text}, and the target is {self.apart:.3f} away: too few to tell that it is "
            f"reached; {self.n_needed} would."
        )


_LEVEL = 0.95
_MOST = 100_000


def resolve_target(target: float, now: float, *, n_test: int, sd: float) -> Resolution:
    """Say whether a test set resolves a target.

    Parameters
    ----------
    target, now : float
        Scores.
    n_test : int
        Test subjects, 2 or more.
    sd : float
        Standard deviation of their scores.

    Examples
    --------
    >>> found = resolve_target(0.90, 0.87, n_test=16, sd=0.08)
    >>> round(found.half_width, 3), found.is_enough, found.n_needed
    (0.043, False, 30)
    """
    if n_test < 2 or not (math.isfinite(sd) and sd >= 0):
        raise UsageError(
            "A test set is judged by 2 subjects or more and the spread of their scores",
            got=f"{n_test} with a standard deviation of {sd:g}",
        )
    apart = target - now
    needed = 0
    if apart > 0:
        needed = 2
        while half_width(needed, sd) >= apart and needed < _MOST:
            needed += max(1, needed // 100)
    return Resolution(
        n_test=n_test, sd=sd, half_width=half_width(n_test, sd), apart=apart, n_needed=needed
    )


def half_width(n_test: int, sd: float, level: float = _LEVEL) -> float:
    """Half of Student's interval of a mean.

    Examples
    --------
    >>> round(half_width(20, 0.05), 4)
    0.0234
    """
    return -float(stdtrit(n_test - 1, (1 - level) / 2)) * sd / math.sqrt(n_test)
