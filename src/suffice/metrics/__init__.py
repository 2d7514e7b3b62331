"""How good a mask is: overlap, surface distances in mm, size errors, intervals. No torch."""

from suffice.metrics.advice import Advice, Counsel, advise
from suffice.metrics.calibration import CalibrationCounts
from suffice.metrics.catalogue import DEFAULT_METRICS, METRICS, Metric, split_unit
from suffice.metrics.coco import coco_precision
from suffice.metrics.detection import (
    Detection,
    Panoptic,
    data_science_bowl_precision,
    detect_by_overlap,
    panoptic_quality,
)
from suffice.metrics.facts import StructureFacts, mask_facts
from suffice.metrics.instance_scores import score_instances
from suffice.metrics.instance_values import INSTANCE_METRICS
from suffice.metrics.instances import InstanceOverlaps, components
from suffice.metrics.interval import Interval, bootstrap_interval
from suffice.metrics.jaccard import aggregated_jaccard, aggregated_jaccard_plus
from suffice.metrics.matching import Matching, match_instances
from suffice.metrics.near import near_structures
from suffice.metrics.overlap import Overlap, accuracy
from suffice.metrics.panel import Panel
from suffice.metrics.plausible import (
    PlausibleMasks,
    generalised_energy_distance,
    sample_diversity,
)
from suffice.metrics.policy import POLICIES, EmptyPolicy
from suffice.metrics.reliability import ReliabilityCurve
from suffice.metrics.score import OUTCOMES, WHOLE_CASE, Score, score_case
from suffice.metrics.surface import SurfaceDistances, surface_distances
from suffice.metrics.thinning import centreline
from suffice.metrics.tubular import cl_dice

__all__ = [
    "DEFAULT_METRICS",
    "INSTANCE_METRICS",
    "METRICS",
    "OUTCOMES",
    "POLICIES",
    "WHOLE_CASE",
    "Advice",
    "CalibrationCounts",
    "Counsel",
    "Detection",
    "EmptyPolicy",
    "InstanceOverlaps",
    "Interval",
    "Matching",
    "Metric",
    "Overlap",
    "Panel",
    "Panoptic",
    "PlausibleMasks",
    "ReliabilityCurve",
    "Score",
    "StructureFacts",
    "SurfaceDistances",
    "accuracy",
    "advise",
    "aggregated_jaccard",
    "aggregated_jaccard_plus",
    "bootstrap_interval",
    "centreline",
    "cl_dice",
    "coco_precision",
    "components",
    "data_science_bowl_precision",
    "detect_by_overlap",
    "generalised_energy_distance",
    "mask_facts",
    "match_instances",
    "near_structures",
    "panoptic_quality",
    "sample_diversity",
    "score_case",
    "score_instances",
    "split_unit",
    "surface_distances",
]
