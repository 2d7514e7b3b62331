"""Named strengths of augmentation, for any scan and for what each modality does to scans."""

from __future__ import annotations

from dataclasses import replace

from suffice.augment.bias_field import BiasField
from suffice.augment.brightness import Brightness, Contrast
from suffice.augment.colour import ColourShift, Invert, Saturation
from suffice.augment.cutout import Cutout
from suffice.augment.gamma import Gamma
from suffice.augment.ghosting import Ghosting
from suffice.augment.hounsfield import HounsfieldShift, HounsfieldWindow
from suffice.augment.motion import Motion
from suffice.augment.noise import GaussianNoise, PoissonNoise, RicianNoise, Speckle
from suffice.augment.policy import Augmentation
from suffice.augment.resolution import LowResolution
from suffice.augment.smoothing import Blur, Sharpen
from suffice.augment.spatial import SpatialRanges
from suffice.augment.spikes import Spikes
from suffice.augment.stain import Stain

_STRONG_MOVES = SpatialRanges(
    probability=0.7, rotation_deg=30, scale=1.4, stretch=1.2, shear=0.15, bend=2.5
)

POLICIES: dict[str, Augmentation] = {
    "none": Augmentation(
        spatial=SpatialRanges(
            rotation_deg=0, scale=1, stretch=1, shear=0, bend=0, flip_probability=0
        ),
    ),
    "light": Augmentation(
        spatial=SpatialRanges(rotation_deg=10, scale=1.1, stretch=1.0, shear=0.0, bend=0.0),
        intensity=(Gamma(largest=1.2), Contrast(), Brightness(), GaussianNoise(largest=0.05)),
    ),
    "standard": Augmentation(
        intensity=(
            LowResolution(), BiasField(), Gamma(), Contrast(), Brightness(), GaussianNoise()
        ),
    ),
    "strong": Augmentation(
        spatial=_STRONG_MOVES,
        intensity=(
            LowResolution(probability=0.4, largest=2.5),
            BiasField(probability=0.4, largest=0.3),
            Gamma(probability=0.4, largest=1.8),
            Contrast(probability=0.4, largest=1.6),
            Brightness(probability=0.4, largest=0.5),
            GaussianNoise(probability=0.4, largest=0.2),
        ),
    ),
    "random": Augmentation(
        spatial=_STRONG_MOVES,
        intensity=(
            LowResolution(largest=3.0, one_axis=0.5),
            Blur(largest=1.5),
            Sharpen(),
            BiasField(largest=0.5),
            Gamma(largest=2.0),
            Contrast(largest=2.0),
            Brightness(largest=0.8),
            GaussianNoise(largest=0.3),
            Cutout(),
        ),
        n_chosen=2,
    ),
    "picture": Augmentation(
        spatial=_STRONG_MOVES,
        intensity=(
            LowResolution(probability=0.4, largest=2.5),
            BiasField(probability=0.4, largest=0.3),
            Gamma(probability=0.4, largest=1.8),
            Invert(probability=0.4),
            Contrast(probability=0.4, largest=1.6),
            Brightness(probability=0.4, largest=0.5),
            ColourShift(probability=1.0, largest=0.4, each=0.4),
            GaussianNoise(probability=0.4, largest=0.2),
        ),
    ),
    "ct": Augmentation(
        spatial=_STRONG_MOVES,
        intensity=(
            LowResolution(largest=2.5, one_axis=0.5),
            Blur(probability=0.15),
            Sharpen(probability=0.15),
            HounsfieldShift(largest_hu=20),
            HounsfieldWindow(probability=0.15),
            Gamma(probability=0.2, largest=1.3),
            Contrast(probability=0.2, largest=1.2),
            GaussianNoise(largest=0.2),
        ),
    ),
    "mr": Augmentation(
        spatial=_STRONG_MOVES,
        intensity=(
            LowResolution(probability=0.4, largest=2.5, one_axis=0.3),
            Motion(probability=0.1),
            Ghosting(probability=0.1),
            Spikes(probability=0.05),
            BiasField(probability=0.4, largest=0.3),
            Gamma(probability=0.4, largest=1.8),
            Contrast(probability=0.4, largest=1.6),
            Brightness(probability=0.4, largest=0.5),
            RicianNoise(probability=0.4, largest=0.2),
        ),
    ),
    "pet": Augmentation(
        spatial=_STRONG_MOVES,
        intensity=(
            Blur(largest=1.5),
            PoissonNoise(),
            Gamma(largest=1.5),
            Contrast(largest=1.6),
            Brightness(probability=0.2),
        ),
    ),
    "xray": Augmentation(
        spatial=replace(_STRONG_MOVES, rotation_deg=15),
        intensity=(
            LowResolution(largest=2.5),
            Sharpen(probability=0.2),
            BiasField(largest=0.3),
            Gamma(probability=0.4, largest=1.8),
            Contrast(probability=0.4, largest=1.6),
            Brightness(probability=0.4, largest=0.5),
            PoissonNoise(fewest=300),
            Cutout(probability=0.2),
        ),
    ),
    "microscopy": Augmentation(
        spatial=replace(_STRONG_MOVES, rotation_deg=180),
        intensity=(
            Blur(largest=1.5),
            Sharpen(probability=0.15),
            Stain(probability=0.5),
            Saturation(probability=0.2),
            BiasField(largest=0.3),
            Gamma(probability=0.4, largest=1.8),
            Invert(probability=0.2),
            Contrast(probability=0.4, largest=1.6),
            Brightness(probability=0.4, largest=0.5),
            PoissonNoise(),
        ),
    ),
    "oct": Augmentation(
        spatial=replace(_STRONG_MOVES, rotation_deg=15),
        intensity=(
            LowResolution(largest=2.0, one_axis=0.5),
            BiasField(probability=0.4, largest=0.4),
            Gamma(largest=1.5),
            Contrast(probability=0.4, largest=1.6),
            Brightness(probability=0.4),
            Speckle(probability=0.4),
        ),
    ),
    "us": Augmentation(
        spatial=replace(_STRONG_MOVES, rotation_deg=20),
        intensity=(
            Blur(),
            BiasField(probability=0.4, largest=0.4),
            Gamma(probability=0.4, largest=1.6),
            Contrast(probability=0.4, largest=1.6),
            Brightness(probability=0.4, largest=0.5),
            Speckle(probability=0.4),
            Cutout(probability=0.2),
        ),
    ),
}  # fmt: skip
