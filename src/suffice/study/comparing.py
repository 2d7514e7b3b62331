"""Which method is better, by how much, and how sure that is: paired by subject."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from suffice.core import UsageError
from suffice.metrics import bootstrap_interval
from suffice.study.paired_tests import holm, sign_flip_p, signed_rank_p
from suffice.study.pairing import FloatArray, Paired, by_subject

DIFFERENCE_COLUMNS = (
    "a",
    "b",
    "label",
    "metric",
    "mean_a",
    "mean_b",
    "difference",
    "low",
    "high",
    "level",
    "effect",
    "n_subjects",
    "n_better",
    "n_equal",
    "n_worse",
    "n_undefined",
    "p_permutation",
    "p_wilcoxon",
    "test",
    "p",
    "p_holm",
    "note",
)

MOST_HOPELESS = 5
"""Up to so many subjects a two-sided test cannot reach 0.05, whatever the difference."""
BY_RANK = "counted by rank and in no mean"


def compare_scores(
    paired: Sequence[Paired],
    *,
    level: float = 0.95,
    n_resamples: int = 9999,
    seed: int,
) -> pd.DataFrame:
    """Compare every two methods on every metric of every structure.

    Parameters
    ----------
    paired : sequence of Paired
        See `suffice.study.pair_scores`.
    level : float
        Coverage of the intervals.
    n_resamples : int
        Draws of the bootstrap, and of the permutation test where it is not exact.
    seed : int

    Returns
    -------
    DataFrame
        A row for each pair of methods, label and metric:

        - ``mean_a``, ``mean_b``, their ``difference`` (a minus b) with the bounds ``low`` and
          ``high`` (BCa over subjects): over the ``n_subjects`` of which both values are finite;
        - ``effect``: mean over standard deviation of the subjects' differences (Cohen's d of
          pairs), positive where a is better;
        - ``n_better``, ``n_equal``, ``n_worse``: subjects on which a is so, infinite values
          included; ``n_undefined``: those among them of which a value is infinite;
        - ``p_permutation`` (sign flips, of the mean) and ``p_wilcoxon`` (signed ranks). ``p`` is
          that of the ``test``: the permutation test, or Wilcoxon's where values are infinite, as
          a miss is worse than any distance and only ranks can say so;
        - ``p_holm``: ``p`` after Holm's correction over all rows of this table.
    """
    rows = [
        _compare(one, i, j, level, n_resamples, seed)
        for one in paired
        for i, j in itertools.combinations(range(len(one.methods)), 2)
    ]
    table = pd.DataFrame(rows, columns=[c for c in DIFFERENCE_COLUMNS if c != "p_holm"])
    table["p_holm"] = holm(table["p"].to_numpy(dtype=np.float64))
    return table[list(DIFFERENCE_COLUMNS)]


def paired_differences(paired: Paired, a: int, b: int) -> FloatArray:
    """Difference between methods number ``a`` and ``b``, a subject each, sorted by name.

    Infinite where one of them missed a structure that the other found; 0 where both did.
    """
    one, other = paired.values[:, a], paired.values[:, b]
    same = one == other
    differences = np.subtract(one, other, out=np.zeros_like(one), where=~same)
    return by_subject(differences, paired.subjects)


def _compare(
    paired: Paired, i: int, j: int, level: float, n_resamples: int, seed: int
) -> dict[str, object]:
    one, other = paired.values[:, i], paired.values[:, j]
    defined = np.isfinite(one) & np.isfinite(other)
    known = [subject for subject, is_so in zip(paired.subjects, defined, strict=True) if is_so]
    gap = bootstrap_interval(
        one[defined] - other[defined], known, level=level, n_resamples=n_resamples, seed=seed
    )
    means = by_subject(paired.values[defined][:, [i, j]], known)
    finite = by_subject(one[defined] - other[defined], known)
    worth = paired.sign * paired_differences(paired, i, j)
    n_undefined = len({s for s, is_so in zip(paired.subjects, defined, strict=True) if not is_so})
    p_permutation = sign_flip_p(finite, n_resamples=n_resamples, seed=seed)
    p_wilcoxon = signed_rank_p(worth)
    test = "wilcoxon" if n_undefined else "permutation"
    return {
        "a": paired.methods[i],
        "b": paired.methods[j],
        "label": paired.label,
        "metric": paired.metric,
        "mean_a": means[:, 0].mean() if len(means) else math.nan,
        "mean_b": means[:, 1].mean() if len(means) else math.nan,
        "difference": gap.mean,
        "low": gap.low,
        "high": gap.high,
        "level": level,
        "effect": paired.sign * _effect(finite),
        "n_subjects": gap.n_subjects,
        "n_better": int((worth > 0).sum()),
        "n_equal": int((worth == 0).sum()),
        "n_worse": int((worth < 0).sum()),
        "n_undefined": n_undefined,
        "p_permutation": p_permutation,
        "p_wilcoxon": p_wilcoxon,
        "test": test,
        "p": p_wilcoxon if n_undefined else p_permutation,
        "note": _notes(gap.reason, len(worth), n_undefined),
    }


def _effect(differences: FloatArray) -> float:
    """Cohen's d of pairs; infinite where every subject differs by the same."""
    if len(differences) < 2:
        return math.nan
    mean, spread = differences.mean(), differences.std(ddof=1)
    if spread > 1e-12 * np.abs(differences).max():
        return float(mean / spread)
    return math.copysign(math.inf, mean) if mean else 0.0


def _notes(reason: str, n_all: int, n_undefined: int) -> str:
    notes = [reason] if reason else []
    least = 2.0 ** (1 - n_all)
    if 0 < n_all <= MOST_HOPELESS:
        notes.append(f"no test of {n_all} paired subjects gives a p below {least:.2g}")
    if n_undefined:
        whom = f"{n_undefined} subject{'s' * (n_undefined != 1)}"
        notes.append(f"{whom} with a missed or false structure, {BY_RANK}")
    return "; ".join(notes)


def significantly_better(
    differences: pd.DataFrame, paired: Paired, *, alpha: float = 0.05
) -> pd.DataFrame:
    """Which method is better than which, after the correction.

    Parameters
    ----------
    differences : DataFrame
        Of `compare_scores`.
    paired : Paired
        The metric and structure to look at.
    alpha : float
        Level of the corrected test.

    Returns
    -------
    DataFrame of bool
        Rows and columns are the methods; true where that of the row is better.
    """
    if not 0 < alpha < 1:
        raise UsageError("The level of a test lies between 0 and 1", got=alpha)
    better = pd.DataFrame(False, index=list(paired.methods), columns=list(paired.methods))
    of_it = (differences["label"] == paired.label) & (differences["metric"] == paired.metric)
    for row in differences[of_it & (differences["p_holm"] < alpha)].to_dict("records"):
        winner, loser = winner_of(row)
        better.loc[winner, loser] = True
    return better


def winner_of(row: Mapping[Any, Any]) -> tuple[str, str]:
    """The better and the worse of the two methods of a row of `compare_scores`."""
    a, b = str(row["a"]), str(row["b"])
    by_rank = float(row["n_better"]) - float(row["n_worse"])
    by_mean = float(row["effect"])
    ahead = by_rank if row["test"] == "wilcoxon" else by_mean
    return (a, b) if ahead >= 0 else (b, a)
