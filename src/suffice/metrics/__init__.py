"""How good a mask is: overlap, surface distances in mm, size errors, intervals. No torch."""

from suffice.metrics.advice import Advice, Counsel, advise
from suffice.metrics.catalogue import DEFAULT_METRICS, METRICS, Metric, split_unit
from suffice.metrics.facts import StructureFacts, mask_facts
from suffice.metrics.interval import Interval, bootstrap_interval
from suffice.metrics.overlap import Overlap, accuracy
from suffice.metrics.panel import Panel
from suffice.metrics.policy import POLICIES, EmptyPolicy
from suffice.metrics.score import OUTCOMES, WHOLE_CASE, Score, score_case
from suffice.metrics.surface import SurfaceDistances, surface_distances
from suffice.metrics.thinning import centreline
from suffice.metrics.tubular import cl_dice

__all__ = [
    "DEFAULT_METRICS",
    "METRICS",
    "OUTCOMES",
    "POLICIES",
    "WHOLE_CASE",
    "Advice",
    "Counsel",
    "EmptyPolicy",
    "Interval",
    "Metric",
    "Overlap",
    "Panel",
    "Score",
    "StructureFacts",
    "SurfaceDistances",
    "accuracy",
    "advise",
    "bootstrap_interval",
    "centreline",
    "cl_dice",
    "mask_facts",
    "score_case",
    "split_unit",
    "surface_distances",
]
