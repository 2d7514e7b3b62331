"""Tell touching objects apart: watershed from markers in a mask, its parameters searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage import morphology, segmentation

from suffice.core import GeometryError
from suffice.metrics import InstanceOverlaps, components, data_science_bowl_precision
from suffice.segmenters.searching import BoolArray, FloatArray, Search

IntArray = npt.NDArray[np.int32]
Relief = Literal["none", "distance", "ratio", "brightness"]

_PROMINENCES: dict[Relief, tuple[float, ...]] = {
    "distance": (0.35, 0.75, 1.5, 3.0),
    "ratio": (0.05, 0.1, 0.2, 0.4),
    "brightness": (0.05, 0.1, 0.2),
}
_SMOOTHINGS = (0.0, 2.0, 3.0)
_SMALLEST = (3, 10, 30, 100)


@dataclass(frozen=True, kw_only=True)
class Splitting:
    """How the objects of a mask are told apart.

    Parameters
    ----------
    relief : {"none", "distance", "ratio", "brightness"}
        What has a peak in each object: the distance to the mask's outside, in voxels of the
        finest axis; its logarithm, for objects of several sizes; the brightness, where objects
        are unlike their surroundings; "none" takes connected components as they are.
    smoothing : float
        Standard deviation, in voxels of the finest axis, that evens the relief out.
    prominence : float
        How far the relief must fall between two peaks, so that they are two objects: in voxels;
        a share, of "ratio" and of the range of brightness.
    smallest : int
        Objects of fewer voxels are left out.
    """

    relief: Relief = "none"
    smoothing: float = 1.0
    prominence: float = 0.75
    smallest: int = 1


def split_instances(
    mask: BoolArray,
    splitting: Splitting,
    *,
    brightness: FloatArray | None = None,
    spacing: Sequence[float] | None = None,
) -> IntArray:
    """Number the objects of a mask.

    Parameters
    ----------
    mask : bool array of shape (Y, X) or (X, Y, Z)
    splitting : Splitting
    brightness : float array of the same shape, optional
        Needed for the relief "brightness".
    spacing : sequence of float, optional
        By default the same along all axes.

    Returns
    -------
    int32 array of the same shape
        1 to the number of objects, 0 for background; all of the mask belongs to some object,
        but for those left out as too small.

    Examples
    --------
    >>> row = np.array([0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0], bool)
    >>> mask = np.stack([row] * 5 + [row | np.roll(row, 1)])
    >>> int(split_instances(mask, Splitting(relief="none")).max())
    1
    >>> int(split_instances(mask, Splitting(relief="distance", smoothing=0)).max())
    2
    """
    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    if splitting.relief == "none":
        numbered = components(mask)
    else:
        relief = _relief(mask, splitting, brightness, spacing)
        peaks = _peaks(relief, splitting.prominence) & mask
        markers, _ = ndimage.label(peaks, np.ones((3,) * mask.ndim))
        numbered = segmentation.watershed(
            -relief, markers, connectivity=mask.ndim, mask=mask
        ).astype(np.int32)
        # Beside large objects the peak of a small one may not stand out: it is one all the same.
        unmarked = components(mask & (numbered == 0))
        numbered = np.where(unmarked > 0, unmarked + numbered.max(), numbered).astype(np.int32)
    return _without_small(numbered, splitting.smallest)


def average_precision(predicted: Sequence[IntArray], truths: Sequence[IntArray]) -> float:
    """Mean over cases of TP / (TP + FP + FN), itself the mean over IoU 0.5 to 0.95."""
    values = [
        data_science_bowl_precision(InstanceOverlaps.of(one, other))
        for one, other in zip(predicted, truths, strict=True)
        if one.any() or other.any()
    ]
    return float(np.mean(values)) if values else 1.0


def search_splitting(
    masks: Sequence[BoolArray],
    truths: Sequence[IntArray],
    *,
    brightness: Sequence[FloatArray] | None = None,
    spacings: Sequence[Sequence[float]] | None = None,
    search: Search | None = None,
    part: float = 1.0,
) -> tuple[Splitting, float]:
    """Search how masks, as a model predicts them, are best split into the objects drawn.

    Parameters
    ----------
    masks : sequence of bool array
    truths : sequence of integer array of the same shapes
        A value for each object, 0 for background.
    brightness : sequence of float array, optional
        Without it the relief "brightness" is not tried.
    spacings : sequence of sequence of float, optional
    search : Search, optional
        Whose clock is kept.
    part : float
        Of the budget, which must not be passed.

    Returns
    -------
    Splitting, float
        And the average precision that it reaches.
    """

    def precision(tried: Splitting) -> float:
        found = [
            split_instances(
                mask,
                tried,
                brightness=None if brightness is None else brightness[i],
                spacing=None if spacings is None else spacings[i],
            )
            for i, mask in enumerate(masks)
        ]
        if search is not None:
            search.n_tried += 1
        return average_precision(found, truths)

    best, score = Splitting(), precision(Splitting())
    rounds: list[list[dict[str, object]]] = [
        [
            {"relief": relief, "prominence": prominence}
            for relief, prominences in _PROMINENCES.items()
            if relief != "brightness" or brightness is not None
            for prominence in prominences
        ],
        [{"smoothing": smoothing} for smoothing in _SMOOTHINGS],
        [{"smallest": smallest} for smallest in _SMALLEST],
    ]
    for changes in rounds:
        start = best
        for change in changes:
            if search is not None and not search.has_time(part):
                break
            tried = replace(start, **change)  # type: ignore[arg-type]
            if start.relief == "none" and "smoothing" in change:
                continue
            reached = precision(tried)
            if reached > score + 1e-4:
                best, score = tried, reached
    return best, score


def _relief(
    mask: BoolArray,
    splitting: Splitting,
    brightness: FloatArray | None,
    spacing: Sequence[float] | None,
) -> FloatArray:
    steps = np.ones(mask.ndim) if spacing is None else np.asarray(spacing) / min(spacing)
    if splitting.relief == "brightness":
        if brightness is None or brightness.shape != mask.shape:
            raise GeometryError(
                "Splitting by brightness needs the image on the mask's grid",
                got=None if brightness is None else brightness.shape,
                expected=mask.shape,
                cure="Give it, or take the relief 'distance'.",
            )
        low, high = np.percentile(brightness, (1, 99))
        relief = (brightness - low) / max(float(high - low), 1e-6)
        if mask.all() or relief[mask].mean() < relief[~mask].mean():
            relief = -relief
    else:
        relief = ndimage.distance_transform_edt(mask, sampling=steps)
    if splitting.smoothing:
        relief = ndimage.gaussian_filter(relief, splitting.smoothing / steps)
    if splitting.relief == "ratio":
        relief = np.log(np.maximum(relief, 0.5))
    return np.asarray(np.where(mask, relief, relief.min()), dtype=np.float32)


def _peaks(relief: FloatArray, prominence: float) -> BoolArray:
    """Tops that stand out by a prominence (the extended maxima)."""
    lowered = morphology.reconstruction(relief - prominence, relief)
    return np.asarray(morphology.local_maxima(lowered))


def _without_small(numbered: IntArray, smallest: int) -> IntArray:
    sizes = np.bincount(numbered.ravel())
    keep = sizes >= smallest
    keep[0] = False
    renumbered = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    kept: IntArray = renumbered[numbered]
    return kept
