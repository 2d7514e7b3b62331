"""Read a scan of any format, and its grid from the header alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from suffice.core import FileFormatError, Grid, Image, Modality, Unit
from suffice.io.formats import format_of, reader_for
from suffice.io.raw import Raw


def read_image(
    path: Path | Sequence[Path],
    *,
    modality: Modality | None = None,
    unit: Unit | Sequence[Unit | None] | None = None,
    allow_nan: bool = False,
) -> Image:
    """Read a scan: one file or DICOM folder, or one a channel.

    Parameters
    ----------
    path : Path or sequence of Path
        A file; a folder that holds one DICOM series; any file of a series, which stands for the
        whole series in its folder; or one of these for each channel. A list of several DICOM
        files that are slices of one series is that series.
    modality : str, optional
        What the scan is known to be; by default what the file says, else ``OTHER``.
    unit : str or sequence of str, optional
        The same of its unit, for all files or each; by default what the file says, else ``none``.
        A file that says otherwise itself is refused, where ``unit`` is not ``none``.
    allow_nan : bool
        Whether NaN and infinite voxels may stay. They are never replaced in silence.

    Returns
    -------
    Image
        ``(C, X, Y, Z)`` in the axis order of the file, or ``(C, Y, X)`` for a picture, in the
        type of the file where nothing had to be scaled.

    Raises
    ------
    FileFormatError
        If a file is missing, damaged, of an unknown format, holds NaN or is in another unit.
    GeometryError
        If channels lie on different grids, or the slices of a series make no regular grid.
    """
    paths = [path] if isinstance(path, Path) else list(path)
    if not paths:
        raise FileFormatError("An image needs at least one file", cure="Name one.")
    units = [unit] * len(paths) if unit is None or isinstance(unit, str) else list(unit)
    if _are_slices(paths):
        from suffice.io.dicom import read_files

        raws = [_checked(paths[0].parent, read_files(paths), units[0], allow_nan)]
        paths = paths[:1]
    else:
        raws = [
            _checked(each, reader_for(each).read(each), known, allow_nan)
            for each, known in zip(paths, units, strict=True)
        ]
    first = raws[0]
    for other, raw in zip(paths[1:], raws[1:], strict=True):
        first.grid.require_match(raw.grid, f"'{paths[0]}'", f"'{other}'")
    array = first.array if len(raws) == 1 else np.concatenate([raw.array for raw in raws])
    return Image(
        array, first.grid, modality or first.modality or "OTHER", units[0] or first.unit or "none"
    )


def read_grid(path: Path) -> Grid:
    """Read where the voxels of a file or DICOM series lie, from headers alone.

    Raises
    ------
    FileFormatError, GeometryError
        As for `read_image`.
    """
    return reader_for(path).read_grid(path)


def _are_slices(paths: Sequence[Path]) -> bool:
    if len(paths) < 2 or any(path.is_dir() or format_of(path) != "dicom" for path in paths):
        return False
    from suffice.io.dicom import is_one_series

    return is_one_series(paths)


def _checked(path: Path, raw: Raw, unit: Unit | None, allow_nan: bool) -> Raw:
    if not allow_nan:
        _require_finite(path, raw.array)
    if unit == "HU" and (raw.unit not in (None, "HU") or raw.modality not in (None, "CT", "OTHER")):
        raise FileFormatError(
            f"'{path}' cannot be given in Hounsfield units",
            got="a CT without RescaleSlope and RescaleIntercept, or a localizer"
            if raw.modality == "CT"
            else f"{raw.modality} by its header",
            cure="Leave the scan out, or set the channel's unit to none before training.",
        )
    if unit == "SUV" and (
        raw.unit not in (None, "SUV") or raw.modality not in (None, "PET", "OTHER")
    ):
        raise FileFormatError(
            f"'{path}' cannot be given in SUV",
            got="a header without the dose, weight or times that it takes"
            if raw.modality == "PET"
            else f"{raw.modality} by its header",
            cure="Leave the scan out, or set the channel's unit to none before training.",
        )
    return raw


def _require_finite(path: Path, array: npt.NDArray[np.generic]) -> None:
    if array.dtype.kind != "f":
        return
    # The extremes of an array are finite only where all of it is; no mask of its size is made.
    if np.isfinite(array.min()) and np.isfinite(array.max()):
        return
    count = array.size - int(np.isfinite(array).sum())
    raise FileFormatError(
        f"'{path}' holds {count} voxels that are not numbers",
        cure="Replace NaN and infinity by a sensible background value and save it again.",
    )
