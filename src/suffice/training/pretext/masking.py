"""Which blocks of a patch are hidden, and what of that is seen at each resolution."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

# With fewer blocks than this in a patch, finer ones are hidden.
MIN_BLOCKS = 8
# A block of one voxel is told by its neighbours.
LEAST_SIDE = 2


def block_size(
    patch_size: Sequence[int], strides: Sequence[Sequence[int]], *, least: int = MIN_BLOCKS
) -> tuple[int, ...]:
    """Sides of the blocks: what a voxel of the coarsest resolution stands for.

    Such blocks are seen or hidden as a whole at every resolution. In a patch of few of them they
    are halved, the longest side first, until there are ``least``.

    Examples
    --------
    >>> block_size((32, 40, 32), [(2, 2, 2)] * 3)
    (8, 8, 8)
    >>> block_size((16, 16), [(2, 2)] * 3)
    (4, 8)
    """
    block = [math.prod(steps) for steps in zip(*strides, strict=True)]
    while math.prod(_n_blocks(patch_size, block)) < least and max(block) > LEAST_SIDE:
        longest = block.index(max(block))
        block[longest] //= 2
    return tuple(block)


def _n_blocks(patch_size: Sequence[int], block: Sequence[int]) -> list[int]:
    return [math.ceil(n / b) for n, b in zip(patch_size, block, strict=True)]


def draw_seen(
    n: int,
    patch_size: Sequence[int],
    block: Sequence[int],
    hidden: float,
    generator: torch.Generator,
) -> Tensor:
    """Draw what is seen of ``n`` patches.

    Parameters
    ----------
    n : int
    patch_size, block : sequence of int
        Sides in voxels; the last block of an axis may be cut off.
    hidden : float
        Part of the blocks that is hidden, the same number of them in each patch; at least one is
        and at least one is not, where there are two.
    generator : torch.Generator
        Of the CPU.

    Returns
    -------
    bool tensor of shape (n, 1, *patch_size)
    """
    counts = _n_blocks(patch_size, block)
    total = math.prod(counts)
    n_hidden = min(max(round(hidden * total), 1), max(total - 1, 1))
    order = torch.rand((n, total), generator=generator).argsort(dim=1)
    seen = (order >= n_hidden).view(n, 1, *counts)
    for axis, side in enumerate(block, start=2):
        seen = seen.repeat_interleave(side, dim=axis)
    return seen[(slice(None), slice(None), *(slice(0, size) for size in patch_size))]


def seen_at_each(seen: Tensor, strides: Sequence[Sequence[int]]) -> list[Tensor]:
    """Say what is seen at each resolution, the finest first.

    A voxel of a coarser resolution stands where the middle of a strided convolution's kernel was,
    so that it is seen where the voxel there is.

    Parameters
    ----------
    seen : tensor of shape (N, 1, *spatial)
    strides : sequence of tuple of int
        How each resolution but the finest is reached.
    """
    levels = [seen]
    for stride in strides:
        steps = tuple(slice(None, None, step) for step in stride)
        levels.append(levels[-1][(slice(None), slice(None), *steps)])
    return levels
