"""How much two structures overlap, and by how much their sizes differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Voxel counts of a predicted and a reference structure and of what they share.

    A share of nothing, such as the sensitivity where the reference is empty, is not a number;
    what becomes of it is for an `EmptyPolicy` to say.

    Parameters
    ----------
    n_predicted, n_reference : int
        Voxels of either structure.
    n_shared : int
        Voxels of both.
    n_voxels : int
        Voxels of the whole image, background included.

    References
    ----------
    .. [1] Taha and Hanbury, BMC Med. Imaging 2015, https://doi.org/10.1186/s12880-015-0068-x

    Examples
    --------
    >>> overlap = Overlap(n_predicted=6, n_reference=4, n_shared=4, n_voxels=20)
    >>> overlap.dice, round(overlap.iou, 3), overlap.excess_percent
    (0.8, 0.667, 50.0)
    >>> overlap.sensitivity, round(overlap.precision, 3), overlap.specificity, overlap.accuracy
    (1.0, 0.667, 0.875, 0.9)
    >>> overlap.volume_similarity, round(overlap.kappa, 3)
    (0.8, 0.737)
    """

    n_predicted: int
    n_reference: int
    n_shared: int
    n_voxels: int

    @classmethod
    def of(cls, predicted: BoolArray, reference: BoolArray, n_voxels: int | None = None) -> Overlap:
        """Count the voxels of two masks of one shape.

        Parameters
        ----------
        predicted, reference : bool array of one shape
        n_voxels : int, optional
            Voxels of the whole image, where the masks are cut to a box around the structures.
        """
        return cls(
            int(np.count_nonzero(predicted)),
            int(np.count_nonzero(reference)),
            int(np.count_nonzero(predicted & reference)),
            reference.size if n_voxels is None else n_voxels,
        )

    @property
    def n_background(self) -> int:
        """Voxels of neither structure (true negatives)."""
        return self.n_voxels - self.n_predicted - self.n_reference + self.n_shared

    @property
    def dice(self) -> float:
        """Dice coefficient, 2 |P and R| / (|P| + |R|); also the F1 of the voxels."""
        return _share(2 * self.n_shared, self.n_predicted + self.n_reference)

    @property
    def iou(self) -> float:
        """Intersection over union (Jaccard), |P and R| / |P or R|."""
        return _share(self.n_shared, self.n_predicted + self.n_reference - self.n_shared)

    @property
    def sensitivity(self) -> float:
        """Share of the reference that is predicted (recall, true positive rate)."""
        return _share(self.n_shared, self.n_reference)

    @property
    def precision(self) -> float:
        """Share of the prediction that is right (positive predictive value)."""
        return _share(self.n_shared, self.n_predicted)

    @property
    def specificity(self) -> float:
        """Share of the voxels outside of the reference that are predicted so."""
        return _share(self.n_background, self.n_voxels - self.n_reference)

    @property
    def accuracy(self) -> float:
        """Share of voxels with the right answer, inside or outside."""
        return _share(self.n_shared + self.n_background, self.n_voxels)

    @property
    def kappa(self) -> float:
        """Cohen's kappa: agreement of the voxels beyond that of chance, (p - e) / (1 - e).

        With p the accuracy and e what two masks of these sizes would agree on by chance; written
        out in counts, as p and e differ in the last bits alone where the image is large.

        References
        ----------
        .. [1] Cohen, Educ. Psychol. Meas. 1960, https://doi.org/10.1177/001316446002000104
        """
        beyond = 2 * (self.n_voxels * self.n_shared - self.n_predicted * self.n_reference)
        return _share(
            beyond,
            self.n_voxels * (self.n_predicted + self.n_reference)
            - 2 * self.n_predicted * self.n_reference,
        )

    @property
    def volume_similarity(self) -> float:
        """How alike the sizes are wherever they lie, 1 - ||P| - |R|| / (|P| + |R|)."""
        return 1.0 - _share(abs(self.n_excess), self.n_predicted + self.n_reference)

    @property
    def n_excess(self) -> int:
        """Voxels that the prediction has more than the reference; negative where it has fewer."""
        return self.n_predicted - self.n_reference

    @property
    def excess_percent(self) -> float:
        """The excess in percent of the reference; infinite where that alone is empty."""
        if not self.n_reference:
            return float("inf") if self.n_predicted else float("nan")
        return 100.0 * self.n_excess / self.n_reference


def accuracy(predicted: npt.NDArray[np.generic], reference: npt.NDArray[np.generic]) -> float:
    """Share of voxels with the right value, all structures and the background at once.

    Never a score by itself: where structures are small, an empty mask is nearly always right.
    """
    return float(np.count_nonzero(predicted == reference) / reference.size)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
