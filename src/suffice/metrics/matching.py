"""Which predicted instance stands for which reference instance, and how many have none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

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
    Instances that no chain of pairs links do not compete. So each linked group is a small
    problem of its own, solved by `scipy.optimize.linear_sum_assignment`.
    """
    rows, columns = overlaps.predicted_index[pairs], overlaps.reference_index[pairs]
    groups = _groups(rows, columns + overlaps.n_predicted)
    order = np.argsort(groups, kind="stable")
    bounds = np.flatnonzero(np.diff(groups[order])) + 1
    chosen = [np.zeros(0, dtype=np.int64)]
    for group in np.split(order, bounds):
        if len(group) > 1:
            group = group[_assign(rows[group], columns[group], weights[group])]
        chosen.append(pairs[group])
    return np.sort(np.concatenate(chosen))


def _groups(one: IntArray, other: IntArray) -> npt.NDArray[np.integer]:
    """Group of each pair; pairs that share an instance, even through others, are in one."""
    n = int(max(one.max(initial=-1), other.max(initial=-1))) + 1
    graph = coo_array((np.ones(len(one), dtype=bool), (one, other)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1][one])


def _assign(rows: IntArray, columns: IntArray, weights: FloatArray) -> IntArray:
    _, row_at = np.unique(rows, return_inverse=True)
    _, column_at = np.unique(columns, return_inverse=True)
    shape = row_at.max() + 1, column_at.max() + 1
    table, pair_at = np.zeros(shape), np.full(shape, -1)
    table[row_at, column_at] = weights
    pair_at[row_at, column_at] = np.arange(len(rows))
    found = pair_at[linear_sum_assignment(table, maximize=True)]
    return np.asarray(found[found >= 0])
