"""Named strengths of augmentation, and the one call that training makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from suffice.augment.intensity import IntensityDraw, IntensityRanges, change_intensity
from suffice.augment.spatial import SpatialDraw, SpatialRanges, warp


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What may happen to a training patch."""

    spatial: SpatialRanges = field(default_factory=SpatialRanges)
    intensity: IntensityRanges = field(default_factory=IntensityRanges)


_STANDARD = Augmentation()
POLICIES: dict[str, Augmentation] = {
    "light": Augmentation(
        spatial=SpatialRanges(rotation_deg=10, scale=1.1, stretch=1.0, shear=0.0, bend=0.0),
        intensity=IntensityRanges(blur=1.0, bias_field=0.0, gamma=1.2, noise=0.05),
    ),
    "standard": _STANDARD,
    "strong": Augmentation(
        spatial=SpatialRanges(
            probability=0.7, rotation_deg=30, scale=1.4, stretch=1.2, shear=0.15, bend=2.5
        ),
        intensity=IntensityRanges(
            probability=0.4, contrast=1.6, brightness=0.5, gamma=1.8, noise=0.2, blur=2.5,
            bias_field=0.3,
        ),
    ),
}  # fmt: skip
POLICIES["picture"] = replace(
    POLICIES["strong"],
    intensity=replace(POLICIES["strong"].intensity, invert=True, colour=0.4),
)


def augment_batch(
    images: Tensor,
    labels: Tensor,
    n_classes: int,
    augmentation: Augmentation,
    spacing: Sequence[float],
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Augment a batch on the device where it lies.

    Parameters
    ----------
    images : tensor of shape (N, C, *spatial)
    labels : integer tensor of shape (N, *spatial)
    n_classes : int
        With the background.
    augmentation : Augmentation
    spacing : sequence of float
        Along each spatial axis, in mm or, for pictures, ones.
    generator : torch.Generator
        Of the CPU, so that draws do not depend on the device.

    Returns
    -------
    images : tensor of shape (N, C, *spatial)
    targets : tensor of shape (N, n_classes, *spatial)
        Class fractions that sum to 1: voxels cut by a moved boundary belong partly to both sides.
    """
    n, n_channels, ndim = images.shape[0], images.shape[1], images.ndim - 2
    one_hot = F.one_hot(labels.long(), n_classes).movedim(-1, 1)[:, 1:].to(images.dtype)
    draw = SpatialDraw.sample(n, ndim, augmentation.spatial, generator)
    moved = warp(torch.cat([images, one_hot], dim=1), draw, spacing)
    images, foreground = moved[:, :n_channels], moved[:, n_channels:]
    changed = [
        change_intensity(
            image, IntensityDraw.sample(ndim, n_channels, augmentation.intensity, generator)
        )
        for image in images
    ]
    background = 1 - foreground.sum(1, keepdim=True)
    return torch.stack(changed), torch.cat([background, foreground], dim=1)
