"""A U-Net that draws images instead of masks, and how well it does."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from suffice.core import ModelError
from suffice.nets import UNet, channels_last
from suffice.nets.unet import CONVOLUTION
from suffice.training.objective import build_network
from suffice.training.plan import Plan

SCORE = "explained"
"""In the history: the part of the images' variance that is drawn."""


def redrawing_unet(plan: Plan) -> UNet:
    """Make the U-Net of a plan with one head that gives the channels of the image.

    Raises
    ------
    ModelError
        If the plan is of another network.
    """
    network = build_network(plan)
    if not isinstance(network, UNet):
        raise ModelError(
            "This network cannot learn from unlabelled scans alone",
            got=plan.architecture,
            expected="unet",
            cure="Leave the plan out.",
        )
    head = CONVOLUTION[plan.ndim](plan.widths[0], plan.in_channels, (1,) * plan.ndim)
    network.heads = nn.ModuleList([channels_last(head, plan.ndim)])
    return network


def headless(network: nn.Module) -> nn.Module:
    """Take the head off, in place: a later training has classes of its own."""
    cast("UNet", network).heads = nn.ModuleList()
    return network


def redrawing_loss(drawn: Tensor, images: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Mean square error where voxels count, and the part of the variance there that is drawn.

    Parameters
    ----------
    drawn, images : tensor of shape (N, C, *spatial)
    counts : tensor of shape (N, 1, *spatial)
        1 where a voxel counts, 0 elsewhere.
    """
    n = (counts.sum() * images.shape[1]).clamp_min(1)
    error = ((drawn.float() - images).square() * counts).sum() / n
    with torch.no_grad():
        mean = (images * counts).sum() / n
        variance = ((images - mean).square() * counts).sum() / n
        explained = 1 - error / variance.clamp_min(1e-6)
    return error, explained
