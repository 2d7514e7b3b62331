"""Every instance metric of one structure of one case, by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.metrics.detection import (
    data_science_bowl_precision,
    detect_by_overlap,
    panoptic_quality,
)
from suffice.metrics.instances import InstanceOverlaps, components
from suffice.metrics.jaccard import aggregated_jaccard, aggregated_jaccard_plus

INSTANCE_METRICS = (
    "pq",
    "sq",
    "rq",
    "f1_iou50",
    "f1_iou10",
    "lesion_sensitivity",
    "lesion_precision",
    "lesion_f1",
    "dsb_ap50",
    "dsb_ap50_95",
    "aji",
    "aji_plus",
    "count_error",
)
"""Names of the instance metrics, in the order of their rows."""


def instance_values(overlaps: InstanceOverlaps) -> dict[str, float]:
    """Return every metric of ``INSTANCE_METRICS``; not a number where it is undefined."""
    strict, loose = panoptic_quality(overlaps), panoptic_quality(overlaps, 0.1)
    lesions = detect_by_overlap(overlaps)
    return {
        "pq": strict.quality,
        "sq": strict.segmentation,
        "rq": strict.recognition,
        "f1_iou50": strict.detection.f1,
        "f1_iou10": loose.detection.f1,
        "lesion_sensitivity": lesions.sensitivity,
        "lesion_precision": lesions.precision,
        "lesion_f1": lesions.f1,
        "dsb_ap50": strict.jaccard,
        "dsb_ap50_95": data_science_bowl_precision(overlaps),
        "aji": aggregated_jaccard(overlaps),
        "aji_plus": aggregated_jaccard_plus(overlaps),
        "count_error": float(overlaps.n_predicted - overlaps.n_reference),
    }


def instances_in(
    mask: npt.NDArray[np.bool_], told: npt.NDArray[np.integer[Any]] | None
) -> npt.NDArray[np.integer[Any]]:
    """Number the instances of a structure: as a map tells them apart, else its components.

    Parameters
    ----------
    mask : bool array of shape ``spatial``
        The structure.
    told : integer array of the same shape, or None
        A number for each instance of any structure. Without it the connected components are the
        instances, joined by corners; where instances touch, they cannot tell them apart.
    """
    return components(mask) if told is None else np.where(mask, told, 0)
