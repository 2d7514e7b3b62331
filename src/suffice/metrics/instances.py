"""Instances of two maps and what they share, found in one pass over the voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import GeometryError, LabelError, UsageError

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Connectivity = Literal["faces", "edges", "corners"]

_STEPS: dict[str, int] = {"faces": 1, "edges": 2, "corners": 3}


def components(
    mask: npt.NDArray[np.bool_], connectivity: Connectivity = "corners"
) -> npt.NDArray[np.int32]:
    """Number the connected components of a structure, so that each is an instance.

    Parameters
    ----------
    mask : bool array of shape (N0, N1) or (N0, N1, N2)
        The structure.
    connectivity : str
        What voxels must share to belong together: ``"faces"`` (4 neighbours in 2D, 6 in 3D),
        ``"edges"`` (8, 18) or ``"corners"`` (8, 26), the default.

    Returns
    -------
    int array of the same shape
        0 is background.

    Examples
    --------
    >>> components(np.array([[True, False], [False, True]], dtype=bool), "faces")
    array([[1, 0],
           [0, 2]], dtype=int32)
    """
    if connectivity not in _STEPS:
        raise UsageError("Unknown connectivity", got=connectivity, expected=" or ".join(_STEPS))
    steps = min(_STEPS[connectivity], mask.ndim)
    around = ndimage.generate_binary_structure(mask.ndim, steps)
    numbered = np.zeros(mask.shape, dtype=np.int32)
    ndimage.label(mask, around, output=numbered)
    return numbered


@dataclass(frozen=True, eq=False)
class InstanceOverlaps:
    """Sizes of the instances of two maps and the voxels that each pair shares.

    Every instance metric follows from this table, so it is made once. Only pairs that touch are
    kept: `N` by `M` tables of thousands of nuclei never arise.

    Parameters
    ----------
    predicted_ids, reference_ids : int array of shape (n_predicted,), (n_reference,)
        Values in the maps, ascending.
    predicted_sizes, reference_sizes : int array of the same shapes
        In voxels.
    predicted_index, reference_index : int array of shape (n_pairs,)
        Positions in the ids of the pairs that share voxels.
    shared : int array of shape (n_pairs,)
        How many each pair shares.

    Examples
    --------
    >>> overlaps = InstanceOverlaps.of(np.array([[1, 1, 0, 5]]), np.array([[7, 7, 7, 0]]))
    >>> overlaps.n_predicted, overlaps.n_reference, overlaps.iou.round(3).tolist()
    (2, 1, [0.667])
    """

    predicted_ids: IntArray
    reference_ids: IntArray
    predicted_sizes: IntArray
    reference_sizes: IntArray
    predicted_index: IntArray
    reference_index: IntArray
    shared: IntArray

    @classmethod
    def of(
        cls, predicted: npt.NDArray[np.integer[Any]], reference: npt.NDArray[np.integer[Any]]
    ) -> InstanceOverlaps:
        """Count what two maps of instances share.

        Parameters
        ----------
        predicted, reference : integer array of one shape
            A value for each instance, 0 for background. Values need not be contiguous; voxels
            of one value are one instance even where they do not touch.

        Raises
        ------
        GeometryError, LabelError
            If the shapes differ, or a map holds other than whole numbers of 0 or more.
        """
        _check(predicted, reference)
        pairs, counts = _count_pairs(predicted, reference)
        predicted_ids, predicted_at = np.unique(pairs[0], return_inverse=True)
        reference_ids, reference_at = np.unique(pairs[1], return_inverse=True)
        predicted_sizes = _sum_at(predicted_at, counts, len(predicted_ids))
        reference_sizes = _sum_at(reference_at, counts, len(reference_ids))
        both = (pairs[0] > 0) & (pairs[1] > 0)
        # Background, where there is any, comes first and is no instance.
        first_predicted = int(predicted_ids.size > 0 and predicted_ids[0] == 0)
        first_reference = int(reference_ids.size > 0 and reference_ids[0] == 0)
        return cls(
            predicted_ids[first_predicted:],
            reference_ids[first_reference:],
            predicted_sizes[first_predicted:],
            reference_sizes[first_reference:],
            predicted_at[both] - first_predicted,
            reference_at[both] - first_reference,
            counts[both],
        )

    @property
    def n_predicted(self) -> int:
        """Number of predicted instances."""
        return len(self.predicted_ids)

    @property
    def n_reference(self) -> int:
        """Number of reference instances."""
        return len(self.reference_ids)

    @property
    def union(self) -> IntArray:
        """Voxels in either instance of each pair, shape (n_pairs,)."""
        sizes = self.predicted_sizes[self.predicted_index]
        return np.asarray(sizes + self.reference_sizes[self.reference_index] - self.shared)

    @property
    def iou(self) -> FloatArray:
        """Intersection over union of each pair, shape (n_pairs,)."""
        return np.asarray(self.shared / self.union)

    def swapped(self) -> InstanceOverlaps:
        """Return the table with predicted and reference exchanged."""
        return InstanceOverlaps(
            self.reference_ids,
            self.predicted_ids,
            self.reference_sizes,
            self.predicted_sizes,
            self.reference_index,
            self.predicted_index,
            self.shared,
        )

    def without_smaller_than(self, n_voxels: int) -> InstanceOverlaps:
        """Leave out the instances of either map with fewer than ``n_voxels`` voxels.

        A prediction on a reference instance that was left out then counts as false.
        """
        keep_predicted = self.predicted_sizes >= n_voxels
        keep_reference = self.reference_sizes >= n_voxels
        both = keep_predicted[self.predicted_index] & keep_reference[self.reference_index]
        return InstanceOverlaps(
            self.predicted_ids[keep_predicted],
            self.reference_ids[keep_reference],
            self.predicted_sizes[keep_predicted],
            self.reference_sizes[keep_reference],
            (np.cumsum(keep_predicted) - 1)[self.predicted_index[both]],
            (np.cumsum(keep_reference) - 1)[self.reference_index[both]],
            self.shared[both],
        )


def _check(predicted: npt.NDArray[Any], reference: npt.NDArray[Any]) -> None:
    if predicted.shape != reference.shape:
        raise GeometryError(
            "Two maps of instances differ in shape", got=predicted.shape, expected=reference.shape
        )
    for name, array in (("predicted", predicted), ("reference", reference)):
        if array.dtype.kind not in "iu":
            raise LabelError(
                f"The {name} map of instances must hold integers",
                got=array.dtype,
                cure="Number the connected components of a mask with components().",
            )
        if array.dtype.kind == "i" and array.size and array.min() < 0:
            raise LabelError(f"The {name} map of instances has values below 0", got=array.min())


def _count_pairs(
    predicted: npt.NDArray[Any], reference: npt.NDArray[Any]
) -> tuple[IntArray, IntArray]:
    """Values that lie on each other, of shape (2, n), and how often.

    Runs of equal values are found first: there are far fewer of them than voxels to sort.
    """
    is_fortran = predicted.flags.f_contiguous and reference.flags.f_contiguous
    one, other = (array.ravel("F" if is_fortran else "C") for array in (predicted, reference))
    if not one.size:
        return np.zeros((2, 0), dtype=np.int64), np.zeros(0, dtype=np.int64)
    changes = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lengths = np.diff(starts, append=one.size)
    runs = np.stack([one[starts], other[starts]]).astype(np.int64)
    _, first, at = np.unique(_codes(*runs), return_index=True, return_inverse=True)
    return runs[:, first], _sum_at(at, lengths, len(first))


def _codes(one: IntArray, other: IntArray) -> IntArray:
    """One number for each pair of values."""
    if (int(one.max()) + 1) * (int(other.max()) + 1) >= 2**63:
        one, other = (np.unique(values, return_inverse=True)[1] for values in (one, other))
    return np.asarray(one * (int(other.max()) + 1) + other)


def _sum_at(where: npt.NDArray[Any], counts: IntArray, n: int) -> IntArray:
    return np.asarray(np.bincount(where, weights=counts, minlength=n), dtype=np.int64)
