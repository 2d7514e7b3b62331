"""Brightness and contrast: another gain, another offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from suffice.augment.transform import Chance, Patches, Transform


@dataclass(frozen=True, kw_only=True)
class Brightness(Transform):
    """Add the same to every voxel.

    Parameters
    ----------
    largest : float
        Largest shift to either side, in standard deviations of the scan.
    """

    largest: float = 0.3
    family: ClassVar[str] = "brightness"

    def sample(self, patches: Patches, chance: Chance) -> LineDraw:
        """Draw a shift."""
        return LineDraw(offset=chance.either_side(self.largest))


@dataclass(frozen=True, kw_only=True)
class Contrast(Transform):
    """Multiply every voxel, about the scan's mean.

    Parameters
    ----------
    largest : float
        Largest factor, up or down, as a ratio.
    """

    largest: float = 1.4
    family: ClassVar[str] = "contrast"

    def sample(self, patches: Patches, chance: Chance) -> LineDraw:
        """Draw a factor."""
        return LineDraw(gain=chance.ratio(self.largest))


@dataclass(frozen=True, kw_only=True)
class LineDraw:
    """Intensities along a line: ``gain * intensity + offset``."""

    gain: float = 1.0
    offset: float = 0.0

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)`` in its place."""
        return image.mul_(self.gain).add_(self.offset)
