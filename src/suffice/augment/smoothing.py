"""Blur and sharpening: one small matrix along each axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suffice.augment.transform import Chance, Patches, Transform


@dataclass(frozen=True, kw_only=True)
class Blur(Transform):
    """Smooth with a Gaussian that is as wide along every axis in space.

    Parameters
    ----------
    largest : float
        Largest standard deviation, in steps of the finest axis.
    """

    largest: float = 1.0
    family: ClassVar[str] = "resolution"

    def sample(self, patches: Patches, chance: Chance) -> BlurDraw:
        """Draw a width."""
        return BlurDraw(_in_voxels(chance.uniform(0, self.largest), patches))


@dataclass(frozen=True)
class BlurDraw:
    """Standard deviation along each axis, in voxels."""

    sd_voxels: tuple[float, ...]

    def apply_(self, image: Tensor) -> Tensor:
        """Blur an image ``(C, *spatial)``."""
        return smooth(image, self.sd_voxels)


@dataclass(frozen=True, kw_only=True)
class Sharpen(Transform):
    """Add what a blur takes away.

    Parameters
    ----------
    largest : float
        Largest part of it that is added.
    width : float
        Standard deviation of the blur, in steps of the finest axis.
    """

    largest: float = 1.0
    width: float = 1.0
    family: ClassVar[str] = "resolution"

    def sample(self, patches: Patches, chance: Chance) -> SharpenDraw:
        """Draw an amount."""
        return SharpenDraw(chance.uniform(0, self.largest), _in_voxels(self.width, patches))


@dataclass(frozen=True)
class SharpenDraw:
    """How much of the detail is added, and what counts as detail."""

    amount: float
    sd_voxels: tuple[float, ...]

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)`` in its place."""
        smoothed = smooth(image, self.sd_voxels)
        return image.mul_(1 + self.amount).sub_(smoothed, alpha=self.amount)


def smooth(image: Tensor, sd_voxels: tuple[float, ...]) -> Tensor:
    """Convolve an image ``(C, *spatial)`` with a Gaussian; its weights are cut off at the edges.

    A product of matrices is many times as fast as torch's convolution of a single channel.
    """
    for axis, sd in enumerate(sd_voxels, start=1):
        n = image.shape[axis]
        if sd > 0 and n > 1:
            apart = torch.arange(n, dtype=torch.float64)
            weights = torch.exp(-((apart - apart[:, None]) ** 2) / (2 * sd**2))
            weights = (weights / weights.sum(1, keepdim=True)).to(image)
            image = along_axis(weights, image, axis)
    return image


def along_axis(matrix: Tensor, image: Tensor, axis: int) -> Tensor:
    """Multiply a matrix with an image along one of its axes."""
    if axis == image.ndim - 1:
        return image @ matrix.T
    flat = image.flatten(axis + 1).flatten(0, axis - 1)
    return torch.matmul(matrix, flat).view(image.shape)


def _in_voxels(width: float, patches: Patches) -> tuple[float, ...]:
    finest = min(patches.spacing)
    return tuple(width * finest / step for step in patches.spacing)
