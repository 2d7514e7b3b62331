"""Shape-based averaging: the mean of the raters' outlines rather than of their votes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import UsageError
from suffice.raters.votes import BoolArray, FloatArray, Masks, require_masks

Distances = npt.NDArray[np.float32]

# Distances in mm come in single precision: what is equal on paper differs in the last bits.
_ROUNDING = 1e-5


def shape_based_average(
    masks: Masks, spacing: tuple[float, ...], values: tuple[int, ...] | None = None
) -> npt.NDArray[np.uint16]:
    """Give each voxel the label in which it lies deepest, averaged over the raters.

    Parameters
    ----------
    masks : mapping of str to integer array of shape (N0, N1) or (N0, N1, N2)
        Rater to mask.
    spacing : tuple of float
        Distance between neighbours along each axis, in mm; ones for pixels.
    values : tuple of int, optional
        Label values, background left out; those found, where not given.

    Returns
    -------
    uint16 array of the shape of the masks
        The lowest of the labels that tie.

    Notes
    -----
    For each rater and label the signed distance from the outline is worked out, in mm and
    negative inside; the label with the smallest mean wins [1]_. An empty mask has no outline: a
    structure that fewer than half of the raters drew is held to be absent, and is averaged over
    those who drew it otherwise.

    References
    ----------
    .. [1] Rohlfing and Maurer, IEEE TIP 2007, https://doi.org/10.1109/TIP.2006.884936

    Examples
    --------
    >>> narrow, wide = np.zeros((1, 16), dtype=np.uint8), np.zeros((1, 16), dtype=np.uint8)
    >>> narrow[0, 6:10], wide[0, 2:14] = 1, 1
    >>> shape_based_average({"anna": narrow, "ben": wide}, (1.0, 1.0)).tolist()
    [[0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]]
    """
    require_masks(masks)
    arrays = list(masks.values())
    shape = arrays[0].shape
    if len(spacing) != len(shape) or not all(np.isfinite(s) and s > 0 for s in spacing):
        raise UsageError("A spacing is one positive length an axis", got=spacing)
    if values is None:
        values = tuple(sorted({int(v) for mask in arrays for v in np.unique(mask)} - {0}))
    result = np.zeros(shape, dtype=np.uint16)
    box = _roomy_box(arrays)
    arrays = [np.ascontiguousarray(mask[box]) for mask in arrays]
    drawn = {v: [mask for mask in arrays if (mask == v).any()] for v in values}
    present = [v for v in values if drawn[v] and 2 * len(drawn[v]) >= len(arrays)]
    if not present:
        return result
    best = _mean_distance([mask == 0 for mask in arrays if mask.any()], spacing)
    labels = np.zeros(best.shape, dtype=np.uint16)
    for value in present:
        mean = _mean_distance([mask == value for mask in drawn[value]], spacing)
        labels[mean < best - _ROUNDING] = value
        np.minimum(best, mean, out=best)
    result[box] = labels
    return result


def _mean_distance(structures: list[BoolArray], spacing: tuple[float, ...]) -> FloatArray:
    # In double precision, so that the order of the raters is of no account.
    total = np.zeros(structures[0].shape)
    for structure in structures:
        total += signed_distance(structure, spacing)
    return np.asarray(total / len(structures))


def signed_distance(structure: BoolArray, spacing: tuple[float, ...]) -> Distances:
    """Distance to the nearest voxel of the other kind, in mm, negative inside.

    A structure that fills the array, or is empty, is as far off as the array is long.
    """
    import SimpleITK as sitk  # the fastest at hand, and nearly half a second to import

    longest = float(np.linalg.norm(np.multiply(spacing, structure.shape)))
    if not structure.any():
        return np.full(structure.shape, longest, dtype=np.float32)
    if structure.all():
        return np.full(structure.shape, -longest, dtype=np.float32)
    signed = np.zeros(structure.shape, dtype=np.float32)
    for side, sign in ((structure, 1.0), (~structure, -1.0)):
        image = sitk.GetImageFromArray(side.view(np.uint8))
        image.SetSpacing(tuple(reversed([float(s) for s in spacing])))
        away = sitk.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True)
        signed += np.float32(sign) * np.maximum(sitk.GetArrayFromImage(away), 0)
    return signed


def _roomy_box(arrays: list[npt.NDArray[np.generic]]) -> tuple[slice, ...]:
    """Box around all structures with a voxel of background on each side, where there is one."""
    drawn = np.any([mask != 0 for mask in arrays], axis=0)
    boxes = ndimage.find_objects(drawn.view(np.uint8))
    sides = boxes[0] if boxes else (slice(0, 0),) * drawn.ndim
    return tuple(slice(max(0, side.start - 1), side.stop + 1) for side in sides)
