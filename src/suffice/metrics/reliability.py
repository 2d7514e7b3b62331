"""Reliability: confidence against the share that is right, from probabilities counted in cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.core import UsageError

FloatArray = npt.NDArray[np.float64]

# Divisible by 1 to 10, 12, 15, 20, 25, 50 and 100: equal bins of such a number are whole cells.
N_CELLS = 25_200
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Confidence against the share that is right, bin by bin.

    Parameters
    ----------
    low, high : float array of shape (n_bins,)
        Bounds of each bin, open below and closed above; the first takes in 0.
    count : int array of shape (n_bins,)
        Voxels in the bin.
    confidence, accuracy : float array of shape (n_bins,)
        Mean probability and share right; not numbers where the bin is empty.
    """

    low: FloatArray
    high: FloatArray
    count: npt.NDArray[np.int64]
    confidence: FloatArray
    accuracy: FloatArray

    @property
    def error(self) -> float:
        """Mean gap of confidence and accuracy, weighted by the counts; NaN without a voxel."""
        if not self.count.sum():
            return float("nan")
        gaps = np.abs(np.nan_to_num(self.confidence - self.accuracy))
        return float(np.average(gaps, weights=self.count))

    @property
    def largest_error(self) -> float:
        """Largest gap of a bin that has voxels (MCE); NaN without a voxel."""
        gaps = np.abs(self.confidence - self.accuracy)[self.count > 0]
        return float(gaps.max()) if gaps.size else float("nan")


def curve_of(cells: FloatArray, n_bins: int, *, adaptive: bool) -> ReliabilityCurve:
    """Join cells to bins.

    Parameters
    ----------
    cells : float array of shape (3, 25200)
        Number, sum of confidences and number right in each cell.
    n_bins : int
        A divisor of 25,200, e.g. 10, 15, 20, 25, 50 or 100.
    adaptive : bool
        Bins of equal number of voxels rather than of equal width. A cell is never split: it
        goes to the bin that its middle voxel belongs to.

    Raises
    ------
    UsageError
        If that many bins do not consist of whole cells.
    """
    if n_bins < 1 or N_CELLS % n_bins:
        raise UsageError(
            f"The number of bins must divide {N_CELLS}", got=n_bins, expected="10, 15, 20 ..."
        )
    if adaptive:
        middle = np.cumsum(cells[0]) - cells[0] / 2
        which = np.floor(middle * (n_bins / max(cells[0].sum(), 1.0))).astype(np.int64)
        which = np.minimum(which, n_bins - 1)
    else:
        which = np.repeat(np.arange(n_bins), N_CELLS // n_bins)
    count, confidence, right = (np.bincount(which, row, n_bins) for row in cells)
    edges = np.searchsorted(which, np.arange(n_bins + 1)) / N_CELLS
    return ReliabilityCurve(
        edges[:-1],
        edges[1:],
        count.astype(np.int64),
        np.divide(confidence, count, out=np.full(n_bins, np.nan), where=count > 0),
        np.divide(right, count, out=np.full(n_bins, np.nan), where=count > 0),
    )


def add_to_cells(cells: FloatArray, values: FloatArray, is_right: npt.NDArray[np.bool_]) -> None:
    """Count probabilities, of shape (n,), and whether each is right, into cells in place."""
    # Open below and closed above, with what is equal on paper: 0.3 lies in the cell up to 0.3.
    at = np.ceil(values * N_CELLS - _ROUNDING).astype(np.int64) - 1
    np.clip(at, 0, N_CELLS - 1, out=at)
    cells[0] += np.bincount(at, minlength=N_CELLS)
    cells[1] += np.bincount(at, values, N_CELLS)
    cells[2] += np.bincount(at, is_right, N_CELLS)
