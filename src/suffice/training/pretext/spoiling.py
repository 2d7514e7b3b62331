"""What an image is spoilt by before a network restores it, after Models Genesis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suffice.augment.transform import Chance, Patches, Transform, noise_like

Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Curve(Transform):
    """Send intensities through a monotone curve, as often downhill as up."""

    family: ClassVar[str] = "pretext"

    def sample(self, patches: Patches, chance: Chance) -> CurveDraw:
        """Draw a curve."""
        return CurveDraw(chance.uniform(), chance.uniform(), chance.happens(0.5))


@dataclass(frozen=True)
class CurveDraw:
    """Heights of the two inner points of a Bezier curve from 0 to 1, and whether it falls."""

    first: float
    second: float
    falls: bool

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)``, each channel within its own range."""
        axes = tuple(range(1, image.ndim))
        low, high = image.amin(axes, keepdim=True), image.amax(axes, keepdim=True)
        t = (image - low) / (high - low).clamp_min(1e-6)
        rest = 1 - t
        height = 3 * rest * t * (rest * self.first + t * self.second) + t**3
        return low + (high - low) * (1 - height if self.falls else height)


@dataclass(frozen=True, kw_only=True)
class LocalShuffle(Transform):
    """Shuffle the voxels within small boxes, which leaves shape and takes texture away.

    Parameters
    ----------
    largest : int
        Largest side of a box, in voxels.
    part : float
        Of the boxes that is shuffled.
    """

    largest: int = 4
    part: float = 0.5
    family: ClassVar[str] = "pretext"

    def sample(self, patches: Patches, chance: Chance) -> LocalShuffleDraw:
        """Draw how large the boxes are, which may be one voxel thin along short axes."""
        side = 2 + chance.integer(self.largest - 1)
        sides = tuple(min(side, n) for n in patches.size)
        return LocalShuffleDraw(sides, self.part, chance.seed())


@dataclass(frozen=True)
class LocalShuffleDraw:
    """Sides of the boxes, the part that is shuffled, and seed."""

    sides: tuple[int, ...]
    part: float
    seed: int

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)`` in its place; what no whole box covers stays."""
        counts = [n // side for n, side in zip(image.shape[1:], self.sides, strict=True)]
        whole = [slice(0, k * side) for k, side in zip(counts, self.sides, strict=True)]
        inside = image[(slice(None), *whole)]
        split = [n for pair in zip(counts, self.sides, strict=True) for n in pair]
        order = [0, *range(1, len(split), 2), *range(2, len(split) + 1, 2)]
        boxes = inside.reshape(len(image), *split).permute(order)
        flat = boxes.reshape(len(image), math.prod(counts), math.prod(self.sides))
        generator = torch.Generator().manual_seed(self.seed)
        keys = torch.rand(flat.shape[1:], generator=generator)
        stays = torch.rand(flat.shape[1], generator=generator) >= self.part
        keys[stays] = torch.arange(flat.shape[2], dtype=keys.dtype)
        places = keys.argsort(dim=1).to(image.device).expand_as(flat)
        shuffled = flat.gather(2, places).reshape(boxes.shape)
        back = sorted(range(len(order)), key=order.__getitem__)
        inside.copy_(shuffled.permute(back).reshape(inside.shape))
        return image


@dataclass(frozen=True, kw_only=True)
class Painting(Transform):
    """Paint noise over boxes, or over all but a box.

    Parameters
    ----------
    outside : float
        Chance that all but a box is painted.
    boxes : int
        Most boxes that are painted over otherwise.
    """

    outside: float = 0.8
    boxes: int = 5
    family: ClassVar[str] = "pretext"

    def sample(self, patches: Patches, chance: Chance) -> PaintingDraw:
        """Draw boxes."""
        if chance.happens(self.outside):
            boxes: tuple[Box, ...] = (_box(patches, chance, 3 / 7, 4 / 7),)
            return PaintingDraw(boxes, True, chance.seed())
        n = 1 + chance.integer(self.boxes)
        boxes = tuple(_box(patches, chance, 1 / 6, 1 / 3) for _ in range(n))
        return PaintingDraw(boxes, False, chance.seed())


def _box(patches: Patches, chance: Chance, shortest: float, longest: float) -> Box:
    """Draw a box by its sides as parts of the patch's."""
    sides = [max(1, round(n * chance.uniform(shortest, longest))) for n in patches.size]
    starts = [chance.integer(n - k + 1) for n, k in zip(patches.size, sides, strict=True)]
    return tuple((start, start + k) for start, k in zip(starts, sides, strict=True))


@dataclass(frozen=True)
class PaintingDraw:
    """For each box its first voxel and the one after its last, whether it is kept, and seed."""

    boxes: tuple[Box, ...]
    is_kept: bool
    seed: int

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)``."""
        painted = torch.full(image.shape[1:], self.is_kept, device=image.device)
        for box in self.boxes:
            painted[tuple(slice(first, end) for first, end in box)] = not self.is_kept
        return torch.where(painted, noise_like(image, self.seed), image)
