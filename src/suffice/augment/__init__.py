"""Batched, label-aware transforms on tensors: sampled, then applied."""

from suffice.augment.bias_field import BiasField, BiasFieldDraw
from suffice.augment.brightness import Brightness, Contrast, LineDraw
from suffice.augment.colour import (
    ColourShift,
    ColourShiftDraw,
    Invert,
    InvertDraw,
    Saturation,
    SaturationDraw,
)
from suffice.augment.cutout import Cutout, CutoutDraw
from suffice.augment.families import FAMILIES, families_of, without
from suffice.augment.gamma import Gamma, GammaDraw
from suffice.augment.ghosting import Ghosting, GhostingDraw
from suffice.augment.hounsfield import (
    HounsfieldShift,
    HounsfieldShiftDraw,
    HounsfieldWindow,
    HounsfieldWindowDraw,
)
from suffice.augment.lookup import Lookup, whole_shares
from suffice.augment.motion import Motion, MotionDraw
from suffice.augment.noise import (
    GaussianNoise,
    GaussianNoiseDraw,
    PoissonNoise,
    PoissonNoiseDraw,
    RicianNoise,
    RicianNoiseDraw,
    Speckle,
    SpeckleDraw,
)
from suffice.augment.policies import POLICIES
from suffice.augment.policy import Augmentation, PatchDraw, augment_batch, change_intensity
from suffice.augment.resolution import LowResolution, LowResolutionDraw
from suffice.augment.smoothing import Blur, BlurDraw, Sharpen, SharpenDraw
from suffice.augment.spatial import SpatialDraw, SpatialRanges, coordinates, warp
from suffice.augment.spikes import Spikes, SpikesDraw
from suffice.augment.stain import Stain, StainDraw
from suffice.augment.transform import Chance, Draw, Patches, Transform

__all__ = [
    "FAMILIES",
    "POLICIES",
    "Augmentation",
    "BiasField",
    "BiasFieldDraw",
    "Blur",
    "BlurDraw",
    "Brightness",
    "Chance",
    "ColourShift",
    "ColourShiftDraw",
    "Contrast",
    "Cutout",
    "CutoutDraw",
    "Draw",
    "Gamma",
    "GammaDraw",
    "GaussianNoise",
    "GaussianNoiseDraw",
    "Ghosting",
    "GhostingDraw",
    "HounsfieldShift",
    "HounsfieldShiftDraw",
    "HounsfieldWindow",
    "HounsfieldWindowDraw",
    "Invert",
    "InvertDraw",
    "LineDraw",
    "Lookup",
    "LowResolution",
    "LowResolutionDraw",
    "Motion",
    "MotionDraw",
    "PatchDraw",
    "Patches",
    "PoissonNoise",
    "PoissonNoiseDraw",
    "RicianNoise",
    "RicianNoiseDraw",
    "Saturation",
    "SaturationDraw",
    "Sharpen",
    "SharpenDraw",
    "SpatialDraw",
    "SpatialRanges",
    "Speckle",
    "SpeckleDraw",
    "Spikes",
    "SpikesDraw",
    "Stain",
    "StainDraw",
    "Transform",
    "augment_batch",
    "change_intensity",
    "coordinates",
    "families_of",
    "warp",
    "whole_shares",
    "without",
]
