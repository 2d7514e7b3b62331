"""What a variational autoencoder of healthy tissue minimises."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suffice.nets import VAE, Gaussian, channels_last
from suffice.training.device import unwrapped
from suffice.training.objective import Step, Whole
from suffice.training.plan import Plan


class HealthyImages(Whole):
    """Images outside of what was drawn: the lower bound with the drawn voxels left out.

    What was drawn is also taken out of the image that the encoder sees, so that nothing teaches
    it to redraw that.

    Parameters
    ----------
    beta : float
        Weight of the divergence from the standard normal, in nats a patch, against the squared
        error summed over its voxels and channels.
    """

    score = "explained"

    def __init__(self, *, beta: float = 1.0) -> None:
        self.beta = beta

    def build(self, plan: Plan) -> nn.Module:
        """Make the autoencoder of a plan."""
        network = VAE(
            ndim=plan.ndim,
            in_channels=plan.in_channels,
            widths=plan.widths,
            strides=plan.strides,
        )
        return channels_last(network, plan.ndim)

    def loss(
        self, network: nn.Module, images: Tensor, targets: Tensor, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Negative lower bound a voxel, and the part of the variance that is redrawn."""
        shape = unwrapped(network).latent_shape(images)
        noise = torch.randn(shape, generator=step.generator).to(images.device)
        healthy = targets[:, :1]
        with step.device.autocast():
            redrawn, latent = network(images * healthy, noise)
        return (
            negative_bound(redrawn, images, healthy, latent, self.beta),
            explained(redrawn.detach(), images, healthy),
        )


def negative_bound(
    redrawn: Tensor, images: Tensor, healthy: Tensor, latent: Gaussian, beta: float
) -> Tensor:
    """Negative evidence lower bound, a voxel, for unit Gaussian noise and without its constant.

    Parameters
    ----------
    redrawn, images : tensor of shape (N, C, *spatial)
    healthy : tensor of shape (N, 1, *spatial)
        Share of each voxel that counts.
    latent : Gaussian
    beta : float
    """
    error = 0.5 * ((redrawn.float() - images).square() * healthy).flatten(1).sum(1)
    divergence = latent.divergence(Gaussian.standard(latent))
    return (error + beta * divergence).mean() / images[0].numel()


def explained(redrawn: Tensor, images: Tensor, healthy: Tensor) -> Tensor:
    """Part of the variance over the healthy voxels of a batch that was redrawn; at most 1."""
    weights = healthy.expand_as(images)
    total = weights.sum().clamp_min(1e-6)
    mean = (images * weights).sum() / total
    error = ((redrawn.float() - images).square() * weights).sum()
    return 1 - error / ((images - mean).square() * weights).sum().clamp_min(1e-6)
