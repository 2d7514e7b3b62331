"""Gamma: a curve between intensities that leaves the darkest and the brightest their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suffice.augment.transform import Chance, Patches, Transform

SMALLEST = 1e-6


@dataclass(frozen=True, kw_only=True)
class Gamma(Transform):
    """Raise intensities to a power.

    Parameters
    ----------
    largest : float
        Largest exponent, up or down, as a ratio.
    inverted : float
        Part of the patches whose negative is raised instead, which bends the bright end.
    """

    largest: float = 1.5
    inverted: float = 0.5
    family: ClassVar[str] = "gamma"

    def sample(self, patches: Patches, chance: Chance) -> GammaDraw:
        """Draw an exponent."""
        return GammaDraw(chance.ratio(self.largest), chance.happens(self.inverted))


@dataclass(frozen=True)
class GammaDraw:
    """An exponent, and whether the negative is raised to it."""

    exponent: float
    inverted: bool

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)`` in its place."""
        return bend_intensities_(image, self.exponent, inverted=self.inverted)


def bend_intensities_(image: Tensor, exponent: float, *, inverted: bool) -> Tensor:
    """Raise intensities, as parts of the range from darkest to brightest, to a power in place.

    Mean and spread are kept, so that gamma does not double as brightness and contrast.
    """
    low, high = torch.aminmax(image)
    span = (high - low).clamp_min(SMALLEST)
    start, step = (high, -span) if inverted else (low, span)
    image.sub_(start).div_(step)
    mean, spread = mean_and_spread(image)
    # Twice as fast as a power, and of 0 it is 0 as well.
    image.log_().mul_(exponent).exp_()
    new_mean, new_spread = mean_and_spread(image)
    factor = step * spread / torch.maximum(new_spread, SMALLEST / span)
    return image.sub_(new_mean).mul_(factor).add_(start + step * mean)


def mean_and_spread(image: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of values from 0 to 1, in two fast passes."""
    mean = image.mean()
    square = torch.linalg.vector_norm(image).square() / image.numel()
    return mean, (square - mean.square()).clamp_min(0).sqrt()
