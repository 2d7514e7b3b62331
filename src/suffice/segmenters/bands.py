"""Bands of brightness: fixed windows, HU windows, and those that each scan's histogram gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage import filters

from suffice.segmenters.brightness import thinned
from suffice.segmenters.searching import BoolArray, FloatArray

Method = Literal["window", "otsu", "li"]
Ends = tuple[float | None, float | None]

# In use in radiology; round numbers carry over to the next scanner.
HU_WINDOWS: dict[str, Ends] = {
    "air": (None, -950.0),
    "lung and air": (None, -400.0),
    "lung": (-950.0, -400.0),
    "fat": (-150.0, -30.0),
    "soft tissue": (-20.0, 100.0),
    "contrast": (120.0, 500.0),
    "bone": (200.0, None),
}
N_EDGES = 64
_OTSU_BINS = 64
_MOST_OTSU = 4
_LI_SAMPLE = 5000


@dataclass(frozen=True, kw_only=True)
class Band:
    """Which values of brightness belong to a structure.

    Parameters
    ----------
    method : {"window", "otsu", "li"}
        Ends that are fixed, or that each scan's own histogram gives: Otsu's thresholds between
        ``n_parts`` parts, or Li's one (minimum cross entropy).
    low, high : float or None
        Of a window: ``low <= value < high``; ``None`` is open.
    n_parts, first, last : int
        Of the other methods: the histogram falls into ``n_parts``, and those from ``first`` to
        ``last`` belong.
    least_place : float
        Probability below which the structure does not lie at a voxel.
    margin : float
        Hysteresis: a component needs a voxel that is inside by so much; 0 asks for none.

    Examples
    --------
    >>> Band(low=2.0).inside(np.array([1.0, 2.0, 5.0], np.float32), None).tolist()
    [False, True, True]
    """

    method: Method = "window"
    low: float | None = None
    high: float | None = None
    n_parts: int = 2
    first: int = 1
    last: int = 1
    least_place: float = 0.0
    margin: float = 0.0

    def ends(self, brightness: FloatArray) -> Ends:
        """Ends of the band in a scan."""
        if self.method == "window":
            return self.low, self.high
        found = thresholds(brightness, self.method, self.n_parts)
        low = found[self.first - 1] if self.first > 0 else None
        high = found[self.last] if self.last < len(found) else None
        return low, high

    def inside(self, brightness: FloatArray, place: FloatArray | None) -> BoolArray:
        """Voxels of the structure.

        Parameters
        ----------
        brightness : float32 array of shape (*spatial)
        place : float32 array of the same shape, or None
            Probability that the structure lies at a voxel.
        """
        ends = self.ends(brightness)
        mask = between(brightness, ends)
        if self.least_place and place is not None:
            mask &= place >= self.least_place
        if self.margin:
            sure = mask & between(brightness, ends, self.margin)
            numbered, n = ndimage.label(mask)
            keep = np.zeros(n + 1, bool)
            keep[np.unique(numbered[sure])] = True
            keep[0] = False
            mask = keep[numbered]
        return mask


def between(values: FloatArray, ends: Ends, margin: float = 0.0) -> BoolArray:
    """Whether values lie between two ends, ``low <= value < high``, by a margin."""
    low, high = ends
    inside = np.ones(values.shape, bool)
    if low is not None:
        inside &= values >= low + margin
    if high is not None:
        inside &= values < high - margin
    return inside


def thresholds(brightness: FloatArray, method: Method, n_parts: int) -> list[float]:
    """Thresholds that a scan's own histogram gives; a scan of one value gives that value."""
    sample = thinned(brightness)
    low, high = float(sample.min()), float(sample.max())
    if not high > low:
        return [high] * (n_parts - 1)
    if method == "li":
        return [float(filters.threshold_li(thinned(brightness, _LI_SAMPLE)))]
    counts, edges = np.histogram(sample, bins=_OTSU_BINS, range=(low, high))
    if np.count_nonzero(counts) < n_parts:
        return [high] * (n_parts - 1)
    centres = (edges[1:] + edges[:-1]) / 2
    # A value that lies on a threshold of Otsu belongs below it.
    step = (edges[1] - edges[0]) / 2
    found = filters.threshold_multiotsu(classes=n_parts, hist=(counts, centres))
    return [float(t + step) for t in found]


def automatic_bands() -> list[Band]:
    """All runs of parts that Otsu's and Li's thresholds make."""
    bands = [
        Band(method="otsu", n_parts=n, first=first, last=last)
        for n in range(2, _MOST_OTSU + 1)
        for first in range(n)
        for last in range(first, n)
        if (first, last) != (0, n - 1)
    ]
    return [*bands, Band(method="li", first=0, last=0), Band(method="li")]


@dataclass(frozen=True, eq=False)
class Histograms:
    """Counts of some cases' brightness in common bins, inside a structure and outside it.

    Parameters
    ----------
    edges : array of shape (n_edges,)
        Ascending; the first and last bin are open.
    inside, outside : array of shape (n_cases, n_levels, n_edges + 1)
        Voxels by the least place that they reach and their bin.
    levels : tuple of float
        Least places, ascending from 0.
    """

    edges: npt.NDArray[np.float64]
    inside: npt.NDArray[np.int64]
    outside: npt.NDArray[np.int64]
    levels: tuple[float, ...]

    @classmethod
    def of(
        cls,
        values: Sequence[FloatArray],
        truths: Sequence[BoolArray],
        places: Sequence[FloatArray] | None,
        levels: tuple[float, ...],
    ) -> Histograms:
        """Count values, each an array of shape (n_voxels,), by structure and place."""
        edges = _edges(values, truths)
        if places is None:
            levels = levels[:1]
        shape = (2, len(levels), len(edges) + 1)
        counts = []
        for i, (value, truth) in enumerate(zip(values, truths, strict=True)):
            bins = np.searchsorted(edges, value, side="right")
            level = (
                np.zeros(len(bins), int)
                if places is None
                else np.searchsorted(levels, places[i], side="right") - 1
            )
            code = (truth * shape[1] + level) * shape[2] + bins
            found = np.bincount(code, minlength=int(np.prod(shape))).reshape(shape)
            # What reaches a level has reached those below.
            counts.append(np.flip(np.flip(found, 1).cumsum(axis=1), 1))
        stacked = np.stack(counts)
        return cls(edges, stacked[:, 1], stacked[:, 0], levels)

    def best(self) -> tuple[float, Band]:
        """Mean Dice of every window at every least place at once; the best of them.

        Of windows as good, the first, which is the widest.
        """
        best, band = -1.0, Band()
        totals = self.inside[:, 0].sum(axis=-1)
        for at, level in enumerate(self.levels):
            dice = _dice_of_windows(self.inside[:, at], self.outside[:, at], totals)
            low, high = (int(i) for i in np.unravel_index(int(dice.argmax()), dice.shape))
            if dice[low, high] > best + 1e-9:
                best = float(dice[low, high])
                band = Band(low=self._end(low), high=self._end(high), least_place=level)
        return best, band

    def _end(self, cut: int) -> float | None:
        """Value of a cut; the first and the last one are open."""
        return float(self.edges[cut - 1]) if 0 < cut <= len(self.edges) else None


def _dice_of_windows(
    inside: npt.NDArray[np.int64], outside: npt.NDArray[np.int64], totals: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Mean Dice over cases of the bins from cut ``low`` to cut ``high``, as a square table."""
    zero = np.zeros((len(inside), 1))
    hits = np.concatenate([zero, inside.cumsum(axis=1)], axis=1)
    chosen = hits + np.concatenate([zero, outside.cumsum(axis=1)], axis=1)
    shared = hits[:, None, :] - hits[:, :, None]
    predicted = chosen[:, None, :] - chosen[:, :, None]
    sizes = predicted + totals[:, None, None]
    dice: npt.NDArray[np.float64] = np.where(sizes > 0, 2 * shared / np.maximum(sizes, 1), 1.0)
    mean: npt.NDArray[np.float64] = dice.mean(axis=0)
    n_cuts = mean.shape[0]
    return np.where(np.arange(n_cuts)[:, None] < np.arange(n_cuts), mean, -1.0)


def _edges(values: Sequence[FloatArray], truths: Sequence[BoolArray]) -> npt.NDArray[np.float64]:
    """Quantiles, half of them of the structure's voxels: fine where it matters."""
    everywhere = np.concatenate([thinned(v, 2000) for v in values])
    within = np.concatenate([thinned(v[t], 2000) for v, t in zip(values, truths, strict=True)])
    shares = np.linspace(0.002, 0.998, N_EDGES // 2)
    found = [np.quantile(part, shares) for part in (everywhere, within) if part.size]
    return np.unique(np.concatenate(found).astype(np.float64))
