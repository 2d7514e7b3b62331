"""Bias field: a gain that changes slowly across the scan, as coils and lamps make it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from suffice.augment.basis import smooth_field
from suffice.augment.transform import Chance, Patches, Transform, darkest, field_points


@dataclass(frozen=True, kw_only=True)
class BiasField(Transform):
    """Multiply with a smooth field.

    Parameters
    ----------
    largest : float
        Largest standard deviation of the logarithm of the field.
    points : int
        Control points along each axis.
    """

    largest: float = 0.2
    points: int = 4
    family: ClassVar[str] = "bias_field"

    def sample(self, patches: Patches, chance: Chance) -> BiasFieldDraw:
        """Draw how strong the field is."""
        return BiasFieldDraw(chance.uniform(0, self.largest), self.points, chance.seed())


@dataclass(frozen=True)
class BiasFieldDraw:
    """Standard deviation of the logarithm at the control points, their number and seed."""

    sd: float
    points: int
    seed: int

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)`` in its place; the darkest of a channel stays."""
        size = tuple(image.shape[1:])
        points = field_points((self.points,) * len(size), self.sd, self.seed)
        gain = smooth_field(points.to(image.dtype), size, image.device).exp_()
        low = darkest(image)
        return image.sub_(low).mul_(gain).add_(low)
