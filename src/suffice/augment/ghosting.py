"""Ghosting: copies of the patient along one axis, as pulsation and breathing make them in MR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suffice.augment.transform import Chance, Patches, Transform


@dataclass(frozen=True, kw_only=True)
class Ghosting(Transform):
    """Weaken every n-th line of k-space.

    Parameters
    ----------
    largest : float
        Largest part of a line's signal that is lost.
    ghosts : (int, int)
        Fewest and most ghosts along the axis.
    """

    largest: float = 0.6
    ghosts: tuple[int, int] = (2, 6)
    family: ClassVar[str] = "artefacts"

    def sample(self, patches: Patches, chance: Chance) -> GhostingDraw:
        """Draw an axis, a number and a strength."""
        few, many = self.ghosts
        return GhostingDraw(
            axis=chance.integer(patches.ndim),
            ghosts=few + chance.integer(many - few + 1),
            strength=chance.uniform(0, self.largest),
        )


@dataclass(frozen=True)
class GhostingDraw:
    """Spatial axis along which lines are weakened, every which one, and by what part."""

    axis: int
    ghosts: int
    strength: float

    def apply_(self, image: Tensor) -> Tensor:
        """Return the image ``(C, *spatial)`` with its ghosts."""
        return weaken_lines(image, self.axis, self.ghosts, self.strength)


def weaken_lines(image: Tensor, axis: int, every: int, strength: float) -> Tensor:
    """Multiply lines 0, ``every``, ... of k-space, but the central one, by ``1 - strength``.

    The factor of a line hangs on one axis of k-space alone, so that the transform of that axis
    is all that is needed.
    """
    axis, n = axis + 1, image.shape[axis + 1]
    lines: Tensor = torch.fft.rfft(image, dim=axis)
    lines[(slice(None),) * axis + (slice(every, None, every),)] *= 1 - strength
    weakened: Tensor = torch.fft.irfft(lines, n, dim=axis)
    return weakened
