"""Uptake of a tracer in PET: peak, metabolic volume, total glycolysis."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from suffice.measure.structure import FloatArray, Measure, Structure

# Radius of a ball of 1 ml.
PEAK_RADIUS_MM = 10.0 * (3.0 / (4.0 * np.pi)) ** (1.0 / 3.0)
THRESHOLD_PERCENT = 41

_ROUNDING = 1e-6


def measure_uptake(
    structure: Structure, suv: npt.NDArray[np.generic], values: FloatArray
) -> Iterator[Measure]:
    """Measure SUVpeak, metabolic tumour volume (MTV) and total lesion glycolysis (TLG).

    Parameters
    ----------
    structure : Structure
        Of at least one voxel.
    suv : array of shape (X, Y, Z)
        Standardised uptake values of the whole scan; the ball of the peak may reach beyond the
        structure.
    values : array of shape (n_voxels,)
        Those inside.

    Yields
    ------
    Measure
        ``peak_suv``: the highest mean over a ball of 1 ml around any voxel of the structure [1]_,
        the global intensity peak of [2]_. ``tlg_g``: volume times mean SUV [3]_. ``mtv41_ml`` and
        ``tlg41_g``: of the voxels with at least 41 % of the structure's highest value [4]_.

    References
    ----------
    .. [1] Wahl et al., J. Nucl. Med. 2009, https://doi.org/10.2967/jnumed.108.057307
    .. [2] Zwanenburg et al., Radiology 2020, https://doi.org/10.1148/radiol.2020191145
    .. [3] Larson et al., Clin. Positron Imaging 1999,
       https://doi.org/10.1016/S1095-0397(99)00016-3
    .. [4] Boellaard et al., Eur. J. Nucl. Med. Mol. Imaging 2015,
       https://doi.org/10.1007/s00259-014-2961-x
    """
    each = structure.grid.voxel_volume_ml or 0.0
    hot = values[values >= THRESHOLD_PERCENT / 100.0 * values.max()]
    label = structure.label
    yield Measure(label, "peak_suv", float(peaks(structure, suv).max()))
    yield Measure(label, "tlg_g", float(values.sum()) * each)
    yield Measure(label, f"mtv{THRESHOLD_PERCENT}_ml", len(hot) * each)
    yield Measure(label, f"tlg{THRESHOLD_PERCENT}_g", float(hot.sum()) * each)


def peaks(structure: Structure, array: npt.NDArray[np.generic]) -> FloatArray:
    """Mean over a ball of 1 ml around each voxel of a structure.

    The ball takes the voxels whose centres it holds; at the rim of the scan, those there are.

    Returns
    -------
    array of shape (n_voxels,)
    """
    steps = _steps_within(structure.axes)
    reach = np.abs(steps).max(axis=0)
    window = tuple(
        slice(max(part.start - r, 0), min(part.stop + r, n))
        for part, r, n in zip(structure.box, reach.tolist(), array.shape, strict=True)
    )
    padding = [
        (r - (part.start - near.start), r - (near.stop - part.stop))
        for part, near, r in zip(structure.box, window, reach.tolist(), strict=True)
    ]
    values = np.pad(array[window].astype(np.float64), padding)
    there = np.pad(np.ones(array[window].shape), padding)
    index = np.argwhere(structure.inside) + reach
    total, count = np.zeros(len(index)), np.zeros(len(index))
    for step in steps:
        place = tuple((index + step).T)
        total += values[place]
        count += there[place]
    return total / count


def _steps_within(axes: FloatArray) -> npt.NDArray[np.intp]:
    """Differences of indices that lead no farther than the radius of the ball."""
    # Rows of the inverse bound how many steps along each axis a sphere can take.
    most = np.floor(PEAK_RADIUS_MM * np.linalg.norm(np.linalg.inv(axes), axis=1) + _ROUNDING)
    ranges = [range(-int(n), int(n) + 1) for n in most]
    steps = np.array(list(itertools.product(*ranges)), dtype=np.intp)
    lengths = np.linalg.norm(steps @ axes.T, axis=1)
    return np.asarray(steps[lengths <= PEAK_RADIUS_MM + _ROUNDING])
