"""Read what a cohort says of a case: its channels in order, and a rater's mask on their grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from suffice.core import Case, Channel, Cohort, CohortError, Grid, Image, LabelError, LabelMap, Unit
from suffice.io.images import read_grid, read_image
from suffice.io.masks import read_mask, read_mask_array

# Probabilities are stored as float32 and may have been averaged.
_ROUNDING = 1e-3


def read_case_image(
    cohort: Cohort, case: Case, *, unit: Sequence[Unit | None] | None = None
) -> Image:
    """Read all channels of a case in the cohort's order.

    Modality and unit are those of the cohort's first channel.

    Parameters
    ----------
    cohort : Cohort
    case : Case
    unit : sequence of str, optional
        Of each channel, where it must be another than the cohort's.

    Raises
    ------
    CohortError
        If the case lacks a channel.
    FileFormatError, GeometryError
        As for `read_image`.
    """
    missing = [channel.name for channel in cohort.channels if channel.name not in case.images]
    if missing:
        raise CohortError(
            f"Case '{case.name}' has no file for channel '{missing[0]}'",
            cure="Name it in cases.csv, or leave the case out.",
        )
    first = cohort.channels[0]
    paths = [case.images[channel.name] for channel in cohort.channels]
    units = known_units(cohort.channels) if unit is None else unit
    image = read_image(paths, modality=first.modality, unit=units)
    return replace(image, grid=_spaced(image.grid, case))


def known_units(channels: Sequence[Channel]) -> tuple[Unit | None, ...]:
    """Give the unit of each channel; one of ``none`` leaves it to the file to know better."""
    return tuple(None if channel.unit == "none" else channel.unit for channel in channels)


def read_case_mask(cohort: Cohort, case: Case, rater: str | None = None) -> LabelMap:
    """Read a rater's mask of a case, by default the first rater's, on the image's grid.

    Raises
    ------
    CohortError
        If nobody, or not this rater, drew the case.
    GeometryError
        If the mask lies on another grid than the image; pictures need the same shape.
    """
    if not case.masks or (rater is not None and rater not in case.masks):
        raise CohortError(
            f"Case '{case.name}' has no mask" + (f" by '{rater}'" if rater else ""),
            got=", ".join(case.masks) or None,
            cure="Choose another rater or a labelled case.",
        )
    path = case.masks[rater if rater is not None else next(iter(case.masks))]
    mask = read_mask(path, cohort.legend)
    image = case.images[cohort.channels[0].name]
    grid = _spaced(read_grid(image), case)
    grid.require_match(mask.grid, f"'{image}'", f"its mask '{path}'")
    return LabelMap(mask.array, grid, mask.legend)


def read_case_instances(
    cohort: Cohort, case: Case, rater: str | None = None
) -> npt.NDArray[np.int32] | None:
    """Read the map of a case's objects, or ``None`` where nobody told them apart.

    Parameters
    ----------
    rater : str, optional
        Whose; by default the rater of `read_case_mask`, so that both fit each other.

    Returns
    -------
    int32 array of shape ``spatial``
        A number for each object, 0 for none; the mask says of which structure it is.

    Raises
    ------
    GeometryError
        If the map lies on another grid than the image.
    """
    chosen = rater if rater is not None else next(iter(case.masks), None)
    if chosen is None or chosen not in case.instance_maps:
        return None
    path = case.instance_maps[chosen]
    values, grid = read_mask_array(path)
    image = case.images[cohort.channels[0].name]
    found = _spaced(read_grid(image), case)
    found.require_match(grid, f"'{image}'", f"its map of instances '{path}'")
    return values.astype(np.int32)


def read_soft_mask(cohort: Cohort, case: Case, rater: str | None = None) -> npt.NDArray[np.float32]:
    """Read the probability of every class in a case, as training may aim at.

    Parameters
    ----------
    rater : str, optional
        Whose; by default the first with a soft mask, else the first rater. A rater who has but a
        plain mask gives 0 and 1.

    Returns
    -------
    float32 array of shape (n_classes, *spatial)
        On the image's grid; background first, then the structures in the legend's order. The
        probabilities of a voxel add up to 1.

    Raises
    ------
    CohortError
        If nobody, or not this rater, drew the case.
    GeometryError
        If the probabilities lie on another grid than the image.
    LabelError
        If they are not one for each class, not between 0 and 1, or do not add up.
    """
    chosen = rater if rater is not None else next(iter(case.soft_masks), None)
    if chosen is None or chosen not in case.soft_masks:
        classes = cohort.legend.to_classes(read_case_mask(cohort, case, rater).array)
        return np.stack([classes == k for k in range(cohort.legend.n_classes)]).astype(np.float32)
    path = case.soft_masks[chosen]
    found = read_image(path)
    image = case.images[cohort.channels[0].name]
    read_grid(image).require_match(found.grid, f"'{image}'", f"its soft mask '{path}'")
    values = found.array.astype(np.float32, copy=False)
    if values.shape[0] != cohort.legend.n_classes:
        raise LabelError(
            f"'{path}' does not hold the probability of every class",
            got=f"{values.shape[0]} classes",
            expected=f"{cohort.legend.n_classes}, background first",
        )
    if values.min() < -_ROUNDING or np.abs(values.sum(axis=0) - 1.0).max() > _ROUNDING:
        raise LabelError(
            f"'{path}' holds no probabilities",
            expected="values from 0 to 1 that add up to 1 in every voxel",
            cure="Fuse the raters again with `suffice fuse --method soft`.",
        )
    return values


def _spaced(grid: Grid, case: Case) -> Grid:
    """Give a picture the spacing that the cohort states; a volume knows its own."""
    if case.pixel_spacing_mm is None or grid.ndim != 2:
        return grid
    return Grid(grid.shape, pixel_spacing_mm=case.pixel_spacing_mm)
