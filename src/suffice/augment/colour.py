"""Colour: channels that shift against each other, paler colours, swapped polarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suffice.augment.transform import Chance, Patches, Transform, require_probability


@dataclass(frozen=True, kw_only=True)
class ColourShift(Transform):
    """Shift channels, each on its own.

    Parameters
    ----------
    largest : float
        Largest shift to either side, in standard deviations of the scan.
    each : float
        Chance of each channel of a patch that is changed.
    """

    largest: float = 0.4
    each: float = 1.0
    family: ClassVar[str] = "colour"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_probability("a channel's shift", self.each)

    def sample(self, patches: Patches, chance: Chance) -> ColourShiftDraw:
        """Draw a shift for each channel."""
        shifts = (
            chance.either_side(self.largest) if chance.happens(self.each) else 0.0
            for _ in range(patches.n_channels)
        )
        return ColourShiftDraw(tuple(shifts))


@dataclass(frozen=True)
class ColourShiftDraw:
    """A shift for each channel."""

    shifts: tuple[float, ...]

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)`` in its place."""
        for channel, shift in zip(image, self.shifts, strict=True):
            if shift:
                channel.add_(shift)
        return image


@dataclass(frozen=True, kw_only=True)
class Saturation(Transform):
    """Paler or stronger colours, for pictures of several channels.

    Parameters
    ----------
    largest : float
        Largest change, to either side, of the distance of channels from their mean: 1 at most
        makes them grey or doubles it.
    """

    largest: float = 0.5
    family: ClassVar[str] = "colour"

    def sample(self, patches: Patches, chance: Chance) -> SaturationDraw | None:
        """Draw a factor; there is none for one channel."""
        if patches.n_channels == 1:
            return None
        return SaturationDraw(1 + chance.either_side(self.largest))


@dataclass(frozen=True)
class SaturationDraw:
    """Factor of the distance of channels from their mean."""

    factor: float

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)`` in its place."""
        grey = image.mean(dim=0, keepdim=True)
        return image.mul_(self.factor).add_(grey, alpha=1 - self.factor)


@dataclass(frozen=True, kw_only=True)
class Invert(Transform):
    """Swap dark and bright: stains and detectors differ in sign."""

    family: ClassVar[str] = "colour"

    def sample(self, patches: Patches, chance: Chance) -> InvertDraw:
        """There is nothing more to draw."""
        return InvertDraw()


@dataclass(frozen=True)
class InvertDraw:
    """Dark and bright swapped; the range of intensities stays."""

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)`` in its place."""
        low, high = torch.aminmax(image)
        return image.neg_().add_(low + high)
