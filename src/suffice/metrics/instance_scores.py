"""Every instance metric of one structure of one case, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.core import GeometryError, Grid, UsageError
from suffice.metrics.instance_values import INSTANCE_METRICS, instance_values
from suffice.metrics.instances import InstanceOverlaps
from suffice.metrics.score import Score


def score_instances(
    predicted: npt.NDArray[np.integer[Any]],
    reference: npt.NDArray[np.integer[Any]],
    grid: Grid,
    *,
    label: str = "instances",
    metrics: Sequence[str] = INSTANCE_METRICS,
    smallest_voxels: int = 1,
) -> list[Score]:
    """Score a map of predicted instances against a reference map.

    Parameters
    ----------
    predicted, reference : integer array of the shape of ``grid``
        A value for each instance, 0 for background. Number the connected components of a mask
        with `components` where nobody told the instances apart.
    grid : Grid
        Which both maps must fit.
    label : str
        Structure that the instances are of.
    metrics : sequence of str
        Names from ``INSTANCE_METRICS``.
    smallest_voxels : int
        Instances with fewer voxels are left out of both maps.

    Returns
    -------
    list of Score
        Without the metrics that are undefined for the case, see the notes.

    Notes
    -----
    ====================  =================================================================
    name                  is
    ====================  =================================================================
    ``pq, sq, rq``        panoptic quality = segmentation x recognition, pairs of IoU > 0.5
    ``f1_iou50``          F1 of the pairs of IoU > 0.5; the same number as ``rq``
    ``f1_iou10``          F1 of the pairs of IoU > 0.1, for small lesions
    ``lesion_...``        sensitivity, precision and F1 where any shared voxel is a hit
    ``dsb_ap50``          TP / (TP + FP + FN) at IoU > 0.5, as in the Data Science Bowl
    ``dsb_ap50_95``       the same, mean over IoU > 0.5, 0.55 ... 0.95
    ``aji, aji_plus``     Aggregated Jaccard Index; with one-to-one pairs
    ``count_error``       instances predicted minus reference
    ====================  =================================================================

    Where no instance is in either map only ``count_error`` has a row, 0. Where only one map has
    some, all are 0 but ``sq``, which needs a matched pair, and whichever of
    ``lesion_sensitivity`` and ``lesion_precision`` has nothing to be a share of.

    Examples
    --------
    >>> reference = np.array([[1, 1, 0, 2, 2, 2]])
    >>> rows = score_instances(np.array([[1, 1, 0, 2, 2, 0]]), reference, Grid((1, 6)))
    >>> [(row.metric, round(row.value, 3)) for row in rows[:3]]
    [('pq', 0.833), ('sq', 0.833), ('rq', 1.0)]
    """
    for name, array in (("predicted", predicted), ("reference", reference)):
        if array.shape != grid.shape:
            raise GeometryError(
                f"The {name} map does not fit the grid", got=array.shape, expected=grid.shape
            )
    unknown = [name for name in metrics if name not in INSTANCE_METRICS]
    if unknown:
        raise UsageError(
            "Unknown instance metric", got=unknown[0], expected=", ".join(INSTANCE_METRICS)
        )
    overlaps = InstanceOverlaps.of(predicted, reference).without_smaller_than(smallest_voxels)
    values = instance_values(overlaps)
    rows = [Score(label, name, values[name]) for name in metrics]
    return [row for row in rows if np.isfinite(row.value)]
