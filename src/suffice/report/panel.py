"""One picture with outlines, as parts of an SVG that the page puts together."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Picture
from skimage.measure import find_contours

from suffice.report.planes import span_along

Array = npt.NDArray[np.generic]

MAX_PIXELS = 720
_SCALE_BARS_MM = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


@dataclass(frozen=True, slots=True)
class View:
    """The part of a slice that is shown, in the slice's own units (mm, or pixels)."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Panel:
    """A slice ready to draw: lengths in millimetres, or pixels where nobody knows the spacing."""

    caption: str
    letters: str
    view: View
    image: View
    png: str
    drawn: str
    predicted: str
    bar: float | None
    bar_words: str


def make_panel(
    grey: npt.NDArray[np.uint8],
    drawn: Array | None,
    predicted: Array | None,
    *,
    pixel: tuple[float, float],
    view: View,
    caption: str,
    letters: str = "",
    in_mm: bool = True,
) -> Panel:
    """Cut the picture to ``view`` and trace the outlines.

    Parameters
    ----------
    grey : uint8 array of shape (rows, columns) or (rows, columns, 3)
    drawn, predicted : integer arrays of shape (rows, columns), optional
    pixel : tuple of float
        Height and width of a pixel.
    view : View
        What to show; it may reach beyond the picture, which is black there.
    """
    place, cropped = _crop(grey, pixel, view)
    bar = _scale_bar(view.width) if in_mm else None
    return Panel(
        caption=caption,
        letters=letters,
        view=view,
        image=place,
        png=png_data(cropped),
        drawn="" if drawn is None else outline_path(drawn, pixel),
        predicted="" if predicted is None else outline_path(predicted, pixel),
        bar=bar,
        bar_words=f"{bar:g} mm" if bar else "",
    )


def outline_path(mask: Array, pixel: tuple[float, float]) -> str:
    """Trace every structure of ``mask`` as the ``d`` of an SVG path.

    Examples
    --------
    >>> outline_path(np.array([[1]]), (1.0, 1.0))
    'M0.5 1L0 0.5L0.5 0L1 0.5Z'
    """
    strokes = []
    for value in np.unique(mask[mask != 0]):
        padded = np.pad(mask == value, 1).astype(np.float64)
        for contour in find_contours(padded, 0.5):
            points = (contour[:-1] - 0.5) * np.asarray(pixel)
            steps = "L".join(f"{x:.4g} {y:.4g}" for y, x in points)
            strokes.append(f"M{steps}Z")
    return "".join(strokes)


def png_data(grey: npt.NDArray[np.uint8]) -> str:
    """Encode a picture as the base64 of a PNG, made smaller where it is very large."""
    picture = Picture.fromarray(np.ascontiguousarray(grey))
    if max(picture.size) > MAX_PIXELS:
        picture.thumbnail((MAX_PIXELS, MAX_PIXELS), Picture.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def whole(shape: tuple[int, ...], pixel: tuple[float, float]) -> View:
    """Return the view of the whole slice."""
    return View(0.0, 0.0, shape[1] * pixel[1], shape[0] * pixel[0])


def square_around(
    masks: Iterable[Array], shape: tuple[int, ...], pixel: tuple[float, float], side: float
) -> View:
    """Return a square of ``side`` about the structures, moved inside the slice where it fits."""
    hit = np.zeros(shape, dtype=bool)
    for mask in masks:
        hit |= mask != 0
    corner = []
    for axis in (0, 1):
        length = shape[axis] * pixel[axis]
        first, end = span_along(hit, axis) or (0, shape[axis])
        middle = (first + end) / 2 * pixel[axis]
        if side >= length:
            corner.append((length - side) / 2)
        else:
            corner.append(float(np.clip(middle - side / 2, 0.0, length - side)))
    return View(corner[1], corner[0], side, side)


def _crop(
    grey: npt.NDArray[np.uint8], pixel: tuple[float, float], view: View
) -> tuple[View, npt.NDArray[np.uint8]]:
    """Keep the pixels that touch ``view``, and say where they lie."""
    ranges = []
    for axis, start, length in ((0, view.top, view.height), (1, view.left, view.width)):
        first = max(int(np.floor(start / pixel[axis])), 0)
        last = min(int(np.ceil((start + length) / pixel[axis])), grey.shape[axis])
        ranges.append((first, max(last, first + 1)))
    (top, bottom), (left, right) = ranges
    place = View(
        left * pixel[1], top * pixel[0], (right - left) * pixel[1], (bottom - top) * pixel[0]
    )
    return place, grey[top:bottom, left:right]


def _scale_bar(width_mm: float) -> float | None:
    """Return the longest round length that takes at most a third of the width."""
    fitting = [length for length in _SCALE_BARS_MM if length <= width_mm / 3]
    return fitting[-1] if fitting else None
