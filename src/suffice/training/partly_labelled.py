"""Scribbles and partial labels: known voxels teach, and the average of the weights the others."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suffice.training.losses import deep_loss
from suffice.training.objective import Segmenting, Step
from suffice.training.pool.strategy import ALONE, probabilities, ramp, together

# Of the intensities that the student sees, which have unit spread; the teacher sees none.
NOISE = 0.1


class PartlyLabelled(Segmenting):
    """The classes of each voxel, where nobody labelled some of them.

    Voxels that nobody labelled have no part in cross-entropy and Dice (Tang 2018, arXiv
    1804.01346). In them the network is drawn to what the moving average of its weights says of
    the same patch without noise (Tarvainen 2017, arXiv 1703.01780; for scribbles Liu 2022, doi
    10.1016/j.patcog.2021.108341). Batches in which every voxel is labelled are learned from as
    by `Segmenting`, to the bit.

    Parameters
    ----------
    consistency : float
        Weight of the mean squared distance of the probabilities, once it counts fully.
    """

    def __init__(self, *, consistency: float = 10.0) -> None:
        self.consistency = consistency

    def loss(
        self, network: nn.Module, images: Tensor, targets: Tensor, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Loss on what is labelled and consistency on the rest, and the Dice of the first."""
        if not step.partly_labelled or step.fraction < ALONE or not self.consistency:
            return super().loss(network, images, targets, step)
        taught = probabilities(step, images)
        noise = torch.randn(images.shape, generator=step.generator).to(images)
        with step.device.autocast():
            logits = network(together(images + NOISE * noise))
        loss, dice = deep_loss(logits, targets)
        apart = disagreement(logits[0], taught, targets[:, -1:])
        return loss + self.consistency * ramp(step.fraction) * apart, dice


def disagreement(logits: Tensor, taught: Tensor, unlabelled: Tensor) -> Tensor:
    """Mean squared distance of the probabilities over unlabelled voxels.

    Parameters
    ----------
    logits, taught : tensor of shape (N, K, *spatial)
        Of the student, and probabilities by the teacher.
    unlabelled : tensor of shape (N, 1, *spatial)
        Share of each voxel that nobody labelled.
    """
    apart = (torch.softmax(logits.float(), dim=1) - taught).square().mean(1, keepdim=True)
    return (unlabelled * apart).sum() / unlabelled.sum().clamp_min(1)
