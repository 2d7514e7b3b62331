"""Read what a cohort says of a case: its channels in order, and a rater's mask on their grid."""

from __future__ import annotations

from dataclasses import replace

from suffice.core import Case, Cohort, CohortError, Grid, Image, LabelMap
from suffice.io.images import read_grid, read_image
from suffice.io.masks import read_mask


def read_case_image(cohort: Cohort, case: Case) -> Image:
    """Read all channels of a case in the cohort's order.

    Modality and unit are those of the cohort's first channel.

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
    # A cohort that says 'none' leaves it to the file to know better.
    unit = None if first.unit == "none" else first.unit
    paths = [case.images[channel.name] for channel in cohort.channels]
    image = read_image(paths, modality=first.modality, unit=unit)
    return replace(image, grid=_spaced(image.grid, case))


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


def _spaced(grid: Grid, case: Case) -> Grid:
    """Give a picture the spacing that the cohort states; a volume knows its own."""
    if case.pixel_spacing_mm is None or grid.ndim != 2:
        return grid
    return Grid(grid.shape, pixel_spacing_mm=case.pixel_spacing_mm)
