"""Clean a mask: what touches the border, specks, holes, ragged edges, the wrong side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.segmenters.searching import BoolArray, dice

Side = Literal["both", "left", "right"]
Border = Literal["keep", "drop", "drop at sides"]

# What a step more must bring: simpler rules carry over better.
GAIN = 0.002
_RADII = (0.0, 1.0, 2.0, 3.0, 5.0)
_SHARES = (0.0, 0.00005, 0.0002, 0.001, 0.005)
# Specks do not move the middle between left and right.
_TAILS = (5.0, 95.0)


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """Steps that are done in this order; by default none.

    Parameters
    ----------
    border : {"keep", "drop", "drop at sides"}
        Whether components that touch the border of the scan go, such as the air around a body.
        Lungs may leave a volume at its top or bottom, so "drop at sides" looks at neither (the
        first and last rows of a picture).
    opening : float
        Radius in mm (pixels where no spacing is known) of what is too thin to stay.
    side : {"both", "left", "right"}
        The half of the mask that stays: the patient's left and right in a volume, those of the
        picture in a picture.
    largest : int
        Number of components that stay, the largest; 0 for all.
    smallest : float
        Share of the scan below which a component goes.
    closing : float
        Radius in mm of gaps that are closed.
    fill_holes : bool
        Slice by slice in volumes, as vessels and airways leave no hole in space.
    """

    border: Border = "keep"
    opening: float = 0.0
    side: Side = "both"
    largest: int = 0
    smallest: float = 0.0
    closing: float = 0.0
    fill_holes: bool = False


def clean(mask: BoolArray, steps: Cleaning, spacing: Sequence[float]) -> BoolArray:
    """Do the steps on a mask in canonical axes.

    Parameters
    ----------
    mask : bool array of shape (Y, X) or (X, Y, Z)
        Volumes run to the patient's right, front and head.
    steps : Cleaning
    spacing : sequence of float

    Returns
    -------
    bool array of the same shape

    Examples
    --------
    >>> mask = np.array([[True, False, False, False], [False, False, True, False]])
    >>> clean(mask, Cleaning(side="right"), (1, 1)).astype(int).tolist()
    [[0, 0, 0, 0], [0, 0, 1, 0]]
    """
    if steps.border != "keep":
        mask = _without_border(mask, all_faces=steps.border == "drop")
    if steps.opening:
        mask = dilated(eroded(mask, steps.opening, spacing), steps.opening, spacing)
    if steps.side != "both":
        mask = _one_side(mask, steps.side)
    if steps.largest or steps.smallest:
        mask = _large_components(mask, steps.largest, math.ceil(steps.smallest * mask.size))
    if steps.closing:
        mask = eroded(dilated(mask, steps.closing, spacing), steps.closing, spacing)
    return _filled(mask) if steps.fill_holes else mask


def cleaned_classes(
    classes: npt.NDArray[np.uint8], cleanings: Sequence[Cleaning], spacing: Sequence[float]
) -> npt.NDArray[np.uint8]:
    """Clean each structure of a map of classes; where two then claim a voxel, the later has it."""
    out = np.zeros_like(classes)
    for k, steps in enumerate(cleanings, start=1):
        out[clean(classes == k, steps, spacing)] = k
    return out


def search_cleaning(
    masks: Sequence[BoolArray],
    truths: Sequence[BoolArray],
    spacings: Sequence[Sequence[float]],
    *,
    has_time: Callable[[], bool],
) -> Cleaning:
    """Take each step in turn that makes the mean Dice of some masks higher.

    Parameters
    ----------
    masks, truths : sequence of bool array
    spacings : sequence of sequence of float
    has_time : callable
        The search ends where it says no.
    """

    def score(steps: Cleaning) -> float:
        cases = zip(masks, truths, spacings, strict=True)
        return float(np.mean([dice(clean(m, steps, s), t) for m, t, s in cases]))

    voxel = float(np.median([min(spacing) for spacing in spacings]))
    best, steps = score(Cleaning()), Cleaning()
    for name, option in moves(Cleaning(), voxel):
        if not has_time():
            break
        tried = replace(steps, **{name: getattr(option, name)})
        reached = score(tried)
        if reached > best + GAIN:
            best, steps = reached, tried
    return steps


def moves(steps: Cleaning, voxel: float) -> Iterator[tuple[str, Cleaning]]:
    """All cleanings that differ in one step, with its name.

    Parameters
    ----------
    steps : Cleaning
    voxel : float
        In mm, the step of the radii.
    """
    radii = [r * voxel for r in _RADII]
    options: dict[str, Sequence[object]] = {
        "border": ("keep", "drop", "drop at sides"),
        "largest": (0, 1, 2),
        "side": ("both", "left", "right"),
        "fill_holes": (False, True),
        "smallest": _SHARES,
        "opening": radii,
        "closing": radii,
    }
    for name, values in options.items():
        for value in values:
            if value != getattr(steps, name):
                yield name, replace(steps, **{name: value})  # type: ignore[arg-type]


def eroded(mask: BoolArray, radius: float, spacing: Sequence[float]) -> BoolArray:
    """Take away what lies within a radius of the outside; the border of the scan is no outside."""
    box = _box(mask, radius, spacing)
    out = np.zeros_like(mask)
    if box is None or mask[box].all():
        return mask.copy()
    out[box] = ndimage.distance_transform_edt(mask[box], sampling=spacing) > radius
    return out


def dilated(mask: BoolArray, radius: float, spacing: Sequence[float]) -> BoolArray:
    """Add what lies within a radius."""
    box = _box(mask, radius, spacing)
    out = mask.copy()
    if box is not None:
        out[box] = ndimage.distance_transform_edt(~mask[box], sampling=spacing) <= radius
    return out


def _box(mask: BoolArray, radius: float, spacing: Sequence[float]) -> tuple[slice, ...] | None:
    """Find the mask with the radius and a voxel around it, so that distances are few."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        found = np.flatnonzero(mask.any(axis=others))
        if not found.size:
            return None
        more = math.ceil(radius / spacing[axis]) + 1
        box.append(slice(max(0, int(found[0]) - more), int(found[-1]) + more + 1))
    return tuple(box)


def _without_border(mask: BoolArray, *, all_faces: bool) -> BoolArray:
    numbered, _ = ndimage.label(mask)
    lengthwise = 0 if mask.ndim == 2 else 2
    touching = [
        numbered.take(end, axis).ravel()
        for axis in range(mask.ndim)
        if all_faces or axis != lengthwise
        for end in (0, -1)
    ]
    gone = np.unique(np.concatenate(touching))
    keep = np.ones(int(numbered.max()) + 1, bool)
    keep[gone] = keep[0] = False
    kept: BoolArray = keep[numbered]
    return kept


def _one_side(mask: BoolArray, side: Side) -> BoolArray:
    axis = 1 if mask.ndim == 2 else 0
    across = np.nonzero(mask)[axis]
    if not across.size:
        return mask
    middle = float(np.mean(np.percentile(across, _TAILS)))
    is_left = np.arange(mask.shape[axis]) < middle
    keep = is_left if side == "left" else ~is_left
    return mask & keep.reshape([-1 if a == axis else 1 for a in range(mask.ndim)])


def _large_components(mask: BoolArray, n_largest: int, smallest: int) -> BoolArray:
    numbered, n = ndimage.label(mask)
    if not n:
        return mask
    sizes = np.bincount(numbered.ravel())
    sizes[0] = 0
    keep = sizes >= max(smallest, 1)
    if n_largest:
        keep[np.argsort(-sizes, kind="stable")[n_largest:]] = False
    kept: BoolArray = keep[numbered]
    return kept


def _filled(mask: BoolArray) -> BoolArray:
    if mask.ndim == 2:
        return np.asarray(ndimage.binary_fill_holes(mask))
    planes = [ndimage.binary_fill_holes(mask[..., z]) for z in range(mask.shape[-1])]
    return np.stack(planes, axis=-1)
