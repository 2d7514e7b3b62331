"""Lower bounds that hold as often as they say, whatever the regression is worth."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from suffice.core import UsageError

LEVELS = (0.8, 0.9)
"""How often the bounds that we give must hold."""

_ROUNDING = 1e-9


def least_subjects(level: float) -> int:
    """Fewest held-back subjects with which a bound of this level exists: 1 / (1 - level) - 1.

    Examples
    --------
    >>> least_subjects(0.9), least_subjects(0.8), least_subjects(0.95)
    (9, 4, 19)
    """
    if not 0 < level < 1:
        raise UsageError("The level of a bound must lie between 0 and 1", got=level)
    return math.ceil(1 / (1 - level) - 1 - _ROUNDING)


def lower_bound(values: npt.ArrayLike, subjects: Sequence[str], level: float) -> float | None:
    """Find what a new value exceeds with probability ``level``, if it is one of a kind with these.

    Parameters
    ----------
    values : array of shape (n_cases,)
        For held-back cases, what the new one would be were its error theirs.
    subjects : sequence of str
        Of each case. Subjects are exchangeable, visits of one are not: each subject has the same
        weight, shared by its cases.
    level : float

    Returns
    -------
    float or None
        ``None`` where there are too few subjects, see `least_subjects`.

    Notes
    -----
    With a case a subject this is the k-th smallest of n values, k = floor((1 - level)(n + 1)),
    the quantile of conformal prediction [1]_ [2]_; the new case itself counts as one of n + 1.
    With several cases a subject it is the hierarchical form [3]_.

    References
    ----------
    .. [1] Vovk, Gammerman and Shafer, Springer 2005, https://doi.org/10.1007/b106715
    .. [2] Lei et al., J. Am. Stat. Assoc. 2018, https://doi.org/10.1080/01621459.2017.1307116
    .. [3] Lee, Barber and Willett, 2023, https://arxiv.org/abs/2306.06342

    Examples
    --------
    >>> lower_bound([0.9, 0.7, 0.8, 0.6], list("abcd"), 0.8)
    0.6
    >>> lower_bound([0.9, 0.7, 0.8, 0.6], list("abcd"), 0.9) is None
    True
    """
    numbers = np.asarray(values, dtype=np.float64)
    counts = Counter(subjects)
    if len(counts) < least_subjects(level):
        return None
    weights = np.array([1 / (counts[s] * (len(counts) + 1)) for s in subjects])
    order = np.argsort(-numbers, kind="stable")
    reached = np.cumsum(weights[order]) >= level - _ROUNDING
    return float(numbers[order][int(reached.argmax())])
