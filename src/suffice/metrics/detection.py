"""Counts of found, missed and false instances, which add up over cases, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suffice.metrics.instances import InstanceOverlaps
from suffice.metrics.matching import Matching, match_instances

IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
"""0.5, 0.55 ... 0.95: what the averages over thresholds run over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """How many instances there were and how many of them were found, or were right.

    Sums of counts pool cases, so that each instance weighs the same; means of each case's
    figures weigh each case the same. The two differ, and a case without instances has figures
    in the first way only.

    Parameters
    ----------
    n_reference, n_found : int
        Reference instances, and those that a prediction stands for.
    n_predicted, n_right : int
        Predicted instances, and those that stand for a reference instance.

    Examples
    --------
    >>> one = Detection(n_reference=4, n_found=3, n_predicted=3, n_right=3)
    >>> other = Detection(n_reference=0, n_found=0, n_predicted=1, n_right=0)
    >>> round(one.f1, 3), round((one + other).precision, 3)
    (0.857, 0.75)
    """

    n_reference: int
    n_found: int
    n_predicted: int
    n_right: int

    def __add__(self, other: Detection) -> Detection:
        return Detection(
            n_reference=self.n_reference + other.n_reference,
            n_found=self.n_found + other.n_found,
            n_predicted=self.n_predicted + other.n_predicted,
            n_right=self.n_right + other.n_right,
        )

    @property
    def sensitivity(self) -> float:
        """Share of the reference instances found; not a number where there are none."""
        return _share(self.n_found, self.n_reference)

    @property
    def precision(self) -> float:
        """Share of the predicted instances that are right; not a number where there are none."""
        return _share(self.n_right, self.n_predicted)

    @property
    def f1(self) -> float:
        """Harmonic mean of both; 0 where either side alone is empty.

        Not a number where there is no instance on either side.
        """
        if not (self.n_reference and self.n_predicted):
            return 0.0 if self.n_reference or self.n_predicted else float("nan")
        both = self.sensitivity + self.precision
        return 2 * self.sensitivity * self.precision / both if both else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Panoptic:
    """Counts of a one-to-one matching and the sum of the matched IoU; sums pool cases.

    Parameters
    ----------
    n_reference, n_predicted, n_matched : int
        Instances on each side, and pairs.
    sum_iou : float
        Over the pairs.

    Notes
    -----
    For several structures, Kirillov et al. [1]_ average the values of each.

    References
    ----------
    .. [1] Kirillov et al., CVPR 2019, https://arxiv.org/abs/1801.00868

    Examples
    --------
    >>> panoptic = Panoptic(n_reference=4, n_predicted=2, n_matched=2, sum_iou=1.8)
    >>> [round(v, 3) for v in (panoptic.quality, panoptic.segmentation, panoptic.recognition)]
    [0.6, 0.9, 0.667]
    """

    n_reference: int
    n_predicted: int
    n_matched: int
    sum_iou: float

    @classmethod
    def of(cls, matching: Matching) -> Panoptic:
        """Count a matching."""
        return cls(
            n_reference=matching.n_reference,
            n_predicted=matching.n_predicted,
            n_matched=matching.n_matched,
            sum_iou=float(matching.iou.sum()),
        )

    def __add__(self, other: Panoptic) -> Panoptic:
        return Panoptic(
            n_reference=self.n_reference + other.n_reference,
            n_predicted=self.n_predicted + other.n_predicted,
            n_matched=self.n_matched + other.n_matched,
            sum_iou=self.sum_iou + other.sum_iou,
        )

    @property
    def quality(self) -> float:
        """Panoptic quality (PQ): segmentation times recognition quality.

        0 where no pair matches; not a number where there is no instance on either side.
        """
        return _share(2 * self.sum_iou, self.n_reference + self.n_predicted)

    @property
    def segmentation(self) -> float:
        """Segmentation quality (SQ): mean IoU of the pairs; not a number without a pair."""
        return _share(self.sum_iou, self.n_matched)

    @property
    def recognition(self) -> float:
        """Recognition quality (RQ), the F1 of the matching; not a number without instances."""
        return _share(2 * self.n_matched, self.n_reference + self.n_predicted)

    @property
    def jaccard(self) -> float:
        """TP / (TP + FP + FN), the 'average precision' of the Data Science Bowl 2018.

        StarDist calls it accuracy, others threat score. 0 where no pair matches; not a number
        where there is no instance on either side.
        """
        return _share(self.n_matched, self.n_reference + self.n_predicted - self.n_matched)

    @property
    def detection(self) -> Detection:
        """The counts as found and right ones."""
        return Detection(
            n_reference=self.n_reference,
            n_found=self.n_matched,
            n_predicted=self.n_predicted,
            n_right=self.n_matched,
        )


def panoptic_quality(overlaps: InstanceOverlaps, iou_threshold: float = 0.5) -> Panoptic:
    """Match the instances above a threshold on IoU and count."""
    return Panoptic.of(match_instances(overlaps, iou_threshold))


def detect_by_overlap(overlaps: InstanceOverlaps, smallest_share: float = 0.0) -> Detection:
    """Count lesions as found where predictions cover any of them, or a share of them.

    Not one to one: a prediction that covers two lesions finds both, and two predictions on one
    lesion are both right. For one to one, take ``panoptic_quality(overlaps, t).detection``.

    Parameters
    ----------
    overlaps : InstanceOverlaps
        What the instances share.
    smallest_share : float
        Part of an instance that the other side, all its instances together, must cover, from 0
        (any voxel) to 1.

    Examples
    --------
    >>> overlaps = InstanceOverlaps.of(np.array([[1, 1, 1, 0, 2]]), np.array([[1, 0, 2, 0, 0]]))
    >>> detection = detect_by_overlap(overlaps)
    >>> detection.sensitivity, detection.precision
    (1.0, 0.5)
    """
    covered = np.bincount(overlaps.reference_index, overlaps.shared, overlaps.n_reference)
    right = np.bincount(overlaps.predicted_index, overlaps.shared, overlaps.n_predicted)
    return Detection(
        n_reference=overlaps.n_reference,
        n_found=_count_covered(covered / overlaps.reference_sizes, smallest_share),
        n_predicted=overlaps.n_predicted,
        n_right=_count_covered(right / overlaps.predicted_sizes, smallest_share),
    )


def data_science_bowl_precision(
    overlaps: InstanceOverlaps, iou_thresholds: Sequence[float] = IOU_THRESHOLDS
) -> float:
    """Average TP / (TP + FP + FN) over thresholds on IoU, without confidences.

    The score of the Data Science Bowl 2018, and the 'AP' that StarDist and Cellpose report. It
    is not COCO's average precision, which integrates over confidences (`coco_precision`).

    Returns
    -------
    float
        Not a number where there is no instance on either side.
    """
    return float(
        np.mean([panoptic_quality(overlaps, threshold).jaccard for threshold in iou_thresholds])
    )


def _count_covered(shares: np.ndarray[tuple[int], np.dtype[np.float64]], smallest: float) -> int:
    return int(np.count_nonzero((shares > 0) & (shares >= smallest - 1e-9)))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
