"""A variational autoencoder of images: what it cannot redraw is unlike what it has learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suffice.core import ModelError
from suffice.nets.latent import Gaussian
from suffice.nets.unet import CONVOLUTION, UPSAMPLING, ConvNorm, pointwise

N_LATENT = 8
# Of the probability of an anomaly: from one half to 0.88 over half a standard deviation.
STEEPNESS = 4.0
SIDES: dict[str, Callable[[Tensor], Tensor]] = {
    "bright": lambda averaged: averaged,
    "dark": torch.neg,
    "any": torch.abs,
}


class VAE(nn.Module):
    """A variational autoencoder (Kingma and Welling 2014, arXiv 1312.6114) without skips.

    Its latent variables lie on a coarse grid, ``n_latent`` a place, so that images may have any
    size and be run in tiles.

    Parameters
    ----------
    ndim, in_channels : int
    widths, strides
        As for `UNet`; the latent grid is as coarse as all strides together make it.
    n_latent : int
        Variables at each place of the coarse grid.
    """

    def __init__(
        self,
        *,
        ndim: int,
        in_channels: int,
        widths: Sequence[int],
        strides: Sequence[Sequence[int]],
        n_latent: int = N_LATENT,
    ) -> None:
        super().__init__()
        self.n_latent = n_latent
        self.strides = tuple(tuple(stride) for stride in strides)
        conv, kernel = CONVOLUTION[ndim], (3,) * ndim
        stages: list[nn.Module] = []
        n_in = in_channels
        for width, stride in zip(widths[1:], strides, strict=True):
            stages.append(ConvNorm(ndim, n_in, width, kernel=kernel, stride=stride))
            n_in = width
        self.encoder = nn.Sequential(*stages)
        self.to_latent = conv(n_in, 2 * n_latent, (1,) * ndim)
        self.from_latent = conv(n_latent, n_in, (1,) * ndim)
        self.decoder = nn.ModuleList(
            ConvNorm(ndim, coarse, fine, kernel=kernel)
            for fine, coarse in reversed(list(zip(widths[:-1], [*widths[1:-1], n_in], strict=True)))
        )
        self.head = conv(widths[0], in_channels, (1,) * ndim)
        self.mode = UPSAMPLING[ndim]

    def forward(self, images: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Gaussian]:
        """Redraw ``(N, C, *spatial)``, without noise from the means of the latent variables."""
        sizes = [images.shape[2:]]
        x = images
        for stage in self.encoder:
            x = stage(x)
            sizes.append(x.shape[2:])
        latent = Gaussian.of(pointwise(self.to_latent, x))
        x = pointwise(self.from_latent, latent.mean if noise is None else latent.sample(noise))
        for block, size in zip(self.decoder, reversed(sizes[:-1]), strict=True):
            x = block(F.interpolate(x, size=size, mode=self.mode))
        return pointwise(self.head, x), latent

    def latent_shape(self, images: Tensor) -> tuple[int, ...]:
        """Shape ``(N, n_latent, *coarse)`` of the noise for a batch of images."""
        size = list(images.shape[2:])
        for stride in self.strides:
            size = [-(-n // step) for n, step in zip(size, stride, strict=True)]
        return (len(images), self.n_latent, *size)


@dataclass(frozen=True, kw_only=True)
class AnomalyRule:
    """When a residual is an anomaly.

    Parameters
    ----------
    side : {"bright", "dark", "any"}
        Whether what is brighter than it was redrawn counts, or what is darker, or both.
    window : int
        Side of the box, in voxels and odd, that residuals are averaged over.
    threshold : float
        Least averaged residual, in standard deviations of the scan.
    dice : float
        Mean over the cases that the rule was searched on.

    Raises
    ------
    ModelError
        If the side is unknown or the window even.
    """

    side: str
    window: int
    threshold: float
    dice: float

    def __post_init__(self) -> None:
        if self.side not in SIDES:
            raise ModelError(
                "A residual has no such side", got=self.side, expected=", ".join(SIDES)
            )
        if self.window < 1 or self.window % 2 == 0:
            raise ModelError("A window must be odd", got=self.window)


class AnomalyLogits(nn.Module):
    """Logits of healthy and unlike healthy, by a rule over what an autoencoder cannot redraw."""

    def __init__(self, network: VAE, rule: AnomalyRule) -> None:
        super().__init__()
        self.network, self.rule = network, rule

    def forward(self, images: Tensor) -> list[Tensor]:
        """Give logits ``(N, 2, *spatial)`` in a list, as `UNet` does."""
        averaged = average(residual(self.network, images), self.rule.window)
        odds = STEEPNESS * (SIDES[self.rule.side](averaged) - self.rule.threshold)
        return [torch.cat([torch.zeros_like(odds), odds], dim=1)]


def residual(network: VAE, images: Tensor) -> Tensor:
    """How much brighter ``(N, C, *spatial)`` is than it is redrawn, mean over the channels."""
    redrawn: Tensor = network(images)[0]
    signed = images.float() - redrawn.float()
    return signed.mean(1, keepdim=True)


def average(values: Tensor, window: int) -> Tensor:
    """Average ``(N, 1, *spatial)`` over a box of ``window`` voxels a side, cut at the edges."""
    if window == 1:
        return values
    # Odd along each axis, and no longer than it.
    sides = [min(window, n - 1 + n % 2) for n in values.shape[2:]]
    pool: Any = F.avg_pool2d if values.ndim == 4 else F.avg_pool3d
    averaged: Tensor = pool(
        values, sides, stride=1, padding=[n // 2 for n in sides], count_include_pad=False
    )
    return averaged
