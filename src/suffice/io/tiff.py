"""TIFF: pictures ``(C, Y, X)``, and stacks of pages as volumes ``(C, X, Y, Z)``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from suffice.core import FileFormatError, GeometryError, Grid, LabelError
from suffice.io.guard import reading
from suffice.io.raw import Raw

# Resolutions that programs fill in for screens and printers say nothing of the specimen.
_SCREEN_DPI = (1.0, 72.0, 96.0, 100.0, 150.0, 200.0, 300.0, 600.0, 1200.0)
_INCH_MM, _CM_MM = 25.4, 10.0
_INCH, _CENTIMETRE = 2, 3
_MM_PER_IMAGEJ_UNIT = {
    "nm": 1e-6,
    "micron": 1e-3,
    "um": 1e-3,
    "\u00b5m": 1e-3,
    "\u03bcm": 1e-3,
    "\\u00b5m": 1e-3,
    "mm": 1.0,
    "cm": 10.0,
    "inch": _INCH_MM,
}
_DEPTH_AXES, _COLOUR_AXES = "ZIQT", "SC"


def read(path: Path) -> Raw:
    """Read a picture, or a stack of pages as a volume.

    Notes
    -----
    Spacing comes from ImageJ's or OME's metadata or from the resolution tags in centimetres or
    inches, unless these are a common resolution of screens and printers. A picture without one
    has an unknown spacing; a stack without one is a volume of 1 mm voxels, and so is the step
    between pages that states none. A stack has no place in the world: its axes are taken for
    the first three, from an origin of zero.
    """
    with reading(path, "TIFF"), tifffile.TiffFile(path) as tiff:
        series = _only_series(tiff)
        array = _channels_first(series)
        return Raw(array, _grid(tiff, series))


def read_labels(path: Path) -> Raw:
    """Read a mask: palette indices or grey values; equal colours count as grey.

    Raises
    ------
    LabelError
        If the picture has colours.
    """
    raw = read(path)
    if raw.array.shape[0] > 1 and not (raw.array[:3] == raw.array[:1]).all():
        raise LabelError(
            f"'{path}' is a mask in colours",
            expected="one grey value or palette index a structure",
            cure="Save it in grey with the values of the legend.",
        )
    return Raw(raw.array[:1], raw.grid)


def read_grid(path: Path) -> Grid:
    """Read size and spacing from the tags."""
    with reading(path, "TIFF"), tifffile.TiffFile(path) as tiff:
        return _grid(tiff, _only_series(tiff))


def write(path: Path, array: npt.NDArray[np.generic], grid: Grid) -> None:
    """Write ``(K, Y, X)`` pages, or the pages of a volume ``(1, X, Y, Z)``, compressed.

    Raises
    ------
    GeometryError
        If a volume lies anywhere but along the axes from the origin: a TIFF cannot say where.
    """
    if grid.affine is None:
        pages, step = array, None
        pixel = grid.pixel_spacing_mm
    else:
        if not grid.matches(Grid.from_spacing(grid.shape, grid.unit_spacing)):
            raise GeometryError(
                f"'{path.name}': a TIFF cannot say where a volume lies",
                got=grid,
                cure="Write it as .nii.gz.",
            )
        pages = array[0].transpose()
        spacing = grid.unit_spacing
        pixel, step = (spacing[1], spacing[0]), spacing[2]
    options: dict[str, Any] = {"photometric": "minisblack", "compression": "zlib"}
    options |= {"software": False, "datetime": False}
    if step is not None:
        options["metadata"] = {"axes": "ZYX", "spacing": step, "unit": "mm"}
    elif pages.shape[0] == 1:
        pages, options["metadata"] = pages[0], {"axes": "YX"}
    else:
        options["metadata"] = {"axes": "CYX"}
    if pixel is not None:
        options["resolution"] = (_CM_MM / pixel[1], _CM_MM / pixel[0])
        options["resolutionunit"] = _CENTIMETRE
    tifffile.imwrite(path, np.ascontiguousarray(pages), **options)


def _only_series(tiff: Any) -> Any:
    if len(tiff.series) != 1:
        raise FileFormatError(
            "The TIFF holds pictures of several sizes",
            got=f"{len(tiff.series)} series",
            cure="Save the one that you mean in a file of its own.",
        )
    return tiff.series[0]


def _layout(series: Any) -> tuple[tuple[int, ...], int | None, int | None]:
    """Shape and the positions of the depth and colour axes, where there are any."""
    axes, shape = str(series.axes), tuple(int(n) for n in series.shape)
    depth = [i for i, axis in enumerate(axes) if axis in _DEPTH_AXES and shape[i] > 1]
    colour = [i for i, axis in enumerate(axes) if axis in _COLOUR_AXES and shape[i] > 1]
    other = [axis for axis, n in zip(axes, shape, strict=True) if axis not in "YXZIQTSC" and n > 1]
    if len(depth) > 1 or len(colour) > 1 or other or "Y" not in axes or "X" not in axes:
        raise FileFormatError(
            "The TIFF has more axes than a volume with channels",
            got=f"{axes} of {shape}",
            cure="Save one volume or picture a file.",
        )
    return shape, depth[0] if depth else None, colour[0] if colour else None


def _channels_first(series: Any) -> npt.NDArray[np.generic]:
    axes = str(series.axes)
    _, depth, colour = _layout(series)
    array: npt.NDArray[np.generic] = series.asarray()
    order = [axes.index("Y"), axes.index("X")]
    if depth is not None:
        order = [axes.index("X"), axes.index("Y"), depth]
    order = ([] if colour is None else [colour]) + order
    rest = [i for i in range(array.ndim) if i not in order]
    array = array.transpose(rest + order).reshape([array.shape[i] for i in order])
    if array.dtype.kind not in "iufb":
        raise FileFormatError("The pixels are not real numbers", got=array.dtype)
    if colour is None:
        return array[None]
    # The fourth sample of a colour picture is its alpha.
    return array[:3] if "S" in axes and array.shape[0] == 4 else array


def _grid(tiff: Any, series: Any) -> Grid:
    axes = str(series.axes)
    shape, depth, _ = _layout(series)
    height, width = shape[axes.index("Y")], shape[axes.index("X")]
    pixel, step = _spacing_mm(tiff)
    if depth is None:
        return Grid((height, width), pixel_spacing_mm=pixel)
    row, column = pixel or (1.0, 1.0)
    return Grid.from_spacing((width, height, shape[depth]), (column, row, step or 1.0))


def _spacing_mm(tiff: Any) -> tuple[tuple[float, float] | None, float | None]:
    """Spacing within a page (row, column) and between pages, each where the file states it."""
    described = tiff.imagej_metadata or {}
    if not described and tiff.shaped_metadata:
        described = tiff.shaped_metadata[0]
    unit = str(described.get("unit", ""))
    scale = _MM_PER_IMAGEJ_UNIT.get(unit)
    step = described.get("spacing")
    step_mm = float(step) * scale if step and scale else None
    tags = tiff.pages[0].tags
    if "XResolution" not in tags or "YResolution" not in tags:
        return None, step_mm
    across, down = (_ratio(tags[name].value) for name in ("XResolution", "YResolution"))
    if not (across > 0 and down > 0):
        return None, step_mm
    if tiff.is_imagej and scale:
        return (scale / down, scale / across), step_mm
    resolution_unit = int(tags["ResolutionUnit"].value) if "ResolutionUnit" in tags else _INCH
    if resolution_unit == _CENTIMETRE and not _is_screen(across * _INCH_MM / _CM_MM):
        return (_CM_MM / down, _CM_MM / across), step_mm
    if resolution_unit == _INCH and not _is_screen(across):
        return (_INCH_MM / down, _INCH_MM / across), step_mm
    return None, step_mm


def _is_screen(dpi: float) -> bool:
    return any(abs(dpi - screen) < 0.01 for screen in _SCREEN_DPI)


def _ratio(value: tuple[int, int]) -> float:
    return value[0] / value[1] if value[1] else 0.0
