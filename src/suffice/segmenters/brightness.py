"""One number a voxel for a threshold to cut: a channel, smoothed, flattened, scaled, placed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.segmenters.searching import FloatArray, View

S = TypeVar("S", bound=np.generic)

# Of an image's values, what counts as its range; the rest may be metal or dead pixels.
_RANGE_PERCENT = (1.0, 99.0)
_SAMPLE = 50_000
_BLURS = (0.0, 1.0, 2.0, 4.0)
_WINDOWS = (0.0, 0.25)
_MOST_CHANNELS = 4


@dataclass(frozen=True, kw_only=True)
class Brightness:
    """How a voxel's brightness is computed.

    Parameters
    ----------
    channel : int
        -1 is the mean of all channels.
    blur : float
        Standard deviation of the smoothing in mm (pixels), the voxel's own width included, so
        that a scan on finer voxels is smoothed alike.
    flattened : float
        Side of the window, as a share of the scan's, whose mean is taken off; 0 for none.
    scale : {"unit", "scan", "departure"}
        Values as they are; as shares of the scan's own range (percentiles 1 to 99); or the
        distance from the scan's median in shares of the range, for what may be bright on dark or
        dark on bright.
    place : float
        What a probability of one, that the structure lies here, adds.
    """

    channel: int = 0
    blur: float = 0.0
    flattened: float = 0.0
    scale: Literal["unit", "scan", "departure"] = "unit"
    place: float = 0.0

    def of(self, view: View, structure: int) -> FloatArray:
        """Compute the brightness of a scan for a structure (its class), shape ``(*spatial)``."""
        values = view.array.mean(axis=0) if self.channel < 0 else view.array[self.channel]
        blur = [math.sqrt(max(0.0, self.blur**2 - own_blur(s) ** 2)) / s for s in view.spacing]
        if max(blur) > 0.1:
            values = ndimage.gaussian_filter(values, blur, mode="nearest", truncate=3.0)
        if self.flattened:
            window = [max(3, round(self.flattened * n)) for n in view.shape]
            values = values - ndimage.uniform_filter(values, window, mode="nearest")
        if self.scale != "unit":
            values = _scaled(values, about_median=self.scale == "departure")
        if self.place and view.place is not None:
            values = values + np.float32(self.place) * view.place[structure]
        return np.asarray(values, dtype=np.float32)


def own_blur(spacing: float) -> float:
    """Standard deviation of the mean over a voxel's width."""
    return spacing / math.sqrt(12.0)


def distinct_channels(views: Sequence[View]) -> list[int]:
    """Channels worth a try, -1 for their mean; grey pictures saved in colour have one."""
    n_channels = len(views[0].array)
    if all((view.array[1:] == view.array[:1]).all() for view in views):
        return [0]
    return [*range(min(n_channels, _MOST_CHANNELS)), -1]


def candidates(channels: Sequence[int], voxel: float) -> Iterator[Brightness]:
    """All that is tried before places come in.

    Parameters
    ----------
    channels : sequence of int
    voxel : float
        Width in mm of the voxels that are searched on.
    """
    for channel in channels:
        for blur in _BLURS:
            total = round(math.hypot(blur * voxel, own_blur(voxel)), 6)
            for flattened in _WINDOWS:
                for scale in ("scan", "unit"):
                    yield Brightness(
                        channel=channel,
                        blur=total,
                        flattened=flattened,
                        scale=scale,
                    )
            yield Brightness(channel=channel, blur=total, scale="departure")


def typical_voxel(spacings: Sequence[Sequence[float]]) -> float:
    """Median over scans of the finest spacing."""
    return float(np.median([min(spacing) for spacing in spacings]))


def thinned(values: npt.NDArray[S], most: int = _SAMPLE) -> npt.NDArray[S]:
    """Every n-th value, at most about ``most``; n shares no factor with the usual widths."""
    step = max(1, values.size // most)
    return values.reshape(-1)[:: step if step % 2 or step == 2 else step + 1]


def _scaled(values: FloatArray, *, about_median: bool) -> FloatArray:
    sample = thinned(values)
    low, middle, high = np.percentile(sample, (_RANGE_PERCENT[0], 50.0, _RANGE_PERCENT[1]))
    width = np.float32(max(float(high - low), 1e-6))
    if about_median:
        return np.asarray(np.abs(values - np.float32(middle)) / width)
    return np.asarray((values - np.float32(low)) / width)
