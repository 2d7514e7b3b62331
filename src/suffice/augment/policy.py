"""What may happen to a training patch, what does, and the one call that training makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from suffice.augment.spatial import SpatialDraw, SpatialRanges, warp
from suffice.augment.transform import Chance, Draw, Patches, Transform


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What may happen to a training patch.

    Parameters
    ----------
    spatial : SpatialRanges
        Moves image and labels.
    intensity : tuple of Transform
        Change the image alone, one after the other.
    n_chosen : int or None
        Of ``intensity`` that many are picked for each patch, whatever their probabilities, each
        at a magnitude anywhere within its range, so that nothing needs to be tuned (TrivialAugment
        picks one: Mueller and Hutter 2021, arXiv 2103.10158). None leaves each to its own chance.
    """

    spatial: SpatialRanges = field(default_factory=SpatialRanges)
    intensity: tuple[Transform, ...] = ()
    n_chosen: int | None = None

    def sample(self, patches: Patches, chance: Chance) -> PatchDraw:
        """Draw what happens to one patch."""
        spatial = self.spatial.sample(patches, chance)
        draws = (transform.sample(patches, chance) for transform in self._happening(chance))
        return PatchDraw(spatial, tuple(draw for draw in draws if draw is not None))

    def _happening(self, chance: Chance) -> list[Transform]:
        if self.n_chosen is None:
            return [each for each in self.intensity if chance.happens(each.probability)]
        order = torch.randperm(len(self.intensity), generator=chance.generator).tolist()
        return [self.intensity[k] for k in sorted(order[: self.n_chosen])]


@dataclass(frozen=True)
class PatchDraw:
    """What happens to one patch: plain values that can be printed, kept and replayed."""

    spatial: SpatialDraw = field(default_factory=SpatialDraw)
    intensity: tuple[Draw, ...] = ()

    def apply(
        self, image: Tensor, labels: Tensor, n_classes: int, spacing: Sequence[float]
    ) -> tuple[Tensor, Tensor]:
        """Return the changed image ``(C, *spatial)`` and the shares of its classes.

        See Also
        --------
        suffice.augment.warp
        """
        moved, shares = warp(image, labels, n_classes, self.spatial, spacing)
        for draw in self.intensity:
            moved = draw.apply_(moved)
        return moved, shares


def change_intensity(image: Tensor, draws: Sequence[Draw]) -> Tensor:
    """Apply draws to one image ``(C, *spatial)``, which stays as it is."""
    image = image.clone()
    for draw in draws:
        image = draw.apply_(image)
    return image


def augment_batch(
    images: Tensor,
    labels: Tensor,
    n_classes: int,
    augmentation: Augmentation,
    spacing: Sequence[float],
    generator: torch.Generator,
    hounsfield: Sequence[tuple[float, float] | None] = (),
) -> tuple[Tensor, Tensor]:
    """Augment a batch on the device where it lies, each patch with a draw of its own.

    Parameters
    ----------
    images : tensor of shape (N, C, *spatial)
    labels : integer tensor of shape (N, *spatial), or floating (N, S, *spatial)
        Classes, or shares, as several raters give them.
    n_classes : int
        With the background.
    augmentation : Augmentation
    spacing : sequence of float
        Along each spatial axis, in mm or, for pictures, ones.
    generator : torch.Generator
        Of the CPU, so that draws do not depend on the device.
    hounsfield : sequence of (float, float) or None
        See `Patches`.

    Returns
    -------
    images : tensor of shape (N, C, *spatial)
    targets : tensor of shape (N, n_classes, *spatial) or (N, S, *spatial)
        Class fractions that sum to 1: voxels cut by a moved boundary belong partly to both sides.
        Shares are 0 beyond the patch.
    """
    patches = Patches(
        size=tuple(images.shape[2:]),
        spacing=tuple(spacing),
        n_channels=images.shape[1],
        hounsfield=tuple(hounsfield),
    )
    chance = Chance(generator)
    pairs = [
        augmentation.sample(patches, chance).apply(image, own, n_classes, spacing)
        for image, own in zip(images, labels, strict=True)
    ]
    return torch.stack([image for image, _ in pairs]), torch.stack([own for _, own in pairs])
