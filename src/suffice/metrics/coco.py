"""COCO's average precision of instances with confidences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from suffice.core import UsageError
from suffice.metrics.detection import IOU_THRESHOLDS
from suffice.metrics.instances import FloatArray, InstanceOverlaps

BoolArray = npt.NDArray[np.bool_]

_RECALLS = np.linspace(0.0, 1.0, 101)


def coco_precision(
    cases: Iterable[tuple[InstanceOverlaps, npt.ArrayLike]],
    iou_thresholds: Sequence[float] = IOU_THRESHOLDS,
    *,
    max_detections: int | None = None,
) -> float:
    """Average precision over all cases together, as COCO computes it.

    At each threshold predictions take, from the most confident on, the free reference instance
    of the highest IoU (at least the threshold). Precision is averaged over 101 values of
    recall, then over the thresholds.

    Parameters
    ----------
    cases : iterable of (InstanceOverlaps, array of shape (n_predicted,))
        For each case what the instances share, and the confidence of each predicted instance
        in the order of ``predicted_ids``.
    iou_thresholds : sequence of float
        ``(0.5,)`` for AP50; by default 0.5, 0.55 ... 0.95, for COCO's headline.
    max_detections : int, optional
        The most confident predictions of a case that count; COCO takes 100, which leaves out
        most nuclei of a large picture. All by default.

    Returns
    -------
    float
        0 where nothing was predicted; not a number where no case has a reference instance
        (COCO: -1), even if there are predictions.

    Notes
    -----
    Equal to ``pycocotools.cocoeval`` on the same masks, but in 2D and 3D and without tables of
    all pairs. For several structures, COCO averages the values of each.

    References
    ----------
    .. [1] Lin et al., ECCV 2014, https://arxiv.org/abs/1405.0312

    Examples
    --------
    >>> overlaps = InstanceOverlaps.of(np.array([[1, 1, 0, 2]]), np.array([[4, 4, 0, 0]]))
    >>> coco_precision([(overlaps, [0.9, 0.8])]), coco_precision([(overlaps, [0.8, 0.9])])
    (1.0, 0.5)
    """
    thresholds = np.minimum(np.asarray(iou_thresholds, dtype=np.float64), 1 - 1e-10)
    confidences, hits, n_reference = [], [], 0
    for overlaps, values in cases:
        ranked = _by_confidence(overlaps, values)[:max_detections]
        confidences.append(np.asarray(values, dtype=np.float64)[ranked])
        hits.append(_hits(overlaps, ranked, thresholds))
        n_reference += overlaps.n_reference
    if not n_reference:
        return float("nan")
    order = np.argsort(-np.concatenate(confidences), kind="stable")
    pooled = np.concatenate(hits, axis=1)[:, order]
    return float(np.mean([_average(hit, n_reference) for hit in pooled]))


def _by_confidence(
    overlaps: InstanceOverlaps, confidences: npt.ArrayLike
) -> npt.NDArray[np.integer]:
    values = np.asarray(confidences, dtype=np.float64)
    if values.shape != (overlaps.n_predicted,) or not np.isfinite(values).all():
        raise UsageError(
            "Every predicted instance needs a finite confidence",
            got=f"{values.shape}",
            expected=f"{(overlaps.n_predicted,)}, in the order of predicted_ids",
        )
    return np.argsort(-values, kind="stable")


def _hits(
    overlaps: InstanceOverlaps, ranked: npt.NDArray[np.integer], thresholds: FloatArray
) -> BoolArray:
    """Whether each ranked prediction finds an instance, of shape (n_thresholds, n_ranked)."""
    order = np.argsort(overlaps.predicted_index, kind="stable")
    bounds = np.searchsorted(overlaps.predicted_index[order], np.arange(overlaps.n_predicted + 1))
    iou = overlaps.iou
    hits = np.zeros((len(thresholds), len(ranked)), dtype=bool)
    free = np.ones((len(thresholds), overlaps.n_reference), dtype=bool)
    for rank, predicted in enumerate(ranked):
        pairs = order[bounds[predicted] : bounds[predicted + 1]]
        pairs = pairs[iou[pairs] >= thresholds.min()]
        # Of equal ones COCO takes the last.
        for pair in pairs[np.lexsort((-overlaps.reference_index[pairs], -iou[pairs]))]:
            reference = overlaps.reference_index[pair]
            found = (iou[pair] >= thresholds) & free[:, reference] & ~hits[:, rank]
            free[found, reference] = False
            hits[found, rank] = True
    return hits


def _average(hits: BoolArray, n_reference: int) -> float:
    """Average the precision, made non-increasing, over 101 values of recall."""
    if not hits.size:
        return 0.0
    found = np.cumsum(hits)
    recall = found / n_reference
    precision = found / (np.arange(len(hits)) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, _RECALLS, side="left")
    return float(np.where(at < len(hits), np.append(precision, 0.0)[at], 0.0).mean())
