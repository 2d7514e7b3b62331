"""NRRD and MetaImage through SimpleITK, from its LPS world to RAS+."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from suffice.core import FileFormatError, Grid
from suffice.io.guard import reading
from suffice.io.raw import LPS_TO_RAS, Raw


def read(path: Path) -> Raw:
    """Read a volume or picture; vector components or a fourth axis become channels."""
    with reading(path, "image"):
        reader = _reader(path)
        _require_real(reader)
        image = reader.Execute()
        array = sitk.GetArrayFromImage(image)
        if image.GetNumberOfComponentsPerPixel() == 1:
            array = np.moveaxis(array, 0, -1) if image.GetDimension() == 4 else array[..., None]
        # (Z, Y, X, C) to (C, X, Y, Z) for volumes; (Y, X, C) to (C, Y, X) for pictures.
        grid = _grid(reader)
        return Raw(array.transpose() if grid.ndim == 3 else np.moveaxis(array, -1, 0), grid)


read_labels = read


def read_grid(path: Path) -> Grid:
    """Read shape and affine from the header."""
    with reading(path, "image"):
        return _grid(_reader(path))


def write(path: Path, array: npt.NDArray[np.generic], grid: Grid) -> None:
    """Write ``(X, Y, Z)`` or ``(Y, X)`` voxels, compressed."""
    flat = array.transpose() if grid.ndim == 3 else array
    image = sitk.GetImageFromArray(np.ascontiguousarray(flat))
    if grid.affine is not None:
        lps = LPS_TO_RAS @ grid.affine
        spacing = np.linalg.norm(lps[:3, :3], axis=0)
        image.SetSpacing(spacing.tolist())
        image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
        image.SetOrigin(lps[:3, 3].tolist())
    elif grid.pixel_spacing_mm is not None:
        image.SetSpacing(grid.pixel_spacing_mm[::-1])
    try:
        sitk.WriteImage(image, str(path), useCompression=True)
    except RuntimeError as error:
        # ITK does not say why; a full disk and a read-only folder are the usual reasons.
        raise OSError("the disk or folder refuses it") from error


def _reader(path: Path) -> Any:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return reader


def _require_real(reader: Any) -> None:
    kind = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    if "complex" in kind or "label" in kind:
        raise FileFormatError("The voxels are not real numbers", got=kind)


def _grid(reader: Any) -> Grid:
    size, spacing = reader.GetSize(), reader.GetSpacing()
    if len(size) == 2:
        # A file without a spacing reads as 1, which for pictures means nobody knows.
        pixel = None if tuple(spacing) == (1.0, 1.0) else (spacing[1], spacing[0])
        return Grid(size[::-1], pixel_spacing_mm=pixel)
    if len(size) not in (3, 4):
        raise FileFormatError("The file has too many axes", got=size, expected="2 to 4")
    n = len(size)
    direction = np.reshape(reader.GetDirection(), (n, n))[:3, :3]
    affine = np.eye(4)
    affine[:3, :3] = direction * np.asarray(spacing[:3])
    affine[:3, 3] = reader.GetOrigin()[:3]
    return Grid(size[:3], affine=LPS_TO_RAS @ affine)
