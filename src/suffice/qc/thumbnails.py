"""Small normalised pictures of scans, to find scans that are copies of each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import Image

FloatArray = npt.NDArray[np.float32]

SIDE_2D, SIDE_3D = 64, 32
COARSER = 4

# Scans of one kind resemble each other in the large and at strong edges such as the skin; what
# tells them apart is fine and faint. So coarse structure is taken out and contrast evened out
# locally, but not below a floor under which there is noise alone.
_HIGH_PASS = 2.0
_NEIGHBOURHOOD = 3.0
_CONTRAST_FLOOR = 0.05
_CLIPPED_PERCENT = (1.0, 99.0)


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A scan shrunk to 64x64 or 32x32x32, its local contrast evened, of mean 0 and norm 1.

    Parameters
    ----------
    fine : array of shape (64, 64) or (32, 32, 32)
    coarse : array of shape (16, 16) or (8, 8, 8)
        The same averaged over blocks, for a quick first look.
    """

    fine: npt.NDArray[np.float16]
    coarse: npt.NDArray[np.float16]


def thumbnail(image: Image) -> Thumbnail | None:
    """Shrink and normalise a scan; ``None`` where nothing is left but a constant.

    Volumes are turned to the axis order left-right, back-front, down-up first (not flipped), so
    that a volume stored in another order has the same thumbnail but for flips.
    """
    array = image.array.transpose(0, *(axis + 1 for axis, _ in image.grid.nearest_axes))
    side = SIDE_2D if image.grid.ndim == 2 else SIDE_3D
    layers = [_standardised(_shrunk(channel, side)) for channel in array]
    fine = _normalised(_evened(np.mean(layers, axis=0)))
    if fine is None:
        return None
    blocks = [size for n in fine.shape for size in (n // COARSER, COARSER)]
    coarse = _normalised(fine.reshape(blocks).mean(axis=tuple(range(1, 2 * fine.ndim, 2))))
    if coarse is None:
        return None
    return Thumbnail(fine.astype(np.float16), coarse.astype(np.float16))


def orientations(stack: FloatArray) -> Iterator[FloatArray]:
    """Yield a stack of thumbnails, ``(N, *sides)``, in each flip and quarter turn.

    Eight of a picture; sixteen of a volume, turned in its first two axes.
    """
    for turns in range(4):
        turned = np.rot90(stack, turns, axes=(1, 2))
        for flipped in (turned, turned[:, ::-1]):
            yield flipped
            if stack.ndim == 4:
                yield flipped[..., ::-1]


def _shrunk(channel: npt.NDArray[np.generic], side: int) -> FloatArray:
    """Average over equal boxes; boxes may cut voxels."""
    small = np.nan_to_num(np.asarray(channel, np.float32), posinf=0.0, neginf=0.0)
    for axis, n in enumerate(channel.shape):
        small = np.moveaxis(np.tensordot(_box_weights(side, n), small, axes=(1, axis)), 0, axis)
    return np.asarray(small, np.float32)


def _box_weights(side: int, n: int) -> FloatArray:
    """Share of voxel j in box i, shape ``(side, n)``; rows sum to one."""
    edges = np.arange(side + 1) * (n / side)
    low = np.maximum(edges[:-1, None], np.arange(n)[None])
    high = np.minimum(edges[1:, None], np.arange(1, n + 1)[None])
    return np.asarray(np.maximum(high - low, 0.0) * (side / n), np.float32)


def _standardised(small: FloatArray) -> FloatArray:
    low, high = np.percentile(small, _CLIPPED_PERCENT)
    # A constant comes out of the averaging with rounding errors.
    if high - low <= 1e-5 * max(abs(low), abs(high)):
        return np.zeros_like(small)
    return np.asarray((np.clip(small, low, high) - low) / (high - low), np.float32)


def _evened(small: FloatArray) -> FloatArray:
    detail = small - ndimage.gaussian_filter(small, _HIGH_PASS)
    contrast = np.sqrt(ndimage.gaussian_filter(detail * detail, _NEIGHBOURHOOD))
    return np.asarray(detail / (contrast + _CONTRAST_FLOOR), np.float32)


def _normalised(small: FloatArray) -> FloatArray | None:
    centred = small - small.mean()
    norm = float(np.linalg.norm(centred))
    return None if norm < 1e-6 else np.asarray(centred / norm, np.float32)
