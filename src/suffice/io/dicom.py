"""DICOM series: CT, MR, PET and single pictures, classic or enhanced, compressed or not.

Masks may be such pictures too, or objects of their own (`suffice.io.objects`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suffice.core import FileFormatError, Grid, Modality, Unit
from suffice.io.dicom_geometry import PROJECTIONS, arrange, is_volume
from suffice.io.dicom_headers import (
    Series,
    is_scan,
    number_of_frames,
    read_header,
    series_of_files,
    series_of_folder,
)
from suffice.io.dicom_pixels import read_pixels
from suffice.io.guard import reading
from suffice.io.raw import Raw
from suffice.io.suv import suv_factor

MODALITY_OF: dict[str, Modality] = {
    "CT": "CT",
    "MR": "MR",
    "PT": "PET",
    "CR": "XR",
    "DX": "XR",
    "MG": "XR",
    "RF": "XR",
    "XA": "XR",
    "PX": "XR",
    "IO": "XR",
    "US": "US",
    "IVUS": "US",
    "OPT": "OCT",
    "IVOCT": "OCT",
    "GM": "MIC",
}


def read(path: Path) -> Raw:
    """Read the series in a folder, or the series that a file belongs to.

    Notes
    -----
    CT comes in HU where its header has slope and intercept, PET in SUV by body weight where its
    header has what that takes; else both come as stored, with the unit ``none``. MONOCHROME1
    pictures are inverted, so that bright is dense.
    """
    series = series_of(path)
    with reading(path, "DICOM"):
        return _read_series(series)


def read_labels(path: Path) -> Raw:
    """Read a mask: stored as pictures are, or as an object of structures."""
    from suffice.io.objects.opening import kind_of, open_drawn

    if kind_of(path) is None:
        return read(path)
    drawn = open_drawn(path)
    return Raw(drawn.labels()[None], drawn.grid)


def read_files(paths: Sequence[Path]) -> Raw:
    """Read a series given as the list of its files."""
    found = series_of_files(paths)
    series = _only(found, paths[0].parent)
    with reading(paths[0].parent, "DICOM"):
        return _read_series(series)


def read_grid(path: Path) -> Grid:
    """Find the grid of a series from the headers of its files, or that of an object."""
    from suffice.io.objects.opening import kind_of, open_drawn

    if kind_of(path) is not None:
        return open_drawn(path).grid
    series = series_of(path)
    with reading(path, "DICOM"):
        return arrange(series)[1]


def series_of(path: Path) -> Series:
    """Find the one series of a folder, or the series that a file belongs to.

    Raises
    ------
    FileFormatError
        If there is none, or a folder holds several.
    """
    if path.is_dir():
        return _only(series_of_folder(path), path)
    header = read_header(path)
    if not is_scan(header):
        raise FileFormatError(
            f"'{path}' is a DICOM object without a scan",
            got=header.get("Modality"),
            cure="Name the folder of the images.",
        )
    if number_of_frames(header) > 1 or header.get("Modality") in PROJECTIONS:
        return _only(series_of_files([path]), path)
    for series in series_of_folder(path.parent):
        if any(frame.path == path for frame in series.frames):
            return series
    # The file is a copy of another one in its folder.
    return _only(series_of_files([path]), path)


def is_one_series(paths: Sequence[Path]) -> bool:
    """Whether several files are the slices of one volume rather than channels."""
    found = series_of_files(paths)
    return len(found) == 1 and len(found[0].frames) > 1 and is_volume(found[0])


def _only(found: list[Series], path: Path) -> Series:
    if len(found) == 1:
        return found[0]
    if not found:
        raise FileFormatError(
            f"'{path}' holds no DICOM images",
            cure="Name the folder in which the slices of one series lie.",
        )
    listed = "; ".join(str(series) for series in found[:6])
    more = f"; and {len(found) - 6} more" if len(found) > 6 else ""
    raise FileFormatError(
        f"'{path}' holds {len(found)} series",
        got=listed + more,
        expected="one",
        cure="Name a file of the series that you mean, or give each series a folder of its own.",
    )


def _read_series(series: Series) -> Raw:
    frames, grid = arrange(series)
    modality = MODALITY_OF.get(series.modality)
    factor = None
    if modality == "PET":
        factor = suv_factor(_first_acquired(series))
    unit = _unit(series, modality, factor)
    array = read_pixels(series, frames, factor if factor is not None else 1.0)
    # (Z, Y, X, C) to (C, X, Y, Z), or the one picture (Y, X, C) to (C, Y, X).
    voxels = array.transpose(3, 2, 1, 0) if grid.ndim == 3 else np.moveaxis(array[0], -1, 0)
    return Raw(voxels, grid, modality, unit)


def _first_acquired(series: Series) -> Any:
    """Header of the slice that was acquired first: SUV counts the decay up to its time."""
    headers = [read_header(path) for path in {frame.path for frame in series.frames}]
    return min(
        headers, key=lambda h: (str(h.get("AcquisitionDate")), str(h.get("AcquisitionTime")))
    )


def _unit(series: Series, modality: Modality | None, factor: float | None) -> Unit | None:
    if modality == "PET":
        return "none" if factor is None else "SUV"
    if modality != "CT":
        return None
    if series.is_localizer or not series.is_rescaled:
        return "none"
    return "HU" if series.header.get("RescaleType") in (None, "", "HU") else None
