"""How good a mask is: overlap, surface distances in mm, size errors, intervals. No torch."""

from suffice.metrics.interval import Interval, bootstrap_interval
from suffice.metrics.overlap import Overlap, accuracy
from suffice.metrics.score import WHOLE_CASE, Score, score_case
from suffice.metrics.surface import SurfaceDistances, surface_distances

__all__ = [
    "WHOLE_CASE",
    "Interval",
    "Overlap",
    "Score",
    "SurfaceDistances",
    "accuracy",
    "bootstrap_interval",
    "score_case",
    "surface_distances",
]
