"""Where to lay tiles over an image, and how to blend them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# Of a tile's length; Isensee et al. 2021 (doi 10.1038/s41592-020-01008-z).
GAUSSIAN_SIGMA = 1 / 8
# Context that a voxel needs is counted in voxels: a sixth of a patch of 96, half of one of 32.
LEAST_OVERLAP_VOXELS = 16
OVERLAP = 1 / 6
# Coverings whose voxels differ by less cost about the same.
ABOUT = 1.05


@dataclass(frozen=True, slots=True)
class AxisTiles:
    """Tiles along one axis.

    Parameters
    ----------
    length : int
        Voxels of the image.
    tile : int
        Voxels of a tile.
    starts : tuple of int
        First voxel of each tile in the image with zeros around it.
    before : int
        Zeros before the first voxel of the image.
    """

    length: int
    tile: int
    starts: tuple[int, ...]
    before: int

    @property
    def padded(self) -> int:
        """Voxels that the tiles cover."""
        return self.starts[-1] + self.tile

    def weights(self) -> Tensor:
        """Share that each tile has in each of its voxels, shape ``(n_tiles, tile)``.

        The shares of all tiles in one voxel sum to 1. As tiles lie on a product of axes, so do
        their weights, and no map of the sum of weights is needed to normalise them.
        """
        position = torch.arange(self.tile, dtype=torch.float64) - (self.tile - 1) / 2
        bell = torch.exp(-0.5 * (position / (GAUSSIAN_SIGMA * self.tile)) ** 2)
        total = torch.zeros(self.padded, dtype=torch.float64)
        for start in self.starts:
            total[start : start + self.tile] += bell
        shares = [bell / total[start : start + self.tile] for start in self.starts]
        return torch.stack(shares).float()


def plan_tiles(
    shape: Sequence[int],
    patch_size: Sequence[int],
    divisible_by: Sequence[int],
    *,
    overlap: float | None,
    max_voxels: int,
) -> tuple[AxisTiles, ...]:
    """Cover an image with equal tiles, none smaller than the patch, in about the fewest voxels.

    Where ``max_voxels`` allows it, tiles are stretched beyond the patch if this saves overlap:
    one tile of 128 covers 128 voxels, of 96 it takes two. Of coverings that cost about the same,
    that is taken whose tiles see furthest along the axis that they see least of.

    Parameters
    ----------
    shape : sequence of int
        Of the image.
    patch_size : sequence of int
        That the network was trained with. An image shorter than this is padded to it, centred.
    divisible_by : sequence of int
        What a tile's size may differ from the patch by, a multiple of this: at a stride, sizes
        of another parity than in training would shift features against each other.
    overlap : float, optional
        Of neighbouring tiles, at least, in patches: 0 to below 1. By default a sixth, but 16
        voxels where that is more, up to a half.
    max_voxels : int
        Of one tile. Tiles of the patch's size are allowed in any case.
    """
    choices = [
        _axis_choices(*axis, overlap) for axis in zip(shape, patch_size, divisible_by, strict=True)
    ]
    allowed = [
        axes
        for axes in itertools.product(*choices)
        if math.prod(axis.tile for axis in axes) <= max_voxels
    ]
    if not allowed:
        return tuple(choice[-1] for choice in choices)
    fewest = min(_voxels_run(axes) for axes in allowed)
    alike = [axes for axes in allowed if _voxels_run(axes) <= ABOUT * fewest]
    return max(alike, key=lambda axes: (_least_sight(axes, patch_size), -_voxels_run(axes)))


def _voxels_run(axes: Sequence[AxisTiles]) -> int:
    return math.prod(len(axis.starts) * axis.tile for axis in axes)


def _least_sight(axes: Sequence[AxisTiles], patch_size: Sequence[int]) -> float:
    """Length of a tile in patches, along the axis where it is least; a whole axis is unlimited."""
    cut = [axis.tile / p for axis, p in zip(axes, patch_size, strict=True) if len(axis.starts) > 1]
    return min(cut, default=math.inf)


def _axis_choices(length: int, patch: int, step: int, overlap: float | None) -> list[AxisTiles]:
    """One tile, two tiles and so on, until they are as small as the patch."""
    whole = _tile_for(length, patch, step)
    choices = [AxisTiles(length, whole, (0,), (whole - length) // 2)]
    if overlap is None:
        shared = min(max(round(OVERLAP * patch), LEAST_OVERLAP_VOXELS), patch // 2)
    else:
        shared = min(round(overlap * patch), patch - 1)
    n_tiles = 1
    while choices[-1].tile > patch:
        n_tiles += 1
        least = math.ceil((length + (n_tiles - 1) * shared) / n_tiles)
        tile = _tile_for(least, patch, step)
        if tile < min(choices[-1].tile, length):
            last = length - tile
            starts = tuple(round(i * last / (n_tiles - 1)) for i in range(n_tiles))
            choices.append(AxisTiles(length, tile, starts, 0))
    return choices


def _tile_for(length: int, patch: int, step: int) -> int:
    return patch + -(-max(length - patch, 0) // step) * step
