"""Masked autoencoding for convolutions: what is hidden stays empty through the whole encoder."""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from suffice.nets import InstanceNormAct, SeenNormAct, UNet
from suffice.training.objective import Step
from suffice.training.plan import Plan
from suffice.training.pretext.masking import block_size, draw_seen, seen_at_each
from suffice.training.pretext.redrawing import SCORE, headless, redrawing_loss, redrawing_unet

TOKEN_SD = 0.02


class SeenUNet(nn.Module):
    """A U-Net whose encoder sees parts of an image and whose decoder draws the rest.

    After each convolution of the encoder what is hidden is emptied again, and the norm looks at
    what is seen alone, so that it computes what a sparse convolution would and hidden borders do
    not spread. The decoder gets a learned value at each hidden voxel of each resolution.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.backbone = redrawing_unet(plan)
        self.strides = plan.strides
        self.tokens = nn.ParameterList(
            nn.Parameter(torch.empty(width).normal_(std=TOKEN_SD)) for width in plan.widths
        )
        # What is strided belongs to the coarser resolution from its first norm on.
        self._norms = [[*_replace_norms(self.backbone.stem)], *([] for _ in plan.strides)]
        for level, stage in enumerate(self.backbone.encoder):
            self._norms[level] += _replace_norms(stage)

    def forward(self, images: Tensor, seen: Tensor) -> Tensor:
        """Draw images ``(N, C, *spatial)`` of which ``seen`` ``(N, 1, *spatial)`` is shown."""
        levels = seen_at_each(seen, self.strides)
        for norms, level in zip(self._norms, levels, strict=True):
            for norm in norms:
                norm.seen = level.float()
        features = self.backbone.encode(images * seen)
        filled = [
            torch.where(level, own, token.to(own.dtype).view(1, -1, *(1,) * (own.ndim - 2)))
            for level, own, token in zip(levels, features, self.tokens, strict=True)
        ]
        return self.backbone.decode(filled)[0]


def _replace_norms(module: nn.Module) -> list[SeenNormAct]:
    """Put norms that know what is seen, under the same names, in the place of all others."""
    found = []
    for parent in [*module.modules()]:
        for name, child in [*parent.named_children()]:
            if isinstance(child, InstanceNormAct):
                norm = SeenNormAct(len(child.weight), slope=child.slope)
                setattr(parent, name, norm)
                found.append(norm)
    return found


class SparK:
    """Hide blocks of the images and learn to draw them.

    Parameters
    ----------
    hidden : float
        Part of the blocks that is hidden.

    References
    ----------
    Tian et al. 2023, https://arxiv.org/abs/2301.03580; for scans in three dimensions Wald et al.
    2024, https://arxiv.org/abs/2410.23132
    """

    name: ClassVar[str] = "spark"
    score: ClassVar[str] = SCORE

    def __init__(self, *, hidden: float = 0.6) -> None:
        self.hidden = hidden

    def build(self, plan: Plan) -> nn.Module:
        """Make the network, and remember what its coarsest voxels stand for."""
        self.block = block_size(plan.patch_size, plan.strides)
        return SeenUNet(plan)

    def keep(self, network: nn.Module) -> nn.Module:
        """Return encoder and decoder."""
        return headless(cast("UNet", network.backbone))

    def loss(
        self, network: nn.Module, images: Tensor, targets: Tensor, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Error at hidden voxels alone; what the masks say is not looked at."""
        seen = draw_seen(len(images), images.shape[2:], self.block, self.hidden, step.generator)
        seen = seen.to(images.device)
        with step.device.autocast():
            drawn = network(images, seen)
        return redrawing_loss(drawn, images, ~seen)
