"""A U-Net that draws plausible masks: what raters may have drawn, one mask a latent sample."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suffice.nets.latent import LatentEncoder
from suffice.nets.unet import CONVOLUTION, SLOPE, UNet, pointwise

N_LATENT = 6


class ProbUNet(nn.Module):
    """A probabilistic U-Net (Kohl 2018, arXiv 1806.05034) in two or three dimensions.

    The prior sees the image, the posterior the image and one rater's mask; a sample of either is
    mixed into the features of a U-Net at every voxel, so that one sample makes one whole mask.

    Parameters
    ----------
    ndim, in_channels, n_classes, widths, strides, blocks, encoder
        As for `UNet`.
    n_latent : int
        Variables that tell one plausible mask from another.
    """

    def __init__(
        self,
        *,
        ndim: int,
        in_channels: int,
        n_classes: int,
        widths: Sequence[int],
        strides: Sequence[Sequence[int]],
        blocks: Sequence[int],
        encoder: str = "residual",
        n_latent: int = N_LATENT,
    ) -> None:
        super().__init__()
        self.n_classes, self.n_latent = n_classes, n_latent
        self.backbone = UNet(
            ndim=ndim,
            in_channels=in_channels,
            n_classes=widths[0],
            widths=widths,
            strides=strides,
            blocks=blocks,
            encoder=encoder,
        )
        self.prior = LatentEncoder(
            ndim, in_channels, widths=widths, strides=strides, n_latent=n_latent
        )
        self.posterior = LatentEncoder(
            ndim, in_channels + n_classes, widths=widths, strides=strides, n_latent=n_latent
        )
        self.mixer = Mixer(ndim, widths[0], n_latent, n_classes)

    def forward(self, images: Tensor, targets: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Redraw the masks of a training batch.

        Parameters
        ----------
        images : tensor of shape (N, C, *spatial)
        targets : tensor of shape (N, K, *spatial)
            One rater's class fractions each.
        noise : tensor of shape (N, n_latent)
            Standard normal.

        Returns
        -------
        logits : tensor of shape (N, K, *spatial)
        divergence : tensor of shape (N,)
            Of the posterior from the prior, in nats.
        """
        posterior = self.posterior(torch.cat([images, targets.to(images.dtype)], dim=1))
        divergence = posterior.divergence(self.prior(images))
        return self.mixer(self.backbone(images)[0], posterior.sample(noise)), divergence


class Mixer(nn.Module):
    """Three 1x1 convolutions over features and a latent sample that is the same everywhere."""

    def __init__(self, ndim: int, width: int, n_latent: int, n_classes: int) -> None:
        super().__init__()
        conv, kernel = CONVOLUTION[ndim], (1,) * ndim
        self.first = conv(width, width, kernel)
        # Apart, as the same product for every voxel need be made but once.
        self.latent = nn.Linear(n_latent, width, bias=False)
        self.second = conv(width, width, kernel)
        self.last = conv(width, n_classes, kernel)

    def forward(self, features: Tensor, latent: Tensor) -> Tensor:
        """Map ``(N, C, *spatial)`` and ``(N or 1, L)`` to logits ``(N, K, *spatial)``."""
        shift = self.latent(latent)
        shift = shift.view(*shift.shape, *(1,) * (features.ndim - 2))
        x = F.leaky_relu(pointwise(self.first, features) + shift, SLOPE)
        return pointwise(self.last, F.leaky_relu(pointwise(self.second, x), SLOPE))


class MeanMask(nn.Module):
    """The mean of the masks that a network draws for some noise, as logits.

    Parameters
    ----------
    network : ProbUNet
    noise : tensor of shape (n, n_latent)
        Standard normal, a row a mask. The same for every tile and slice of an image, so that a
        mask is of one mind throughout.
    """

    noise: Tensor

    def __init__(self, network: ProbUNet, noise: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("noise", noise)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Give the logits ``(N, K, *spatial)`` in a list, as `UNet` does."""
        return [torch.logsumexp(torch.stack(self.masks(images)), dim=0)]

    def masks(self, images: Tensor) -> list[Tensor]:
        """Log-probabilities ``(N, K, *spatial)`` of each mask."""
        features = self.network.backbone(images)[0]
        prior = self.network.prior(images)
        return [
            F.log_softmax(self.network.mixer(features, prior.sample(noise)).float(), dim=1)
            for noise in self.noise
        ]


class EachMask(MeanMask):
    """All masks for the noise side by side: classes 0 to K - 1 are those of the first, and so on.

    Each mask has an equal share of the probability, so that one run gives them all.
    """

    def forward(self, images: Tensor) -> list[Tensor]:
        """Give the logits ``(N, n K, *spatial)`` in a list, as `UNet` does."""
        return [torch.cat(self.masks(images), dim=1)]
