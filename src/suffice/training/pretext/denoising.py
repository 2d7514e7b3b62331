"""Restoring images that were spoilt."""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from suffice.augment import Augmentation, Chance, Patches, change_intensity
from suffice.augment.noise import GaussianNoise
from suffice.augment.smoothing import Blur
from suffice.nets import LAYOUT, UNet
from suffice.training.objective import Step
from suffice.training.plan import Plan
from suffice.training.pretext.redrawing import SCORE, headless, redrawing_loss, redrawing_unet
from suffice.training.pretext.spoiling import Curve, LocalShuffle, Painting

SPOILT = Augmentation(
    intensity=(
        LocalShuffle(probability=0.5),
        Curve(probability=0.9),
        Blur(probability=0.3, largest=1.5),
        GaussianNoise(probability=0.3, largest=0.3),
        Painting(probability=0.9),
    )
)


class Restoration:
    """Spoil images and learn to restore them.

    References
    ----------
    Zhou et al. 2019, https://arxiv.org/abs/1908.06912
    """

    name: ClassVar[str] = "denoise"
    score: ClassVar[str] = SCORE

    def build(self, plan: Plan) -> nn.Module:
        """Make the network, and remember how far its voxels are apart."""
        self.spacing = plan.patch_spacing_mm
        return redrawing_unet(plan)

    def keep(self, network: nn.Module) -> nn.Module:
        """Return encoder and decoder."""
        return headless(cast("UNet", network))

    def loss(
        self, network: nn.Module, images: Tensor, targets: Tensor, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Error at all voxels; what the masks say is not looked at."""
        spoilt = self._spoilt(images, Chance(step.generator))
        with step.device.autocast():
            drawn = network(spoilt)[0]
        return redrawing_loss(drawn, images, torch.ones_like(images[:, :1]))

    def _spoilt(self, images: Tensor, chance: Chance) -> Tensor:
        patches = Patches(
            size=tuple(images.shape[2:]), spacing=self.spacing, n_channels=images.shape[1]
        )
        draws = [SPOILT.sample(patches, chance).intensity for _ in images]
        spoilt = [change_intensity(x, each) for x, each in zip(images, draws, strict=True)]
        return torch.stack(spoilt).contiguous(memory_format=LAYOUT[images.ndim - 2])
