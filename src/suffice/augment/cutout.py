"""Cutout: boxes that are blanked, so that no single sign is relied on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from suffice.augment.transform import Chance, Patches, Transform


@dataclass(frozen=True, kw_only=True)
class Cutout(Transform):
    """Blank boxes of the image; the mask stays, so that what is hidden is to be inferred.

    Parameters
    ----------
    largest : float
        Largest side of a box, as a part of the side of the patch.
    boxes : int
        Most boxes in a patch.

    References
    ----------
    DeVries and Taylor 2017, arXiv 1708.04552.
    """

    largest: float = 0.25
    boxes: int = 3
    family: ClassVar[str] = "cutout"

    def sample(self, patches: Patches, chance: Chance) -> CutoutDraw:
        """Draw boxes."""
        return CutoutDraw(
            tuple(self._box(patches, chance) for _ in range(1 + chance.integer(self.boxes)))
        )

    def _box(self, patches: Patches, chance: Chance) -> tuple[tuple[int, int], ...]:
        sides = [max(1, round(n * chance.uniform(0, self.largest))) for n in patches.size]
        starts = [chance.integer(n - k + 1) for n, k in zip(patches.size, sides, strict=True)]
        return tuple((start, start + k) for start, k in zip(starts, sides, strict=True))


@dataclass(frozen=True)
class CutoutDraw:
    """For each box its first voxel and the one after its last along each axis."""

    boxes: tuple[tuple[tuple[int, int], ...], ...]

    def apply_(self, image: Tensor) -> Tensor:
        """Set the boxes of an image ``(C, *spatial)`` to the mean of their channel."""
        means = image.mean(dim=tuple(range(1, image.ndim)))
        for box in self.boxes:
            inside = image[(slice(None), *(slice(first, end) for first, end in box))]
            inside.copy_(means.reshape(-1, *(1,) * len(box)).expand_as(inside))
        return image
