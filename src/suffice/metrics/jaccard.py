"""The Aggregated Jaccard Index of instances, as Kumar defined it and with one-to-one pairs."""

from __future__ import annotations

import numpy as np

from suffice.metrics.instances import InstanceOverlaps, IntArray
from suffice.metrics.matching import best_pairs


def aggregated_jaccard(overlaps: InstanceOverlaps) -> float:
    """Aggregated Jaccard Index (AJI).

    Each reference instance takes the prediction with the highest IoU, even one that another
    has taken, which then counts twice. The index is the number of voxels that these pairs
    share, over those in either of each pair and in all predictions never taken.

    Parameters
    ----------
    overlaps : InstanceOverlaps
        What the instances share.

    Returns
    -------
    float
        0 where nothing overlaps; not a number where there is no instance on either side.

    Notes
    -----
    Of predictions with the same IoU, the one that shares most is taken, then the one with the
    lowest value in the map.

    References
    ----------
    .. [1] Kumar et al., IEEE Trans. Med. Imaging 2017, https://doi.org/10.1109/TMI.2017.2677499

    Examples
    --------
    >>> overlaps = InstanceOverlaps.of(np.array([[1, 1, 0, 0]]), np.array([[1, 2, 2, 2]]))
    >>> aggregated_jaccard(overlaps), aggregated_jaccard_plus(overlaps)
    (0.3333333333333333, 0.2)
    """
    order = np.lexsort(
        (overlaps.predicted_index, -overlaps.shared, -overlaps.iou, overlaps.reference_index)
    )
    _, first = np.unique(overlaps.reference_index[order], return_index=True)
    return _aggregate(overlaps, order[first])


def aggregated_jaccard_plus(overlaps: InstanceOverlaps) -> float:
    """Aggregated Jaccard Index with one-to-one pairs (AJI+).

    The pairs with the largest sum of IoU; all other instances add to the union alone.

    References
    ----------
    .. [1] Graham et al., Med. Image Anal. 2019, https://doi.org/10.1016/j.media.2019.101563
    """
    everything = np.arange(len(overlaps.shared))
    return _aggregate(overlaps, best_pairs(overlaps, everything, overlaps.iou))


def _aggregate(overlaps: InstanceOverlaps, pairs: IntArray) -> float:
    taken = np.zeros(overlaps.n_predicted, dtype=bool)
    taken[overlaps.predicted_index[pairs]] = True
    paired = np.zeros(overlaps.n_reference, dtype=bool)
    paired[overlaps.reference_index[pairs]] = True
    union = (
        overlaps.union[pairs].sum()
        + overlaps.predicted_sizes[~taken].sum()
        + overlaps.reference_sizes[~paired].sum()
    )
    return float(overlaps.shared[pairs].sum() / union) if union else float("nan")
