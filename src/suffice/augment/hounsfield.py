"""CT: a scanner that is off by some Hounsfield units, and narrower windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from suffice.augment.transform import Chance, Patches, Transform


@dataclass(frozen=True, kw_only=True)
class HounsfieldShift(Transform):
    """Shift the channels that are in Hounsfield units.

    Parameters
    ----------
    largest_hu : float
        Largest shift to either side.
    """

    largest_hu: float = 20.0
    family: ClassVar[str] = "hounsfield"

    def sample(self, patches: Patches, chance: Chance) -> HounsfieldShiftDraw | None:
        """Draw a shift; there is none where no channel is in HU."""
        units = [hu[1] if hu else None for hu in patches.hounsfield]
        if not any(units):
            return None
        shift_hu = chance.either_side(self.largest_hu)
        return HounsfieldShiftDraw(shift_hu, tuple(shift_hu / u if u else 0.0 for u in units))


@dataclass(frozen=True)
class HounsfieldShiftDraw:
    """A shift in HU, and what it is in the units of each channel."""

    shift_hu: float
    shifts: tuple[float, ...]

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)`` in its place."""
        for channel, shift in zip(image, self.shifts, strict=True):
            channel.add_(shift)
        return image


@dataclass(frozen=True, kw_only=True)
class HounsfieldWindow(Transform):
    """Cut off what lies outside a window of Hounsfield units, as a viewer does.

    Parameters
    ----------
    centre_hu : (float, float)
        Lowest and highest centre of the window.
    width_hu : (float, float)
        Narrowest and widest window.
    """

    centre_hu: tuple[float, float] = (-50.0, 150.0)
    width_hu: tuple[float, float] = (350.0, 2000.0)
    family: ClassVar[str] = "hounsfield"

    def sample(self, patches: Patches, chance: Chance) -> HounsfieldWindowDraw | None:
        """Draw a window; there is none where no channel is in HU."""
        if not any(patches.hounsfield):
            return None
        centre, half = chance.uniform(*self.centre_hu), chance.uniform(*self.width_hu) / 2
        low, high = centre - half, centre + half
        limits = tuple(
            ((low - hu[0]) / hu[1], (high - hu[0]) / hu[1]) if hu else None
            for hu in patches.hounsfield
        )
        return HounsfieldWindowDraw((low, high), limits)


@dataclass(frozen=True)
class HounsfieldWindowDraw:
    """A window in HU, and what it is in the units of each channel."""

    window_hu: tuple[float, float]
    limits: tuple[tuple[float, float] | None, ...]

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)`` in its place."""
        for channel, limits in zip(image, self.limits, strict=True):
            if limits is not None:
                channel.clamp_(*limits)
        return image
