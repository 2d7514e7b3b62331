"""Scans changed as little as another scanner might: a good mask hardly moves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.core import Image

# Exponent of brightness within the usual range, and noise in parts of that range.
CHANGES = ((0.7, 0.0), (1.4, 0.03))
_USUAL_RANGE = (0.005, 0.995)
_MOST_VOXELS = 200_000


def changed_images(image: Image, rng: np.random.Generator) -> tuple[Image, ...]:
    """Change brightness by a power: once lighter, once darker and with some noise.

    Parameters
    ----------
    image : Image
    rng : Generator
        Draws the noise.

    Returns
    -------
    tuple of Image
        As `changed_image` gives them.
    """
    return tuple(changed_image(image, power, noise, rng) for power, noise in CHANGES)


def changed_image(image: Image, power: float, noise: float, rng: np.random.Generator) -> Image:
    """Change brightness by a power, and add noise.

    Where the scan lies is left alone, so that masks can be compared voxel by voxel.

    Parameters
    ----------
    image : Image
    power : float
        Exponent of brightness within the scan's usual range.
    noise : float
        Its standard deviation in parts of that range.
    rng : Generator
        Draws the noise.

    Returns
    -------
    Image
        Of the type of the image's array.
    """
    channels = [_changed(channel, power, noise, rng) for channel in image.array]
    return replace(image, array=np.stack(channels))


def _changed(
    channel: npt.NDArray[Any], power: float, noise: float, rng: np.random.Generator
) -> npt.NDArray[Any]:
    step = max(1, channel.size // _MOST_VOXELS)
    low, high = np.quantile(channel.ravel(order="K")[::step].astype(np.float64), _USUAL_RANGE)
    if not high > low:
        return channel
    width = np.float32(high - low)
    part = (channel.astype(np.float32) - np.float32(low)) / width
    within = np.clip(part, 0.0, 1.0)
    # What lies outside of the usual range stays as far outside as it was.
    part += within ** np.float32(power) - within
    if noise:
        part += np.float32(noise) * rng.standard_normal(part.shape, dtype=np.float32)
    changed = part * width + np.float32(low)
    if channel.dtype.kind in "iu":
        info = np.iinfo(channel.dtype)
        changed = np.clip(np.rint(changed), info.min, info.max)
    return changed.astype(channel.dtype)
