"""Spikes: single wrong points of k-space, seen as stripes across an MR scan."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suffice.augment.transform import Chance, Patches, Transform


@dataclass(frozen=True, kw_only=True)
class Spikes(Transform):
    """Add stripes.

    Parameters
    ----------
    largest : float
        Largest height of the stripes, in standard deviations of the scan.
    spikes : int
        Most spikes.
    """

    largest: float = 0.3
    spikes: int = 2
    family: ClassVar[str] = "artefacts"

    def sample(self, patches: Patches, chance: Chance) -> SpikesDraw:
        """Draw places in k-space."""
        n = 1 + chance.integer(self.spikes)
        places = (tuple(chance.integer(k) for k in patches.size) for _ in range(n))
        phases = (chance.uniform(0, 2 * math.pi) for _ in range(n))
        return SpikesDraw(chance.uniform(0, self.largest), tuple(places), tuple(phases))


@dataclass(frozen=True)
class SpikesDraw:
    """Height of the stripes, and for each spike its line along each axis of k-space and phase."""

    height: float
    places: tuple[tuple[int, ...], ...]
    phases: tuple[float, ...]

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)`` in its place."""
        for place, phase in zip(self.places, self.phases, strict=True):
            image.add_(stripes(image, place, phase), alpha=self.height)
        return image


def stripes(image: Tensor, place: tuple[int, ...], phase: float) -> Tensor:
    """The wave of unit height that a point of k-space is, ``(*spatial)``."""
    angle = torch.tensor(phase, dtype=image.dtype, device=image.device)
    for axis, (line, n) in enumerate(zip(place, image.shape[1:], strict=True)):
        turns = torch.arange(n, device=image.device).mul_(line).remainder_(n).to(image.dtype)
        turns = turns.mul_(2 * math.pi / n)
        angle = angle + turns.reshape(-1, *(1,) * (len(place) - 1 - axis))
    return angle.cos_()
