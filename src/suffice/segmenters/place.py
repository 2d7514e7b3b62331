"""Where structures lie in the labelled cases: their mean on a scan's own extent.

Scans that are posed alike show a structure at about the same part of their width, height and
depth. After the axes are in canonical order a mean of the masks tells left from right lung, or
lungs from the air beside the body, where no intensity can.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.training.resampling import resample_image

FloatArray = npt.NDArray[np.float32]

_CELLS = {2: (64, 64), 3: (32, 32, 32)}
# Few masks make a jagged mean; in cells.
_BLUR = 1.0
# The mean of fewer subjects says more about them than about the next one.
LEAST_SUBJECTS = 3


def place_of(classes: npt.NDArray[np.uint8], n_classes: int) -> FloatArray:
    """Share of each cell of the extent that each class fills.

    Parameters
    ----------
    classes : uint8 array of shape (*spatial)
        In canonical axes.
    n_classes : int
        With the background.

    Returns
    -------
    float32 array of shape (n_classes, 64, 64) or (n_classes, 32, 32, 32)
    """
    shares = (classes[None] == np.arange(n_classes).reshape(-1, *(1,) * classes.ndim)).astype(
        np.float32
    )
    return resample_image(shares, _CELLS[classes.ndim])


def mean_place(places: Sequence[FloatArray]) -> npt.NDArray[np.uint8]:
    """Mean of several cases' places in steps of 1/255, blurred by one cell.

    Examples
    --------
    >>> everywhere = np.stack([np.zeros((64, 64)), np.ones((64, 64))]).astype(np.float32)
    >>> mean_place([everywhere, everywhere])[:, 0, 0].tolist()
    [0, 255]
    """
    mean = np.mean(places, axis=0)
    blurred = ndimage.gaussian_filter(mean, (0,) + (_BLUR,) * (mean.ndim - 1), mode="nearest")
    return np.asarray(np.round(255 * np.clip(blurred, 0, 1)), dtype=np.uint8)


def places_without_own(
    places: Sequence[FloatArray], subjects: Sequence[str]
) -> list[npt.NDArray[np.uint8]] | None:
    """Mean place for each case over the other subjects, as a new scan will be seen.

    Returns
    -------
    list of uint8 array, or None
        ``None`` where there are too few subjects to know a place by.
    """
    if len(set(subjects)) < LEAST_SUBJECTS:
        return None
    means = {
        subject: mean_place([p for p, s in zip(places, subjects, strict=True) if s != subject])
        for subject in dict.fromkeys(subjects)
    }
    return [means[subject] for subject in subjects]


def place_on(mean: npt.NDArray[np.uint8], shape: Sequence[int]) -> FloatArray:
    """Probability of each class at each voxel of a scan, shape ``(n_classes, *shape)``."""
    return resample_image(mean, tuple(shape)) / np.float32(255)
