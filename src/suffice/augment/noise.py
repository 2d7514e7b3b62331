"""Noise as scanners make it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from suffice.augment.transform import Chance, Patches, Transform, darkest, noise_like


@dataclass(frozen=True, kw_only=True)
class GaussianNoise(Transform):
    """Add the same amount of noise everywhere.

    Parameters
    ----------
    largest : float
        Largest standard deviation, in standard deviations of the scan.
    """

    largest: float = 0.15
    family: ClassVar[str] = "noise"

    def sample(self, patches: Patches, chance: Chance) -> GaussianNoiseDraw:
        """Draw an amount."""
        return GaussianNoiseDraw(chance.uniform(0, self.largest), chance.seed())


@dataclass(frozen=True)
class GaussianNoiseDraw:
    """Standard deviation and seed."""

    sd: float
    seed: int

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)`` in its place."""
        return image.add_(noise_like(image, self.seed), alpha=self.sd)


@dataclass(frozen=True, kw_only=True)
class RicianNoise(Transform):
    """Noise of magnitude images in MR, where the darkest value of a channel is no signal.

    Parameters
    ----------
    largest : float
        Largest standard deviation, in standard deviations of the scan.
    """

    largest: float = 0.15
    family: ClassVar[str] = "noise"

    def sample(self, patches: Patches, chance: Chance) -> RicianNoiseDraw:
        """Draw an amount."""
        return RicianNoiseDraw(chance.uniform(0, self.largest), chance.seed())


@dataclass(frozen=True)
class RicianNoiseDraw:
    """Standard deviation in each of the two parts of the signal, and seed."""

    sd: float
    seed: int

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)`` in its place (doi 10.1002/mrm.1910340618)."""
        low = darkest(image)
        real = image.sub_(low).add_(noise_like(image, self.seed), alpha=self.sd)
        imaginary = noise_like(image, self.seed + 1).mul_(self.sd)
        return real.square_().addcmul_(imaginary, imaginary).sqrt_().add_(low)


@dataclass(frozen=True, kw_only=True)
class PoissonNoise(Transform):
    """Noise of counts: the more signal, the more noise.

    Parameters
    ----------
    fewest : float
        Fewest counts at the brightest voxel, at least 4; up to a hundred times as many are drawn.
    """

    fewest: float = 100.0
    family: ClassVar[str] = "noise"

    def sample(self, patches: Patches, chance: Chance) -> PoissonNoiseDraw:
        """Draw how many counts the brightest voxel has."""
        return PoissonNoiseDraw(self.fewest * 10 ** chance.uniform(0, 2), chance.seed())


@dataclass(frozen=True)
class PoissonNoiseDraw:
    """Counts at the brightest voxel of a channel, where its darkest has none, and seed."""

    counts: float
    seed: int

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)`` in its place.

        Square roots of counts are spread alike, by one half, at all but the lowest counts
        (Anscombe 1948, doi 10.1093/biomet/35.3-4.246), which is many times as fast to draw.
        """
        low = darkest(image)
        signal = image.sub_(low)
        unit = signal.flatten(1).amax(1).view_as(low).clamp_min_(1e-6) / self.counts
        roots = signal.div_(unit).sqrt_()
        noisy = roots.add_(noise_like(image, self.seed), alpha=0.5).clamp_min_(0).square_()
        # Squares of spread roots are a quarter of a count too many.
        return noisy.sub_(0.25).clamp_min_(0).mul_(unit).add_(low)


@dataclass(frozen=True, kw_only=True)
class Speckle(Transform):
    """Noise that multiplies, as in ultrasound and OCT.

    Parameters
    ----------
    largest : float
        Largest standard deviation of the factor.
    """

    largest: float = 0.3
    family: ClassVar[str] = "noise"

    def sample(self, patches: Patches, chance: Chance) -> SpeckleDraw:
        """Draw an amount."""
        return SpeckleDraw(chance.uniform(0, self.largest), chance.seed())


@dataclass(frozen=True)
class SpeckleDraw:
    """Standard deviation of the factor, and seed."""

    sd: float
    seed: int

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(C, *spatial)`` in its place; the darkest stays as it is."""
        low = darkest(image)
        factor = noise_like(image, self.seed).mul_(self.sd).add_(1).clamp_min_(0)
        return image.sub_(low).mul_(factor).add_(low)
