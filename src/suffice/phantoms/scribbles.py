"""Strokes in place of a mask, as a person draws who has seconds a slice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.morphology import skeletonize

from suffice.core import LabelMap, Legend, UsageError

BoolArray = npt.NDArray[np.bool_]

# Pieces, against the largest, that get a stroke: a person passes over specks.
_LARGE = 0.25


def scribble(
    mask: LabelMap, rng: np.random.Generator, *, ignore: int | None = None, every: int = 1
) -> LabelMap:
    """Draw a stroke in each structure and one of background, and leave all else unlabelled.

    Volumes are drawn on slice by slice, across the last of the axes with the largest spacing, as
    the scribbles on ACDC were (Valvano 2021, doi 10.1109/TMI.2021.3069634). The stroke of a
    structure is the midline of each larger piece, that of the background half of its midline.

    Parameters
    ----------
    mask : LabelMap
        Whole.
    rng : numpy.random.Generator
        Draws on which side of the structures the stroke of the background lies.
    ignore : int, optional
        The value of unlabelled voxels; by default one more than the largest of the legend.
    every : int
        Draw on every so many slices of a volume.

    Returns
    -------
    LabelMap
        Its drawn voxels are those of ``mask``.

    Examples
    --------
    >>> from suffice.phantoms import discs
    >>> strokes = scribble(discs(np.random.default_rng(0)).truth, np.random.default_rng(0))
    >>> strokes.legend.ignore, bool(strokes.unlabelled.mean() > 0.9)
    (2, True)
    """
    if every < 1:
        raise UsageError("Strokes are drawn on every so many slices", got=every)
    values = mask.legend.values
    ignore = max(values) + 1 if ignore is None else ignore
    legend = Legend(mask.legend.labels, ignore)
    out = np.full(mask.array.shape, ignore, np.min_scalar_type(max(ignore, *values)))
    if mask.grid.ndim == 2:
        _draw(np.asarray(mask.array), out, values, ignore, rng)
        return LabelMap(out, mask.grid, legend)
    spacing = mask.grid.unit_spacing
    axis = max(range(3), key=lambda k: (round(spacing[k], 3), k))
    planes = zip(np.moveaxis(mask.array, axis, 0), np.moveaxis(out, axis, 0), strict=True)
    for i, (plane, strokes) in enumerate(planes):
        if i % every == every // 2:
            _draw(plane, strokes, values, ignore, rng)
    return LabelMap(out, mask.grid, legend)


def _draw(
    plane: npt.NDArray[np.generic],
    out: npt.NDArray[np.generic],
    values: tuple[int, ...],
    ignore: int,
    rng: np.random.Generator,
) -> None:
    """Draw on one slice ``(rows, columns)``; ``out`` is written to."""
    for value in values:
        out[_midline(plane == value)] = value
    out[_midline(plane == 0) & _side(plane == 0, rng)] = 0


def _midline(region: BoolArray) -> BoolArray:
    """Mark the midline of each larger piece."""
    pieces, n_pieces = ndimage.label(region)
    sizes = np.bincount(pieces.ravel(), minlength=1 + n_pieces)[1:]
    midline = np.zeros(region.shape, bool)
    for piece, size in enumerate(sizes, start=1):
        if size >= _LARGE * sizes.max():
            midline |= skeletonize(pieces == piece)
    return midline


def _side(background: BoolArray, rng: np.random.Generator) -> BoolArray:
    """Mark one side of the middle of the structures."""
    centre = (np.array(background.shape) - 1) / 2
    if not background.all():
        centre = np.array(ndimage.center_of_mass(~background))
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.indices(background.shape)
    along = np.cos(angle) * (rows - centre[0]) + np.sin(angle) * (columns - centre[1])
    side: BoolArray = along >= 0
    return side
