"""How much two structures overlap, and by how much their sizes differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Voxel counts of a predicted and a reference structure and of what they share.

    Examples
    --------
    >>> overlap = Overlap(n_predicted=6, n_reference=4, n_shared=4)
    >>> overlap.dice, round(overlap.iou, 3), overlap.excess_percent
    (0.8, 0.667, 50.0)
    """

    n_predicted: int
    n_reference: int
    n_shared: int

    @classmethod
    def of(cls, predicted: BoolArray, reference: BoolArray) -> Overlap:
        """Count the voxels of two masks of one shape."""
        return cls(
            int(np.count_nonzero(predicted)),
            int(np.count_nonzero(reference)),
            int(np.count_nonzero(predicted & reference)),
        )

    @property
    def dice(self) -> float:
        """Dice coefficient; not a number where both are empty."""
        total = self.n_predicted + self.n_reference
        return 2 * self.n_shared / total if total else float("nan")

    @property
    def iou(self) -> float:
        """Intersection over union (Jaccard); not a number where both are empty."""
        union = self.n_predicted + self.n_reference - self.n_shared
        return self.n_shared / union if union else float("nan")

    @property
    def n_excess(self) -> int:
        """Voxels that the prediction has more than the reference; negative where it has fewer."""
        return self.n_predicted - self.n_reference

    @property
    def excess_percent(self) -> float:
        """The excess in percent of the reference; infinite where that is empty."""
        if not self.n_reference:
            return float("inf") if self.n_predicted else float("nan")
        return 100.0 * self.n_excess / self.n_reference


def accuracy(predicted: npt.NDArray[np.generic], reference: npt.NDArray[np.generic]) -> float:
    """Share of voxels with the right value, background included.

    Never a score by itself: where structures are small, an empty mask is nearly always right.
    """
    return float(np.count_nonzero(predicted == reference) / reference.size)
