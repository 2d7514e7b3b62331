"""Normal distributions over latent variables, and the encoder of an image into one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from suffice.nets.unet import CONVOLUTION, SLOPE

# exp of more is no spread that training can come back from.
MAX_LOG_SD = 5.0
LARGEST_MEAN, LARGEST_LOG_SD = 4.0, 1.5


class Gaussian(NamedTuple):
    """Independent normal variables, by mean and logarithm of the standard deviation.

    Parameters
    ----------
    mean, log_sd : tensor of shape (N, L, ...)

    Examples
    --------
    >>> standard = Gaussian(torch.zeros(1, 2), torch.zeros(1, 2))
    >>> standard.divergence(standard)
    tensor([0.])
    """

    mean: Tensor
    log_sd: Tensor

    @classmethod
    def of(cls, both: Tensor) -> Gaussian:
        """Split ``(N, 2 L, ...)`` into means and logarithms of spreads."""
        mean, log_sd = both.float().chunk(2, dim=1)
        return cls(mean, log_sd.clamp(-MAX_LOG_SD, MAX_LOG_SD))

    @classmethod
    def standard(cls, like: Gaussian) -> Gaussian:
        """Zero means and unit spreads in the shape of another."""
        return cls(torch.zeros_like(like.mean), torch.zeros_like(like.log_sd))

    def sample(self, noise: Tensor) -> Tensor:
        """Turn standard normal noise into a sample that gradients go through."""
        return self.mean + self.log_sd.exp() * noise

    def divergence(self, other: Gaussian) -> Tensor:
        """Kullback-Leibler divergence of this from ``other`` in nats, shape ``(N,)``."""
        ratio = torch.exp(2 * (self.log_sd - other.log_sd))
        shift = (self.mean - other.mean) * torch.exp(-other.log_sd)
        each = 0.5 * (ratio + shift.square() - 1) - (self.log_sd - other.log_sd)
        return each.flatten(1).sum(1)


class LatentEncoder(nn.Module):
    """Sum up an image of any size in a normal distribution of ``n_latent`` variables.

    Without instance norm, which would take out of the means over an image what they are to tell:
    with it, whether a rater drew anything at all was not learned.
    """

    def __init__(
        self,
        ndim: int,
        n_in: int,
        *,
        widths: Sequence[int],
        strides: Sequence[Sequence[int]],
        n_latent: int,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        # The finest resolution is left out: it costs the most, and tells the least.
        for width, stride in zip(widths[1:], strides, strict=True):
            for step in (tuple(stride), (1,) * ndim):
                conv = CONVOLUTION[ndim](n_in, width, (3,) * ndim, stride=step, padding=1)
                layers += [conv, nn.LeakyReLU(SLOPE, inplace=True)]
                n_in = width
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(n_in, 2 * n_latent)
        # Prior and posterior begin near the standard normal, and their divergence near 0.
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Gaussian:
        """Map ``(N, C, *spatial)`` to variables of shape ``(N, n_latent)``."""
        free = Gaussian.of(self.head(self.body(x).flatten(2).mean(2)))
        # Two distributions that run from each other made the divergence explode at the U-Net's
        # learning rate; within these bounds it cannot.
        return Gaussian(
            LARGEST_MEAN * torch.tanh(free.mean / LARGEST_MEAN),
            LARGEST_LOG_SD * torch.tanh(free.log_sd / LARGEST_LOG_SD),
        )
