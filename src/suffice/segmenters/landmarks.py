"""Landmarks of brightness: a scan of another scanner shown as those of a cohort are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from suffice.core import CohortError, Image, ModelError

# Percentiles: the ends of the usual range, and the deciles between.
LEVELS = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)
_MOST_VOXELS = 1_000_000

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Landmarks:
    """How brightness is spread in the scans of a cohort.

    Parameters
    ----------
    values : float array of shape (C, 11)
        For each channel the values at `LEVELS`, means over scans.

    References
    ----------
    .. [1] Nyul, Udupa and Zhang, "New variants of a method of MRI scale standardization", IEEE
       TMI 2000, https://doi.org/10.1109/42.836373
    """

    values: Array

    @classmethod
    def of(cls, images: Iterable[Image]) -> Landmarks:
        """Take the mean landmarks of scans, each brought to the range from 0 to 1 first.

        The range is then that of the mean scan, so that models of absolute brightness read it.

        Raises
        ------
        CohortError
            If there is no scan, or scans differ in their number of channels.
        """
        found = [_levels(image) for image in images]
        counts = sorted({len(values) for values in found})
        if len(counts) != 1:
            raise CohortError(
                "Brightness is matched to scans of one kind",
                got=f"{', '.join(map(str, counts)) or 'no'} channels",
                cure="Give scans like those that the model learned from.",
            )
        ends = np.stack([values[:, [0, -1]] for values in found])
        low, width = ends[..., :1], np.maximum(np.diff(ends, axis=-1), 1e-6)
        standard = ((np.stack(found) - low) / width).mean(axis=0)
        return cls(low.mean(axis=0) + standard * width.mean(axis=0))

    def matched(self, image: Image) -> Image:
        """Bend the brightness of a scan until its landmarks are these; straight lines between.

        Beyond the outermost landmarks brightness goes on as between the two next to them.

        Returns
        -------
        Image
            Of float32.

        Raises
        ------
        ModelError
            If the scan has another number of channels.
        """
        if image.n_channels != len(self.values):
            raise ModelError(
                "The image does not fit the scans that its brightness is matched to",
                got=f"{image.n_channels} channels",
                expected=len(self.values),
                cure="Give scans of the same channels.",
            )
        bent = [
            _bent(channel, own, wanted)
            for channel, own, wanted in zip(image.array, _levels(image), self.values, strict=True)
        ]
        return replace(image, array=np.stack(bent))


def _levels(image: Image) -> Array:
    """Values at `LEVELS` of each channel, shape ``(C, 11)``."""
    step = max(1, image.array[0].size // _MOST_VOXELS)
    return np.stack([_channel_levels(channel.ravel()[::step]) for channel in image.array])


def _channel_levels(values: npt.NDArray[np.generic]) -> Array:
    """Padding and masked air hold one value, the lowest, and say nothing of the scanner."""
    above = values[values > values.min()]
    found: Array = np.percentile(above if above.size else values, LEVELS).astype(np.float64)
    return found


def _bent(channel: npt.NDArray[np.generic], own: Array, wanted: Array) -> npt.NDArray[np.float32]:
    values = channel.astype(np.float32)
    # Equal landmarks of a scan of few values are one.
    kept = np.concatenate([[True], np.diff(own) > 0])
    own, wanted = own[kept], wanted[kept]
    if len(own) < 2:
        return values
    slopes = np.diff(wanted) / np.diff(own)
    bent = np.interp(values, own, wanted)
    bent += (
        np.minimum(values - own[0], 0) * slopes[0] + np.maximum(values - own[-1], 0) * slopes[-1]
    )
    return bent.astype(np.float32)
