"""Changes of brightness that scanners, settings and noise make."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

INTERPOLATION = {2: "bilinear", 3: "trilinear"}


@dataclass(frozen=True, kw_only=True)
class IntensityRanges:
    """How far intensities, normalised to unit standard deviation, may change.

    Parameters
    ----------
    probability : float
        Chance of each change for each patch, drawn apart.
    contrast : float
        Largest factor, up or down, as a ratio.
    brightness : float
        Largest shift to either side.
    gamma : float
        Largest exponent, up or down, as a ratio; on half of the patches of the inverted image.
    noise : float
        Largest standard deviation of Gaussian noise.
    blur : float
        Largest reduction of resolution: 2 halves it, then interpolates back.
    bias_field : float
        Largest standard deviation of the logarithm of a smooth multiplicative field.
    invert : bool
        Swap dark and bright on some patches (stains and detectors differ in sign).
    colour : float
        Largest shift of each channel on its own.
    """

    probability: float = 0.3
    contrast: float = 1.4
    brightness: float = 0.3
    gamma: float = 1.5
    noise: float = 0.15
    blur: float = 2.0
    bias_field: float = 0.2
    invert: bool = False
    colour: float = 0.0


@dataclass(frozen=True)
class IntensityDraw:
    """One draw for one patch: what `change_intensity` applies; neutral values change nothing."""

    contrast: float
    brightness: float
    gamma: float
    gamma_inverted: bool
    noise: float
    blur: float
    bias_field: Tensor | None
    invert: bool
    colour: tuple[float, ...]
    noise_seed: int

    @classmethod
    def sample(
        cls, ndim: int, n_channels: int, ranges: IntensityRanges, generator: torch.Generator
    ) -> IntensityDraw:
        """Draw the parameters of one patch from a CPU generator."""

        def uniform(low: float, high: float) -> float:
            return low + (high - low) * float(torch.rand((), generator=generator))

        def maybe(value: float, neutral: float) -> float:
            happens = float(torch.rand((), generator=generator)) < ranges.probability
            return value if happens else neutral

        def ratio(largest: float) -> float:
            return math.exp(uniform(-1, 1) * math.log(largest))

        field = torch.randn((1, 1, *(4,) * ndim), generator=generator)
        field_sd = maybe(uniform(0, ranges.bias_field), 0.0)
        return cls(
            contrast=maybe(ratio(ranges.contrast), 1.0),
            brightness=maybe(uniform(-1, 1) * ranges.brightness, 0.0),
            gamma=maybe(ratio(ranges.gamma), 1.0),
            gamma_inverted=uniform(0, 1) < 0.5,
            noise=maybe(uniform(0, ranges.noise), 0.0),
            blur=maybe(uniform(1, ranges.blur), 1.0),
            bias_field=field * field_sd if field_sd > 0 else None,
            invert=ranges.invert and maybe(1.0, 0.0) == 1.0,
            colour=tuple(maybe(uniform(-1, 1) * ranges.colour, 0.0) for _ in range(n_channels)),
            noise_seed=int(torch.randint(2**31, (), generator=generator)),
        )


def change_intensity(image: Tensor, draw: IntensityDraw) -> Tensor:
    """Apply a draw to one image of shape ``(C, *spatial)``, normalised to unit spread."""
    if draw.blur > 1.0:
        image = _lower_resolution(image, draw.blur)
    if draw.bias_field is not None:
        mode = INTERPOLATION[image.ndim - 1]
        field = F.interpolate(
            draw.bias_field.to(image.device), image.shape[1:], mode=mode, align_corners=True
        )
        low = image.amin()
        image = (image - low) * torch.exp(field[0]) + low
    if draw.gamma != 1.0:
        image = _gamma(image, draw.gamma, inverted=draw.gamma_inverted)
    if draw.invert:
        image = image.amax() + image.amin() - image
    image = image * draw.contrast + draw.brightness
    if any(draw.colour):
        shift = torch.tensor(draw.colour, dtype=image.dtype, device=image.device)
        image = image + shift.reshape(-1, *(1,) * (image.ndim - 1))
    if draw.noise > 0:
        generator = torch.Generator(image.device).manual_seed(draw.noise_seed)
        image = image + draw.noise * torch.randn(
            image.shape, generator=generator, device=image.device, dtype=image.dtype
        )
    return image


def _gamma(image: Tensor, gamma: float, *, inverted: bool) -> Tensor:
    low, high = image.amin(), image.amax()
    unit = (image - low) / (high - low).clamp_min(1e-6)
    unit = 1 - (1 - unit) ** gamma if inverted else unit**gamma
    # Mean and spread are kept, so that gamma does not double as brightness and contrast.
    changed = unit * (high - low) + low
    spread = image.std() / changed.std().clamp_min(1e-6)
    return (changed - changed.mean()) * spread + image.mean()


def _lower_resolution(image: Tensor, factor: float) -> Tensor:
    mode = INTERPOLATION[image.ndim - 1]
    size: Sequence[int] = image.shape[1:]
    small = [max(1, round(k / factor)) for k in size]
    coarse = F.interpolate(image[None], small, mode=mode, antialias=False)
    return F.interpolate(coarse, tuple(size), mode=mode)[0]
