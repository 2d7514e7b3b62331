"""Fourier mixing: the coarse look of another patch, with the structures of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from suffice.augment.mixing.pair import Mix, Pair
from suffice.augment.transform import Chance


@dataclass(frozen=True, kw_only=True)
class FourierMix(Mix):
    """Take the amplitudes of low frequencies from another patch, and keep phases and labels.

    Parameters
    ----------
    smallest, largest : float
        Up to which frequency, in parts of the size of the patch along each axis.
    least, most : float
        Part of the way to the other patch's amplitudes.

    Notes
    -----
    Images are normalised here, so that a mean may be negative: it is taken with its sign.

    References
    ----------
    Yang and Soatto, "FDA: Fourier domain adaptation for semantic segmentation", CVPR 2020,
    arXiv 2004.05498; with a part of the way as in Xu et al., CVPR 2021, arXiv 2105.11120.
    """

    smallest: float = 0.01
    largest: float = 0.09
    least: float = 0.3
    most: float = 1.0

    def sample(self, pair: Pair, chance: Chance) -> FourierMixDraw:
        """Draw the frequencies and how far to go."""
        return FourierMixDraw(
            chance.uniform(self.smallest, self.largest), chance.uniform(self.least, self.most)
        )


@dataclass(frozen=True)
class FourierMixDraw:
    """Highest frequency in parts of the size, and part of the way to the other's amplitudes."""

    frequency: float
    part: float

    def apply(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """Return the patch in the other's look, and its own labels."""
        axes = tuple(range(1, pair.image.ndim))
        own = torch.fft.rfftn(pair.image.float(), dim=axes)
        other = torch.fft.rfftn(pair.other.float(), dim=axes)
        lengths = own.abs()
        gain = torch.lerp(lengths, other.abs(), self.part) / lengths.clamp_min(1e-6)
        low = self._low(pair.size, pair.image.device)
        mixed = torch.where(low, own * gain, own)
        mean: tuple[slice | int, ...] = (slice(None), *(0 for _ in axes))
        mixed[mean] = torch.lerp(own[mean], other[mean], self.part)
        image = torch.fft.irfftn(mixed, s=pair.size, dim=axes)
        return image.to(pair.image.dtype), pair.labels

    def _low(self, size: Sequence[int], device: torch.device) -> Tensor:
        """Mark the low frequencies among those that a transform of real numbers keeps."""
        low = torch.ones((), dtype=torch.bool, device=device)
        for axis, n in enumerate(size):
            steps = torch.fft.rfftfreq(n) if axis == len(size) - 1 else torch.fft.fftfreq(n)
            near = (steps.abs() * n).round() <= round(self.frequency * n)
            low = low.unsqueeze(-1) & near.to(device)
        return low
