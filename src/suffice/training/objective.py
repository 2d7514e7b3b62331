"""What a training learns: a network, its loss on a batch, and a score that goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from suffice.nets import NnUNet, UNet, channels_last
from suffice.training.device import Device
from suffice.training.losses import deep_loss
from suffice.training.plan import Plan


@dataclass(frozen=True)
class Step:
    """What of a training an objective may look at.

    Parameters
    ----------
    device : Device
        In whose precision networks are to run.
    generator : torch.Generator
        Of the CPU; all random numbers come from it, so that a killed training goes on alike.
    fraction : float
        Of the time that is over.
    average : nn.Module
        The moving average of the weights, which is what a training leaves.
    partly_labelled : bool
        Whether the last channel of the targets is the share of a voxel that nobody labelled.
    """

    device: Device
    generator: torch.Generator
    fraction: float
    average: nn.Module
    partly_labelled: bool = False


class Whole:
    """An objective that keeps all of its network."""

    def keep(self, network: nn.Module) -> nn.Module:
        """Return the network itself."""
        return network


class Objective(Protocol):
    """What `train` asks of what is learned; the rest of a training is the same for all.

    Attributes
    ----------
    score : str
        Name of the score in the history: Dice, or what stands for it.
    """

    @property
    def score(self) -> str:
        """Name of the score in the history."""

    def build(self, plan: Plan) -> nn.Module:
        """Make the network of a plan, in the memory layout that convolutions are fastest in."""

    def loss(
        self, network: nn.Module, images: Tensor, targets: Tensor, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Loss and score of a batch.

        Parameters
        ----------
        network : nn.Module
            As `build` made it, wrapped by the device.
        images : tensor of shape (N, C, *spatial)
        targets : tensor of shape (N, K, *spatial) or (N, K + 1, *spatial)
            Class fractions that sum to 1, the share that nobody labelled among them.
        step : Step
        """

    def keep(self, network: nn.Module) -> nn.Module:
        """Return what predicts of a network that was trained: all of it, or a part."""


def build_network(plan: Plan) -> nn.Module:
    """Make the U-Net of a plan, in the memory layout that convolutions are fastest in."""
    shared: dict[str, Any] = {
        "ndim": plan.ndim,
        "in_channels": plan.in_channels,
        "n_classes": plan.n_classes,
        "widths": plan.widths,
        "strides": plan.strides,
        "blocks": plan.blocks,
        "encoder": plan.encoder,
        "n_heads": min(plan.n_heads, len(plan.strides)),
    }
    network: nn.Module
    if plan.architecture == "nnunet":
        network = NnUNet(kernels=plan.kernels, decoder_convs=plan.decoder_convs, **shared)
    else:
        network = UNet(**shared)
    return channels_last(network, plan.ndim)


class Segmenting(Whole):
    """The classes of each voxel, by a U-Net."""

    score = "dice"

    def build(self, plan: Plan) -> nn.Module:
        """Make the U-Net of a plan."""
        return build_network(plan)

    def loss(
        self, network: nn.Module, images: Tensor, targets: Tensor, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Cross-entropy and Dice at several resolutions, and the finest Dice."""
        with step.device.autocast():
            logits = network(images)
        return deep_loss(logits, targets)
