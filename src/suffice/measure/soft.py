"""Size from probabilities, which tell how much of a voxel at the border a structure fills."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import LabelError, LabelMap
from suffice.measure.size import size_unit
from suffice.measure.structure import Measure

# A network's doubt far from a structure is small in each voxel, but scans have many of them.
SEED = 0.1
REACH_VOXELS = 2

_ROUNDING = 1e-3


def measure_soft_sizes(mask: LabelMap, probabilities: npt.NDArray[np.floating]) -> list[Measure]:
    """Add up what each structure fills of the voxels: ``volume_soft_ml``, or the area.

    Parameters
    ----------
    mask : LabelMap
        For its grid and legend.
    probabilities : float array of shape (n_classes, *spatial)
        Of the background first, then of the structures in the legend's order; or the share of
        each voxel that is filled.

    Notes
    -----
    For shares this is the true size whatever the voxels; a count of voxels above one half is off
    by what rounding leaves of the border. Counted are voxels within two of one with 0.1 or more.

    Raises
    ------
    LabelError
        If there is not a probability from 0 to 1 for every class.
    """
    if probabilities.shape != (mask.legend.n_classes, *mask.grid.shape):
        raise LabelError(
            "The probabilities do not fit the mask",
            got=probabilities.shape,
            expected=(mask.legend.n_classes, *mask.grid.shape),
        )
    low, high = float(probabilities.min()), float(probabilities.max())
    if not (low >= -_ROUNDING and high <= 1.0 + _ROUNDING):
        raise LabelError("Probabilities lie between 0 and 1", got=f"{low:g} to {high:g}")
    name, each = size_unit(mask.grid)
    stem, _, unit = name.rpartition("_")
    return [
        Measure(label.name, f"{stem}_soft_{unit}", _filled(probabilities[k]) * each)
        for k, label in enumerate(mask.legend, start=1)
    ]


def _filled(shares: npt.NDArray[np.floating]) -> float:
    """Voxels' worth of a structure near where it may be."""
    (box,) = ndimage.find_objects((shares >= SEED).astype(np.uint8), 1) or [None]
    if box is None:
        return 0.0
    around = tuple(
        slice(max(part.start - REACH_VOXELS, 0), part.stop + REACH_VOXELS) for part in box
    )
    cut = shares[around]
    square = ndimage.generate_binary_structure(cut.ndim, cut.ndim)
    near = ndimage.binary_dilation(cut >= SEED, square, iterations=REACH_VOXELS)
    return float(cut[near].sum(dtype=np.float64))
