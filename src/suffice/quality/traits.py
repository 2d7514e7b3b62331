"""What a mask and its scan look like in a few numbers, whatever the grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import Image, LabelMap
from suffice.metrics import components

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

QUANTILES = tuple(round(0.05 * i, 2) for i in range(1, 20))
# Brightness is read from this many voxels at most, evenly spread.
_MOST_VOXELS = 200_000
# Hounsfield units over this are of the order of one, as other intensities are over their range.
_HU = 1000.0


@dataclass(frozen=True, slots=True)
class StructureTraits:
    """One structure of one mask.

    Parameters
    ----------
    log_size : float
        Logarithm of the volume in mm³, or of the area in mm² (pixels where unknown).
    outline : float
        Logarithm of the surface over that of a cube (square) of the same size: 0 for a cube,
        more for what is thin or ragged.
    n_pieces : int
        Connected pieces.
    brightness : float
        Median within, in the scan's own range of brightness, mean over the channels.
    """

    log_size: float
    outline: float
    n_pieces: int
    brightness: float


@dataclass(frozen=True, slots=True)
class CaseTraits:
    """A scan and the structures in its mask; those that it lacks are not in ``structures``.

    Parameters
    ----------
    quantiles : tuple of float
        Of the brightness of every channel, at `QUANTILES`, one channel after the other.
    structures : dict of str to StructureTraits
        By the name of the label.
    """

    quantiles: tuple[float, ...]
    structures: dict[str, StructureTraits]


def case_traits(image: Image, mask: LabelMap) -> CaseTraits:
    """Describe a scan and its mask, which lies on the scan's grid."""
    ranges = [_range_of(image, channel) for channel in image.array]
    quantiles: list[float] = []
    for channel, (middle, width) in zip(image.array, ranges, strict=True):
        found = np.quantile(_sample(channel), QUANTILES)
        quantiles += [float(q) for q in (found - middle) / width]
    boxes = ndimage.find_objects(_numbered(mask), max(mask.legend.values))
    structures = {}
    for label in mask.legend:
        box = boxes[label.value - 1]
        if box is None:
            continue
        inside = np.asarray(mask.array[box] == label.value)
        levels = [
            (float(np.median(_sample(channel[box][inside]))) - middle) / width
            for channel, (middle, width) in zip(image.array, ranges, strict=True)
        ]
        brightness = float(np.mean(levels))
        structures[label.name] = _structure(inside, mask.grid.unit_spacing, brightness)
    return CaseTraits(tuple(quantiles), structures)


def _numbered(mask: LabelMap) -> npt.NDArray[np.generic]:
    return mask.array.astype(np.uint8) if mask.array.dtype == bool else mask.array


def _structure(inside: BoolArray, spacing: tuple[float, ...], brightness: float) -> StructureTraits:
    size = float(np.count_nonzero(inside)) * math.prod(spacing)
    surface = _surface(inside, spacing)
    ndim = inside.ndim
    cube = 2 * ndim * size ** ((ndim - 1) / ndim)
    n_pieces = int(components(inside).max())
    return StructureTraits(math.log(size), math.log(surface / cube), n_pieces, brightness)


def _surface(inside: BoolArray, spacing: tuple[float, ...]) -> float:
    """Area of the voxel faces between inside and outside."""
    padded = np.pad(inside, 1).view(np.int8)
    total = 0.0
    for axis, length in enumerate(spacing):
        n_faces = int(np.count_nonzero(np.diff(padded, axis=axis)))
        total += n_faces * math.prod(spacing) / length
    return total


def _sample(values: npt.NDArray[np.generic]) -> FloatArray:
    step = max(1, values.size // _MOST_VOXELS)
    return np.asarray(values.ravel(order="K")[::step], dtype=np.float64)


def _range_of(image: Image, channel: npt.NDArray[np.generic]) -> tuple[float, float]:
    """Middle and width that brightness is counted in: fixed for HU, else the scan's own."""
    if image.unit == "HU":
        return 0.0, _HU
    low, middle, high = (float(q) for q in np.quantile(_sample(channel), (0.05, 0.5, 0.95)))
    return middle, (high - low) or 1.0
