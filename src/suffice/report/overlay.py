"""The best, the median and the worst case, with the drawn and the predicted outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from suffice.core import Case, Cohort, Image
from suffice.io import read_case_image, read_case_mask, read_mask_array
from suffice.report.panel import Panel, View, make_panel, square_around, whole
from suffice.report.pick import Pick
from suffice.report.planes import PLANES, Plane, Upright, busiest_slice, cut, span_along
from suffice.report.window import Window, choose_window

Array = npt.NDArray[np.generic]

# A structure fills about half of the square that is shown, but never so that voxels grow huge.
_ROOM = 2.0
_LEAST_VOXELS = 40


@dataclass(frozen=True, slots=True)
class Overlay:
    """A case with its panels, one a plane for volumes and one for pictures."""

    pick: Pick
    panels: tuple[Panel, ...]
    note: str
    is_oblique: bool = False


def case_overlay(pick: Pick, case: Case, cohort: Cohort, predicted_path: Path) -> Overlay:
    """Read one case and draw its panels.

    Raises
    ------
    SufficeError
        If the scan or one of the masks cannot be read, or they lie on different grids.
    """
    image = read_case_image(cohort, case)
    predicted, grid = read_mask_array(predicted_path)
    image.grid.require_match(grid, f"The scan of case '{case.name}'", "its predicted mask")
    drawn = read_case_mask(cohort, case).drawn if case.is_labelled else None
    interesting = drawn if drawn is not None and drawn.any() else predicted
    window = choose_window(image, interesting, cohort.legend.names)
    if image.grid.ndim == 2:
        panel = _picture_panel(image, drawn, predicted, window)
        return Overlay(pick, (panel,), window.words if not _is_colour(image) else "")
    return _volume_overlay(pick, image, drawn, predicted, window)


def _is_colour(image: Image) -> bool:
    return image.n_channels == 3 and image.array.dtype == np.uint8


def _picture_panel(
    image: Image, drawn: Array | None, predicted: Array | None, window: Window
) -> Panel:
    """Show the whole picture, in colour where it is."""
    grey = image.array.transpose(1, 2, 0) if _is_colour(image) else window.apply(image.array[0])
    height, width = image.grid.unit_spacing
    return make_panel(
        np.asarray(grey, dtype=np.uint8),
        drawn,
        predicted,
        pixel=(height, width),
        view=whole(image.grid.shape, (height, width)),
        caption="",
        in_mm=image.grid.spacing_mm is not None,
    )


def mask_panels(
    image: Image, mask: Array, names: Sequence[str], *, is_drawn: bool
) -> tuple[tuple[Panel, ...], str]:
    """Draw one mask on its scan, for pages that follow it over time.

    Parameters
    ----------
    image : Image
    mask : integer array of shape spatial
    names : sequence of str
        Of the structures; they choose the grey window.
    is_drawn : bool
        Whether a person drew it; predicted ones are dashed.

    Returns
    -------
    tuple of Panel
        One a plane for volumes, one for pictures.
    str
        The grey window in words.
    """
    window = choose_window(image, mask, names)
    drawn, predicted = (mask, None) if is_drawn else (None, mask)
    if image.grid.ndim == 2:
        return (_picture_panel(image, drawn, predicted, window),), window.words
    return _volume_panels(image, drawn, predicted, window), window.words


def _volume_overlay(
    pick: Pick, image: Image, drawn: Array | None, predicted: Array, window: Window
) -> Overlay:
    panels = _volume_panels(image, drawn, predicted, window)
    return Overlay(pick, panels, window.words, Upright.of(image.grid).is_oblique)


def _volume_panels(
    image: Image, drawn: Array | None, predicted: Array | None, window: Window
) -> tuple[Panel, ...]:
    upright = Upright.of(image.grid)
    volume = upright.apply(image.array[0])
    masks = [None if mask is None else upright.apply(mask) for mask in (drawn, predicted)]
    known = [mask for mask in masks if mask is not None]
    busiest = next((mask for mask in known if mask.any()), known[-1])
    side = _side_mm(known, upright)
    panels = []
    for plane in PLANES:
        index = busiest_slice(busiest, plane)
        flat = [None if mask is None else cut(mask, plane, index) for mask in masks]
        pixel = (upright.spacing_mm[plane.row], upright.spacing_mm[plane.column])
        grey = cut(volume, plane, index)
        panels.append(
            make_panel(
                window.apply(grey),
                flat[0],
                flat[1],
                pixel=pixel,
                view=_view(known, plane, upright, side),
                caption=f"{plane.name}, slice {index + 1} of {volume.shape[plane.axis]}",
                letters=plane.letters,
            )
        )
    return tuple(panels)


def _side_mm(masks: Sequence[Array], upright: Upright) -> float:
    """Choose one side for the squares of all planes, so that they share a scale."""
    spacing = np.asarray(upright.spacing_mm)
    extent = np.asarray(masks[0].shape) * spacing
    hit = np.zeros(masks[0].shape, dtype=bool)
    for mask in masks:
        hit |= mask != 0
    if not hit.any():
        return float(extent.max())
    spans = []
    for axis in range(3):
        first, end = span_along(hit, axis) or (0, hit.shape[axis])
        spans.append((end - first) * spacing[axis])
    wanted = max(_ROOM * max(spans), _LEAST_VOXELS * float(spacing.min()))
    # A crop that saves little only loses the landmarks around it.
    return float(extent.max()) if wanted > 0.7 * extent.max() else float(wanted)


def _view(masks: Sequence[Array], plane: Plane, upright: Upright, side: float) -> View:
    """Place the square of one plane about the structures, as seen through the whole volume."""
    hit = np.zeros(masks[0].shape, dtype=bool)
    for mask in masks:
        hit |= mask != 0
    shadow = np.asarray(hit.any(axis=plane.axis)).T[::-1, ::-1]
    pixel = (upright.spacing_mm[plane.row], upright.spacing_mm[plane.column])
    return square_around([shadow], shadow.shape, pixel, side)
