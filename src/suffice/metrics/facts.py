"""What a drawn mask tells about the problem: sizes, pieces, tubes, spacing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import GeometryError, Grid, Legend
from suffice.metrics.boxes import structure_boxes
from suffice.metrics.thinning import centreline

BoolArray = npt.NDArray[np.bool_]

# A piece of less volume than this many cubes around its largest ball is no tube, and thinning a
# large organ takes seconds.
_BULKY = 2.0
# A voxel of a line touches two others, where lines meet three or four; on a surface, eight.
_MOST_TOUCHING = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureFacts:
    """One structure in one drawn mask, as far as it bears on the choice of metrics.

    Parameters
    ----------
    label : str
        Name of the structure.
    n_axes : int
        2 for pictures, 3 for volumes.
    n_image_voxels : int
        Voxels of the whole image.
    piece_voxels : tuple of int
        Voxels of each connected piece (neighbours by corner), the largest first; empty where
        nobody drew the structure.
    shifted_dice : float
        Dice of the mask with itself moved by one voxel, the mean over the axes; not a number
        where the mask is empty.
    elongation : float
        Length of the largest piece's centreline over its mean thickness; 0 where empty or too
        bulky for a tube.
    tube_share : float
        How much of that piece a tube along its centreline accounts for: about 1 for tubes of
        any course, far less for balls and sheets.
    anisotropy : float
        Largest over smallest spacing.
    has_spacing : bool
        Whether lengths can be told in mm.
    """

    label: str
    n_axes: int
    n_image_voxels: int
    piece_voxels: tuple[int, ...]
    shifted_dice: float
    elongation: float
    tube_share: float
    anisotropy: float
    has_spacing: bool

    @property
    def n_voxels(self) -> int:
        """Voxels of the structure."""
        return sum(self.piece_voxels)


def mask_facts(
    labels: npt.NDArray[np.generic], grid: Grid, legend: Legend
) -> tuple[StructureFacts, ...]:
    """Gather the facts of every structure of a drawn mask.

    Parameters
    ----------
    labels : integer array of the shape of ``grid``
        Label values of ``legend``; 0 is background.
    grid : Grid
    legend : Legend

    Returns
    -------
    tuple of StructureFacts
        One for each label, in the order of the legend; also for those that nobody drew.

    Raises
    ------
    GeometryError
        If the mask does not fit the grid.

    Examples
    --------
    >>> labels = np.zeros((20, 20), dtype=np.uint8)
    >>> labels[2:6, 2:6] = labels[12:14, 12:14] = 1
    >>> (facts,) = mask_facts(labels, Grid((20, 20)), Legend.from_names({1: "cell"}))
    >>> facts.piece_voxels, round(facts.shifted_dice, 2), facts.has_spacing
    ((16, 4), 0.7, False)
    """
    if labels.shape != grid.shape:
        raise GeometryError("The mask does not fit the grid", got=labels.shape, expected=grid.shape)
    spacing = grid.unit_spacing
    boxes = structure_boxes([labels], legend)
    found = []
    for label in legend:
        mask = labels[boxes[label.value]] == label.value
        pieces, largest = _pieces(mask)
        elongation, tube_share = _tubularity(largest, spacing)
        found.append(
            StructureFacts(
                label=label.name,
                n_axes=grid.ndim,
                n_image_voxels=int(labels.size),
                piece_voxels=pieces,
                shifted_dice=_shifted_dice(mask),
                elongation=elongation,
                tube_share=tube_share,
                anisotropy=max(spacing) / min(spacing),
                has_spacing=grid.spacing_mm is not None,
            )
        )
    return tuple(found)


def _pieces(mask: BoolArray) -> tuple[tuple[int, ...], BoolArray]:
    """Sizes of the connected pieces, and the largest one in its own box."""
    numbered, n_pieces = ndimage.label(mask, np.ones((3,) * mask.ndim))
    if not n_pieces:
        return (), mask
    sizes = np.bincount(numbered.ravel())[1:]
    first = int(sizes.argmax()) + 1
    box = ndimage.find_objects(numbered, first)[first - 1]
    return tuple(int(size) for size in sorted(sizes, reverse=True)), numbered[box] == first


def _shifted_dice(mask: BoolArray) -> float:
    """Dice of the mask with itself, moved by a voxel; the mean over the axes."""
    n_voxels = int(np.count_nonzero(mask))
    kept = 0
    for axis in range(mask.ndim):
        ahead = np.moveaxis(mask, axis, 0)
        kept += int(np.count_nonzero(ahead[1:] & ahead[:-1]))
    return kept / (n_voxels * mask.ndim) if n_voxels else float("nan")


def _tubularity(piece: BoolArray, spacing: tuple[float, ...]) -> tuple[float, float]:
    """Length over thickness of a piece's centreline, and what share of it a tube would fill."""
    if not piece.any():
        return 0.0, 0.0
    padded = np.pad(piece, 1)
    inward = ndimage.distance_transform_edt(padded, sampling=spacing)
    voxel = float(np.prod(spacing))
    volume = int(np.count_nonzero(piece)) * voxel
    if volume < _BULKY * (2 * float(inward.max())) ** piece.ndim:
        return 0.0, 0.0
    line = _line_voxels(centreline(padded))
    if not line.any():
        return 0.0, 0.0
    # Half a voxel lies between the centre of the last voxel within and the outline.
    radius = inward[line] - min(spacing) / 2
    step = voxel ** (1 / piece.ndim)
    section = 2 * radius if piece.ndim == 2 else np.pi * radius**2
    return len(radius) * step / (2 * float(radius.mean())), float(section.sum()) * step / volume


def _line_voxels(thin: BoolArray) -> BoolArray:
    """Without the surface that thinning leaves of a closed shell."""
    touching = ndimage.convolve(thin.astype(np.uint8), np.ones((3,) * thin.ndim, dtype=np.uint8))
    return np.asarray(thin & (touching <= _MOST_TOUCHING))
