"""Which predicted instance stands for which reference instance, and how many have none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from suffice.core import UsageError
from suffice.metrics.instances import FloatArray, InstanceOverlaps, IntArray

# An IoU is a ratio of whole numbers: what equals the threshold on paper is not above it.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Matching:
    """Pairs of a predicted and a reference instance, each instance in one pair at most.

    Parameters
    ----------
    predicted_index, reference_index : int array of shape (n_matched,)
        Positions in the ids of the `InstanceOverlaps` that were matched.
    iou : float array of shape (n_matched,)
        IoU of each pair.
    n_predicted, n_reference : int
        How many instances there were.
    """

    predicted_index: IntArray
    reference_index: IntArray
    iou: FloatArray
    n_predicted: int
    n_reference: int

    @property
    def n_matched(self) -> int:
        """Number of pairs: true positives."""
        return len(self.iou)


def match_instances(overlaps: InstanceOverlaps, iou_threshold: float = 0.5) -> Matching:
    """Match the instances whose IoU is above a threshold, one to one.

    Parameters
    ----------
    overlaps : InstanceOverlaps
        What the instances share.
    iou_threshold : float
        From 0 (any overlap) to below 1. A pair at exactly the threshold does not match.

    Returns
    -------
    Matching
        From 0.5 upwards there is only one way to match [1]_. Below, several predictions may
        compete; of all ways, the one with the most pairs, then with the largest sum of IoU.

    References
    ----------
    .. [1] Kirillov et al., CVPR 2019, https://arxiv.org/abs/1801.00868

    Examples
    --------
    >>> overlaps = InstanceOverlaps.of(np.array([[1, 1, 2, 2]]), np.array([[0, 4, 4, 4]]))
    >>> [match_instances(overlaps, t).n_matched for t in (0.5, 0.7)]
    [1, 0]
    """
    if not 0 <= iou_threshold < 1:
        raise UsageError("A threshold on IoU must be 0 or more and below 1", got=iou_threshold)
    iou = overlaps.iou
    pairs = np.flatnonzero(iou > iou_threshold + _ROUNDING)
    if iou_threshold < 0.5:
        # The sum of all IoU stays below 1, so that one pair more always weighs more.
        scale = 1.0 + min(overlaps.n_predicted, overlaps.n_reference)
        pairs = best_pairs(overlaps, pairs, 1.0 + iou[pairs] / scale)
    return Matching(
        overlaps.predicted_index[pairs],
        overlaps.reference_index[pairs],
        iou[pairs],
        overlaps.n_predicted,
        overlaps.n_reference,
    )


def best_pairs(overlaps: InstanceOverlaps, pairs: IntArray, weights: FloatArray) -> IntArray:
    """Choose among pairs so that no instance has two and the weights' sum is largest.

    Parameters
    ----------
    overlaps : InstanceOverlaps
        Says which instances a pair joins.
    pairs : int array of shape (n,)
        Positions of the pairs to choose from.
    weights : float array of shape (n,)
        Above 0.

    Returns
    -------
    int array of shape (m,)
        The positions chosen, ascending.

    Notes
    -----
    Each prediction may also stay alone, which weighs nothing. So there always is an assignment
    of all of them, and a sparse solver finds the best one: in tissue where every cell touches
    the next, a table of all pairs would take gigabytes.
    """
    if not len(pairs):
        return pairs
    rows, row_at = np.unique(overlaps.predicted_index[pairs], return_inverse=True)
    columns, column_at = np.unique(overlaps.reference_index[pairs], return_inverse=True)
    n, alone = len(rows), np.arange(len(rows))
    # A weight of 0 would be no entry, so that 1 is added to all.
    table = coo_array(
        (
            np.concatenate([1.0 + weights, np.ones(n)]),
            (np.concatenate([row_at, alone]), np.concatenate([column_at, len(columns) + alone])),
        ),
        shape=(n, len(columns) + n),
    )
    chosen = min_weight_full_bipartite_matching(table.tocsr(), maximize=True)[1]
    # Rows come in order, and each pair is known by its row and column.
    return np.asarray(pairs[column_at == chosen[row_at]])
