"""Ranks of methods, and how they would change with other subjects of the same kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from suffice.core import UsageError
from suffice.study.pairing import FloatArray, Paired, by_subject

RANKING_COLUMNS = (
    "label",
    "metric",
    "method",
    "rank",
    "rank_low",
    "rank_high",
    "p_first",
    "by",
    "score",
    "tau",
    "n_subjects",
)
RankBy = Literal["mean", "median", "rank"]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Methods in order, and the orders that other draws of the subjects give.

    Parameters
    ----------
    label, metric : str
    methods : tuple of str
        As given, not sorted by rank.
    by : str
        ``mean`` or ``median`` of the subjects' values, or the mean of the methods' ranks on each
        subject (``rank``).
    scores : float array of shape (n_methods,)
        What they are ranked by.
    ranks : int array of shape (n_methods,)
        1 is best; methods that are equal share the better rank.
    resampled : int array of shape (n_resamples, n_methods)
        Ranks on each bootstrap draw of the subjects.
    tau : float array of shape (n_resamples,)
        Kendall's tau-b between the ranking and each of those: 1 the same, -1 reversed; not a
        number where all methods tie.
    n_subjects : int
    """

    label: str
    metric: str
    methods: tuple[str, ...]
    by: RankBy
    scores: FloatArray
    ranks: IntArray
    resampled: IntArray
    tau: FloatArray
    n_subjects: int

    @property
    def shares(self) -> FloatArray:
        """Share of the draws (n_methods, n_methods) that give a method (row) a rank (column)."""
        ranks = np.arange(1, len(self.methods) + 1)
        return np.asarray((self.resampled[:, :, None] == ranks).mean(0))

    @property
    def p_first(self) -> FloatArray:
        """Share of the draws in which each method is best or shares the first rank."""
        return np.asarray(self.shares[:, 0])

    def rank_range(self, level: float) -> tuple[IntArray, IntArray]:
        """Bounds between which each method's rank lies in a share ``level`` of the draws."""
        tail = (1 - level) / 2
        low = np.quantile(self.resampled, tail, axis=0, method="inverted_cdf")
        high = np.quantile(self.resampled, 1 - tail, axis=0, method="inverted_cdf")
        return low.astype(np.int64), high.astype(np.int64)

    @property
    def mean_tau(self) -> float:
        """Mean of Kendall's tau over the draws where it is defined."""
        known = self.tau[~np.isnan(self.tau)]
        return float(known.mean()) if known.size else float("nan")

    def table(self, level: float = 0.95) -> pd.DataFrame:
        """A row a method, the best first; ``tau`` is the mean over the draws."""
        low, high = self.rank_range(level)
        table = pd.DataFrame(
            {
                "label": self.label,
                "metric": self.metric,
                "method": self.methods,
                "rank": self.ranks,
                "rank_low": low,
                "rank_high": high,
                "p_first": self.p_first,
                "by": self.by,
                "score": self.scores,
                "tau": self.mean_tau,
                "n_subjects": self.n_subjects,
            },
            columns=list(RANKING_COLUMNS),
        )
        return table.sort_values("rank", kind="stable", ignore_index=True)


def rank_methods(
    paired: Paired, *, by: RankBy | None = None, n_resamples: int = 2000, seed: int
) -> Ranking:
    """Rank methods on one metric of one structure, and see how stable that is.

    Parameters
    ----------
    paired : Paired
        See `suffice.study.pair_scores`.
    by : {"mean", "median", "rank"}, optional
        Aggregate, then rank; or rank on each subject, then aggregate. By default the mean, and
        the ranks where a value is infinite, as no mean holds a miss.
    n_resamples : int
        Bootstrap draws of whole subjects.
    seed : int

    Raises
    ------
    UsageError
        If ``by`` is not known, or a mean is asked for where a value is infinite.

    References
    ----------
    .. [1] Wiesenfarth et al., Sci. Rep. 2021, https://doi.org/10.1038/s41598-021-82017-6
    """
    worth = by_subject(paired.sign * paired.values, paired.subjects)
    chosen = _chosen(by, worth, paired)
    n_subjects, n_methods = worth.shape
    source = -ranks_of(worth).astype(np.float64) if chosen == "rank" else worth
    rng = np.random.default_rng(seed)
    drawn = np.empty((n_resamples, n_methods))
    for i in range(n_resamples):
        drawn[i] = _aggregate(source[rng.integers(0, n_subjects, n_subjects)], chosen)
    resampled = ranks_of(drawn)
    overall = _aggregate(source, chosen)
    ranks = ranks_of(overall)
    shown = -overall if chosen == "rank" else paired.sign * overall
    return Ranking(
        label=paired.label,
        metric=paired.metric,
        methods=paired.methods,
        by=chosen,
        scores=shown,
        ranks=ranks,
        resampled=resampled,
        tau=kendall_tau(ranks, resampled),
        n_subjects=n_subjects,
    )


def _chosen(by: RankBy | None, worth: FloatArray, paired: Paired) -> RankBy:
    if by is not None and by not in get_args(RankBy):
        raise UsageError("Methods are ranked by", got=by, expected=", ".join(get_args(RankBy)))
    if not len(worth):
        raise UsageError(f"No case is left to rank methods by {paired.metric} of '{paired.label}'")
    has_misses = bool(np.isinf(worth).any())
    if by == "mean" and has_misses:
        raise UsageError(
            f"No mean of {paired.metric} can rank '{paired.label}', as values are infinite",
            cure="Rank by median or by rank, where a miss is worse than any distance.",
        )
    return by or ("rank" if has_misses else "mean")


def _aggregate(values: FloatArray, by: RankBy) -> FloatArray:
    if by != "median":
        return np.asarray(values.mean(axis=0))
    ordered = np.sort(values, axis=0)
    low, high = ordered[(len(values) - 1) // 2], ordered[len(values) // 2]
    # Halfway between a number and a miss lies the miss.
    is_number = np.isfinite(low) & np.isfinite(high)
    middle = np.add(low, high, out=2 * low, where=is_number) / 2
    return np.asarray(middle)


def ranks_of(worth: FloatArray) -> IntArray:
    """Ranks along the last axis by what methods are worth, 1 the best; ties share the better.

    Examples
    --------
    >>> ranks_of(np.array([0.8, 0.9, 0.8])).tolist()
    [2, 1, 2]
    """
    # Means of the same numbers in another order differ in the last digits.
    ranks: IntArray = rankdata(-np.round(worth, 12), method="min", axis=-1).astype(np.int64)
    return ranks


def kendall_tau(ranks: IntArray, others: IntArray) -> FloatArray:
    """Kendall's tau-b between one ranking and many.

    Parameters
    ----------
    ranks : int array of shape (n_methods,)
    others : int array of shape (n, n_methods)

    Returns
    -------
    float array of shape (n,)
        Not a number where one of the two has nothing but ties.
    """
    one, other = np.triu_indices(len(ranks), 1)
    here = np.sign(ranks[one] - ranks[other]).astype(np.float64)
    there = np.sign(others[:, one] - others[:, other]).astype(np.float64)
    untied = np.sqrt((here != 0).sum() * (there != 0).sum(1))
    tau = np.full(len(others), np.nan)
    return np.asarray(np.divide(there @ here, untied, out=tau, where=untied > 0))
