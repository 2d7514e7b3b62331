"""Histogram matching: a patch as bright as another one, with its own labels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from suffice.augment.mixing.pair import Mix, Pair
from suffice.augment.transform import Chance

_N_LEVELS = 65
# A regular sample is enough for quantiles and bounds the time on large patches.
_MOST_SAMPLED = 100_000


@dataclass(frozen=True, kw_only=True)
class HistogramMatch(Mix):
    """Bend intensities until they are spread as those of another patch, as another scanner might.

    Nothing but brightness changes: which voxel is brighter than which stays, and so do the labels.

    Parameters
    ----------
    least, most : float
        Part of the way to the other patch's histogram.

    References
    ----------
    Nyul and Udupa, Magnetic Resonance in Medicine 1999, doi 10.1002/(SICI)1522-2594(199912)42:6
    <1072::AID-MRM11>3.0.CO;2-M, who match landmarks of MR to a standard.
    """

    least: float = 0.3
    most: float = 1.0

    def sample(self, pair: Pair, chance: Chance) -> HistogramMatchDraw:
        """Draw how far to go."""
        return HistogramMatchDraw(chance.uniform(self.least, self.most))


@dataclass(frozen=True)
class HistogramMatchDraw:
    """Part of the way to the other patch's histogram."""

    part: float

    def apply(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """Return the patch in the other's brightness, and its own labels."""
        matched = [_matched(own, other) for own, other in zip(pair.image, pair.other, strict=True)]
        return torch.lerp(pair.image, torch.stack(matched), self.part), pair.labels


def _matched(own: Tensor, other: Tensor) -> Tensor:
    """Give one channel the quantiles of another, straight between them."""
    low, high = _levels(own), _levels(other)
    values = own.to(low.dtype).contiguous()
    above = torch.searchsorted(low, values).clamp(1, _N_LEVELS - 1)
    start, end = low[above - 1], low[above]
    # Where many voxels are equal, as padding is, several levels are one.
    share = ((values - start) / (end - start).clamp_min(1e-6)).clamp(0, 1)
    return torch.lerp(high[above - 1], high[above], share).to(own.dtype)


def _levels(channel: Tensor) -> Tensor:
    flat = channel.flatten().float()
    sample = flat[:: max(1, flat.numel() // _MOST_SAMPLED)]
    inner = torch.quantile(sample, torch.linspace(0, 1, _N_LEVELS, device=flat.device))
    # The extremes may lie between the samples.
    inner[0], inner[-1] = flat.min(), flat.max()
    return inner
