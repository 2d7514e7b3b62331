"""Noise with the grain of a reconstruction kernel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage


def grainy_noise(
    rng: np.random.Generator,
    shape: Sequence[int],
    *,
    grain: Sequence[float],
    sharpness: float = 0.6,
) -> npt.NDArray[np.float32]:
    """Draw noise of zero mean and unit spread whose power peaks at middle frequencies.

    Filtered back-projection suppresses low frequencies (ramp) and its kernel the high ones: a
    difference of two Gaussians has that shape.

    Parameters
    ----------
    rng : numpy Generator
    shape : sequence of int
    grain : sequence of float
        Standard deviation of the smoothing along each axis, in voxels.
    sharpness : float
        Share of the low frequencies that is taken out, 0 to 1.
    """
    white = rng.standard_normal(tuple(shape), dtype=np.float32)
    fine = ndimage.gaussian_filter(white, grain, mode="wrap")
    coarse = ndimage.gaussian_filter(white, [2.5 * g for g in grain], mode="wrap")
    noise = fine - sharpness * coarse
    return np.asarray((noise - noise.mean()) / max(float(noise.std()), 1e-9), np.float32)
