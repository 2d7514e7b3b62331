"""From intensities to grey: the window a radiologist would set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.core import Image
from suffice.report.planes import span_along

_BRAIN = ("brain", "ventricle", "haemorrhage", "hemorrhage", "infarct", "stroke", "hippocampus")
_MAX_SAMPLES = 200_000


@dataclass(frozen=True, slots=True)
class Window:
    """Intensities from ``low`` (black) to ``high`` (white)."""

    low: float
    high: float
    words: str

    def apply(self, array: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
        """Map intensities to 0..255; voxels that are not finite become black."""
        values = np.nan_to_num(np.asarray(array, dtype=np.float64), nan=self.low)
        scaled = (values - self.low) / max(self.high - self.low, 1e-12)
        return np.round(np.clip(scaled, 0.0, 1.0) * 255).astype(np.uint8)


LUNG = Window(-1350.0, 150.0, "lung window")
BONE = Window(-500.0, 1300.0, "bone window")
BRAIN = Window(0.0, 80.0, "brain window")
SOFT_TISSUE = Window(-160.0, 240.0, "soft tissue window")


def choose_window(
    image: Image, mask: npt.NDArray[np.generic] | None, names: Sequence[str]
) -> Window:
    """Choose a window for the first channel of ``image``.

    CT in Hounsfield units gets the window of the anatomy: by the structures' names for the
    brain, else by the tissue in and around them. Everything else is scaled between percentiles.

    Parameters
    ----------
    image : Image
    mask : integer array of shape spatial, optional
        The structures of interest; nonzero counts.
    names : sequence of str
        Names of the structures.
    """
    channel = image.array[0]
    if image.unit == "HU":
        return _ct_window(channel, mask, names)
    finite = _sample(channel)
    if finite.size == 0:
        return Window(0.0, 1.0, "no finite voxel")
    low, high = np.percentile(finite, (0.5, 99.5))
    return Window(float(low), float(high), "grey scaled by percentiles")


def _ct_window(
    channel: npt.NDArray[np.generic], mask: npt.NDArray[np.generic] | None, names: Sequence[str]
) -> Window:
    if any(word in name.lower() for name in names for word in _BRAIN):
        return BRAIN
    if mask is None or not mask.any():
        return SOFT_TISSUE
    inside = float(np.median(_sample(channel[mask != 0])))
    around = float(np.median(_sample(_around(channel, mask))))
    if min(inside, around) < -400:
        return LUNG
    return BONE if inside > 250 else SOFT_TISSUE


def _around(
    channel: npt.NDArray[np.generic], mask: npt.NDArray[np.generic], margin: int = 4
) -> npt.NDArray[np.generic]:
    """Crop to the structures and a few voxels more: a nodule is known by the lung around it."""
    box = []
    for axis in range(mask.ndim):
        first, end = span_along(mask, axis) or (0, mask.shape[axis])
        box.append(slice(max(first - margin, 0), end + margin))
    return channel[tuple(box)]


def _sample(array: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Take finite values, at most some hundred thousand, at even distances."""
    flat = np.asarray(array).reshape(-1)
    values = flat[:: max(1, flat.size // _MAX_SAMPLES)].astype(np.float64)
    return values[np.isfinite(values)]
