"""CutMix: a box of another patch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from suffice.augment.mixing.pair import Mix, Pair
from suffice.augment.transform import Chance


@dataclass(frozen=True, kw_only=True)
class CutMix(Mix):
    """Take a box, image and labels, from the same place of another patch.

    Parameters
    ----------
    least, most : float
        Part of the patch that the box takes; its sides are in any proportion.

    References
    ----------
    Yun et al., ICCV 2019, arXiv 1905.04899; for segmentation French et al., BMVC 2020,
    arXiv 1906.01916.
    """

    least: float = 0.1
    most: float = 0.5

    def sample(self, pair: Pair, chance: Chance) -> CutMixDraw:
        """Draw a box that lies within the patch."""
        part = chance.uniform(self.least, self.most)
        # Shares of the logarithm: sides multiply to the part, and none is longer than the patch.
        weights = [-math.log(max(chance.uniform(), 1e-6)) for _ in pair.size]
        sides = [part ** (weight / sum(weights)) for weight in weights]
        lengths = [
            min(n, max(1, round(n * side))) for n, side in zip(pair.size, sides, strict=True)
        ]
        starts = [chance.integer(n - k + 1) for n, k in zip(pair.size, lengths, strict=True)]
        box = tuple((start, start + k) for start, k in zip(starts, lengths, strict=True))
        return CutMixDraw(part, box)


@dataclass(frozen=True)
class CutMixDraw:
    """Wanted part of the patch, and first voxel and the one after the last along each axis."""

    part: float
    box: tuple[tuple[int, int], ...]

    def apply(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """Return the mixed image and its labels."""
        weight = torch.zeros(pair.size, device=pair.image.device)
        weight[tuple(slice(first, end) for first, end in self.box)] = 1
        return pair.take(weight)
