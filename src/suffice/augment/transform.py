"""What every transform shares: it draws parameters, and a draw changes an image."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from suffice.core import UsageError


@dataclass(frozen=True, kw_only=True)
class Patches:
    """What a transform may know of the patches before it draws.

    Parameters
    ----------
    size : tuple of int
        Voxels along each spatial axis.
    spacing : tuple of float
        Along each spatial axis, in mm or, for pictures, ones.
    n_channels : int
    hounsfield : tuple of (float, float) or None
        For each channel the HU of intensity 0 and of one unit of intensity, None where
        intensities are no Hounsfield units; empty where no channel's are.
    """

    size: tuple[int, ...]
    spacing: tuple[float, ...]
    n_channels: int = 1
    hounsfield: tuple[tuple[float, float] | None, ...] = ()

    @property
    def ndim(self) -> int:
        """Spatial axes."""
        return len(self.size)


class Chance:
    """Numbers at random from a generator of the CPU, so that draws do not depend on the device."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Draw from ``low`` to ``high``."""
        return low + (high - low) * float(torch.rand((), generator=self.generator))

    def either_side(self, largest: float) -> float:
        """Draw from ``-largest`` to ``largest``."""
        return self.uniform(-largest, largest)

    def ratio(self, largest: float) -> float:
        """Draw a factor from ``1 / largest`` to ``largest``, as often up as down."""
        return math.exp(self.either_side(math.log(largest)))

    def happens(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return self.uniform() < probability

    def integer(self, n: int) -> int:
        """Draw from 0 to ``n - 1``."""
        return int(torch.randint(n, (), generator=self.generator))

    def seed(self) -> int:
        """Draw the seed of what is too large to be kept with a draw: noise and fields."""
        return self.integer(2**31)


class Draw(Protocol):
    """The parameters of one change of one patch: plain values, to be printed and replayed."""

    def apply_(self, image: Tensor) -> Tensor:
        """Return the changed image ``(C, *spatial)``; the one given may be written over."""
        ...


@dataclass(frozen=True, kw_only=True)
class Transform(ABC):
    """Ranges that draws are taken from.

    Parameters
    ----------
    probability : float
        Chance that a patch is changed at all.
    """

    probability: float = 0.3
    family: ClassVar[str]

    def __post_init__(self) -> None:
        require_probability(type(self).__name__, self.probability)

    @abstractmethod
    def sample(self, patches: Patches, chance: Chance) -> Draw | None:
        """Draw the parameters for one patch; None where there is nothing to change."""


def require_probability(name: str, probability: float) -> None:
    """Raise a `UsageError` for a probability that is none."""
    if not 0 <= probability <= 1:
        raise UsageError(
            f"The probability of {name} cannot be followed", got=probability, expected="0 to 1"
        )


def darkest(image: Tensor) -> Tensor:
    """Lowest value of each channel, ``(C, 1, ...)``, which stands for no signal.

    Channels are normalised each on its own: what is dark in one is grey in another.
    """
    return image.flatten(1).amin(1).view(-1, *(1,) * (image.ndim - 1))


def noise_like(image: Tensor, seed: int) -> Tensor:
    """Gaussian noise of unit spread in the shape, precision and place of an image."""
    generator = torch.Generator(image.device).manual_seed(seed)
    return torch.empty_like(image).normal_(generator=generator)


def field_points(shape: Sequence[int], sd: float, seed: int) -> Tensor:
    """Draw the control points of a smooth field again from the seed that a draw keeps."""
    return torch.randn(tuple(shape), generator=torch.Generator().manual_seed(seed)) * sd
