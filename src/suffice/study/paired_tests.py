"""Tests of paired differences: sign flips, signed ranks, and Holm's correction."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata, wilcoxon

from suffice.core import UsageError

FloatArray = npt.NDArray[np.float64]

EXACT_SUBJECTS = 16
"""Up to so many subjects every one of the 2 to the n sign flips is tried."""
# Sums that differ by less are the same one, summed in another order.
_ROUNDING = 1e-12
_BATCH_VALUES = 4_000_000


def sign_flip_p(differences: npt.ArrayLike, *, n_resamples: int = 9999, seed: int) -> float:
    """Two-sided permutation test of a mean paired difference.

    Where methods do not differ, each subject's difference could as well have the other sign.

    Parameters
    ----------
    differences : float array of shape (n_subjects,)
        Finite.
    n_resamples : int
        Sign flips drawn where there are more than `EXACT_SUBJECTS` subjects.
    seed : int

    Returns
    -------
    float
        Share of the sign flips whose mean is as far from 0 as the one seen, which counts as one
        of those drawn, so that p is never 0 [1]_; not a number without a subject.

    References
    ----------
    .. [1] Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 2010, https://doi.org/10.2202/1544-6115.1585

    Examples
    --------
    >>> sign_flip_p([0.1, 0.2, 0.3, 0.1, 0.2], seed=0)
    0.0625
    """
    values = np.asarray(differences, dtype=np.float64)
    _require_finite(values)
    n = len(values)
    if not n:
        return math.nan
    far = abs(values.sum()) - _ROUNDING * np.abs(values).sum()
    if n <= EXACT_SUBJECTS:
        # A flip of all signs is as far from 0: half of them say it all.
        sums = values[:1]
        for value in values[1:]:
            sums = np.concatenate([sums + value, sums - value])
        return float((np.abs(sums) >= far).mean())
    rng = np.random.default_rng(seed)
    each = max(1, _BATCH_VALUES // n)
    as_far = 0
    for start in range(0, n_resamples, each):
        coins = rng.integers(0, 2, (min(each, n_resamples - start), n), dtype=np.int8)
        signs = 1.0 - 2.0 * coins
        as_far += int((np.abs(signs @ values) >= far).sum())
    return (as_far + 1) / (n_resamples + 1)


def signed_rank_p(differences: npt.ArrayLike) -> float:
    """Two-sided signed-rank test of Wilcoxon; differences of 0 are dropped.

    Parameters
    ----------
    differences : float array of shape (n_subjects,)
        Infinite ones have the highest rank.

    Returns
    -------
    float
        Exact up to `EXACT_SUBJECTS` subjects, with ties too; not a number without a subject.
    """
    values = np.asarray(differences, dtype=np.float64)
    if np.isnan(values).any():
        raise UsageError("A test of ranks needs differences", got="not a number")
    if not len(values):
        return math.nan
    values = values[values != 0]
    if not len(values):
        return 1.0
    ranks = rankdata(_rounded(np.abs(values))) * np.sign(values)
    if len(ranks) <= EXACT_SUBJECTS:
        return sign_flip_p(ranks, seed=0)
    return float(wilcoxon(ranks).pvalue)


def _rounded(sizes: FloatArray) -> FloatArray:
    """Make sizes equal that differ by rounding only: 0.3 - 0.2 and 0.2 - 0.1 are a tie."""
    finite = sizes[np.isfinite(sizes)]
    if not finite.size or not finite.max():
        return sizes
    decimals = 12 - math.ceil(math.log10(finite.max()))
    return np.round(sizes, min(decimals, 300))


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Correct p-values of a family so that the chance of any false one stays below the level.

    Parameters
    ----------
    p_values : float array of shape (n,)
        Those that are not numbers stay so and are not in the family.

    References
    ----------
    .. [1] Holm, Scand. J. Stat. 1979, https://www.jstor.org/stable/4615733

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    if ((p[known] < 0) | (p[known] > 1)).any():
        raise UsageError("A p-value lies between 0 and 1", got=p[known].tolist())
    order = known[np.argsort(p[known], kind="stable")]
    corrected = np.full(len(p), np.nan)
    times = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * times), 1)
    return corrected


def _require_finite(values: FloatArray) -> None:
    if values.ndim != 1 or not np.isfinite(values).all():
        raise UsageError(
            "A test of means needs one finite difference a subject",
            got=values[~np.isfinite(values)][:3].tolist() or values.shape,
            cure="Use the test of ranks, which takes infinite ones.",
        )
