"""SIMPLE: a vote in which raters count as much as they agree, and those far off are left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.core import UsageError
from suffice.raters.votes import FloatArray, Masks, Votes, collect_votes

_MOST_ITERATIONS = 100


@dataclass(frozen=True, eq=False, kw_only=True)
class SimpleResult:
    """The consensus of SIMPLE.

    Parameters
    ----------
    raters : tuple of str
    values : tuple of int
        Label value of each class; the first is 0, background.
    weights : float array of shape (n_raters,)
        Agreement of each rater with the consensus: mean Dice over the structures. 0 for those
        left out.
    left_out : tuple of str
        Raters who did not count in the end, in the order in which they were left out.
    n_iterations : int
    converged : bool
        Whether the consensus stood still.
    votes : Votes
    shares : float array of shape (n_patterns, n_classes)
        Share of the weights that each class got.
    """

    raters: tuple[str, ...]
    values: tuple[int, ...]
    weights: FloatArray
    left_out: tuple[str, ...]
    n_iterations: int
    converged: bool
    votes: Votes
    shares: FloatArray

    @property
    def labels(self) -> npt.NDArray[np.uint16]:
        """Label value with the most weight in each voxel; the lowest of those that tie."""
        return self.votes.labels(self.shares.argmax(axis=1))


def simple(
    masks: Masks,
    values: tuple[int, ...] | None = None,
    *,
    alpha: float = 1.0,
    min_raters: int = 3,
) -> SimpleResult:
    """Fuse by selective and iterative voting.

    Parameters
    ----------
    masks : mapping of str to integer array
        Rater to mask, of one shape.
    values : tuple of int, optional
        Label values, background left out; those found, where not given.
    alpha : float
        A rater is left out whose agreement with the consensus lies more than ``alpha`` standard
        deviations below the mean of those who count.
    min_raters : int
        Never fewer than these count.

    Notes
    -----
    After Langerak et al. [1]_: the majority is the first consensus; the raters' Dice with it
    their weights; those far below the mean are left out for good; and so on until the consensus
    stands still. The method was made for dozens of registered atlases. Among a few people
    someone is always the farthest off, hence ``min_raters``.

    References
    ----------
    .. [1] Langerak et al., IEEE TMI 2010, https://doi.org/10.1109/TMI.2010.2057442

    Examples
    --------
    >>> truth = np.zeros((20, 20), dtype=np.uint8)
    >>> truth[5:15, 5:15] = 1
    >>> masks = {"anna": truth, "ben": truth, "cleo": truth, "dan": np.roll(truth, 8, axis=0)}
    >>> simple(masks).left_out
    ('dan',)
    """
    return simple_votes(collect_votes(masks, values), alpha=alpha, min_raters=min_raters)


def simple_votes(votes: Votes, *, alpha: float = 1.0, min_raters: int = 3) -> SimpleResult:
    """Do what `simple` does with votes that were collected before."""
    if not (alpha > 0 and min_raters >= 1):
        raise UsageError(
            "Alpha must be above 0 and at least one rater must count", got=(alpha, min_raters)
        )
    kept = np.ones(len(votes.raters), dtype=bool)
    classes = votes.tallies.argmax(axis=1)
    shares, left_out, converged, iteration = votes.shares, [], False, 0
    while not converged and iteration < _MOST_ITERATIONS:
        agreed = _mean_dice(votes, classes)
        for rater in _far_off(agreed, kept, alpha, min_raters):
            kept[rater] = False
            left_out.append(votes.raters[rater])
        weights = np.where(kept, agreed, 0.0)
        shares = _weighted(votes, weights if weights.any() else kept.astype(np.float64))
        new = shares.argmax(axis=1)
        converged = bool((new == classes).all())
        classes = new
        iteration += 1
    return SimpleResult(
        raters=votes.raters,
        values=votes.values,
        weights=np.where(kept, _mean_dice(votes, classes), 0.0),
        left_out=tuple(left_out),
        n_iterations=iteration,
        converged=converged,
        votes=votes,
        shares=shares,
    )


def _far_off(
    agreed: FloatArray, kept: npt.NDArray[np.bool_], alpha: float, min_raters: int
) -> list[int]:
    bar = agreed[kept].mean() - alpha * agreed[kept].std()
    # A hair of rounding must not part raters who are alike.
    below = [int(i) for i in np.flatnonzero(kept & (agreed < bar - 1e-12))]
    spare = int(kept.sum()) - min_raters
    return sorted(below, key=lambda i: float(agreed[i]))[: max(0, spare)]


def _mean_dice(votes: Votes, classes: npt.NDArray[np.intp]) -> FloatArray:
    """Dice of each rater with a consensus, averaged over the structures that either has."""
    pairs = votes.shared(classes)
    shared = np.diagonal(pairs, axis1=1, axis2=2)[:, 1:]
    total = pairs.sum(axis=1)[:, 1:] + pairs.sum(axis=2)[:, 1:]
    dice = np.divide(2.0 * shared, total, out=np.zeros(shared.shape), where=total > 0)
    n_present = (total > 0).sum(axis=1)
    return np.where(n_present > 0, dice.sum(axis=1) / np.maximum(n_present, 1), 1.0)


def _weighted(votes: Votes, weights: FloatArray) -> FloatArray:
    chosen = votes.table[:, :, None] == np.arange(votes.n_classes)
    return np.asarray(np.einsum("prk,r->pk", chosen, weights) / weights.sum())
