"""What a scan looks like, where a model has no features of its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from suffice.core import Image
from suffice.segmenters.features import FilterBank
from suffice.segmenters.preparing import CLIP_PERCENT
from suffice.training.resampling import resample_image

FloatArray = npt.NDArray[np.float32]

# Larger scans are shrunk to this many voxels along an axis.
_MOST_SIDE = {2: 128, 3: 48}
_BANK = FilterBank(scales=(1.0, 2.0, 4.0))


def appearance_map(image: Image) -> FloatArray:
    """Filter a shrunk scan at several scales.

    Parameters
    ----------
    image : Image

    Returns
    -------
    float32 array of shape (D, *coarse)
        On the axes of the file: each response of the filters and its square, so that an average
        over a part of the scan holds their mean and their spread.
    """
    most = _MOST_SIDE[image.grid.ndim]
    shape = tuple(min(n, most) for n in image.grid.shape)
    small = resample_image(np.asarray(image.array, dtype=np.float32), shape)
    if image.unit == "none":
        small = np.stack([_in_range(channel) for channel in small])
    maps = np.stack(list(_BANK.maps(small, (1.0,) * len(shape))))
    return np.concatenate([maps, maps * maps])


def _in_range(channel: FloatArray) -> FloatArray:
    low, high = (float(v) for v in np.percentile(channel, CLIP_PERCENT))
    scaled = (np.clip(channel, low, high) - low) / max(high - low, 1e-6)
    return np.asarray(scaled, dtype=np.float32)
