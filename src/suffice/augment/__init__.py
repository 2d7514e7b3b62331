"""Batched, label-aware transforms on tensors: sampled, then applied."""

from suffice.augment.intensity import IntensityDraw, IntensityRanges, change_intensity
from suffice.augment.policy import POLICIES, Augmentation, augment_batch
from suffice.augment.spatial import SpatialDraw, SpatialRanges, warp

__all__ = [
    "POLICIES",
    "Augmentation",
    "IntensityDraw",
    "IntensityRanges",
    "SpatialDraw",
    "SpatialRanges",
    "augment_batch",
    "change_intensity",
    "warp",
]
