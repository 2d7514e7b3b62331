"""NIfTI-1 and -2, with the header kept to the bit where a mask is written beside its scan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

from suffice.core import FileFormatError, Grid
from suffice.core.grid import is_singular
from suffice.io.guard import reading
from suffice.io.raw import Raw

# The header may give lengths in metres or micrometres.
_MM_PER_UNIT = {"meter": 1000.0, "micron": 1e-3}
# Integers of up to this many bytes survive scaling in float32.
_FLOAT32_EXACT_BYTES = 2
_ORTHOGONAL_TOLERANCE = 1e-6


def read(path: Path) -> Raw:
    """Read a volume; a fourth axis becomes channels, a plane becomes a volume of one slice.

    Notes
    -----
    The affine is the sform where its code is above zero, else the qform where its code is, else
    nibabel's guess from the voxel sizes (Analyze files). An unusable sform beside a good qform
    gives way to it. Metres and micrometres become millimetres. ``scl_slope`` and ``scl_inter``
    are applied; where they change nothing the array keeps the type of the file.
    """
    with reading(path, "NIfTI"):
        image = _load(path)
        array = _channels_first(_voxels(image))
        return Raw(array, _grid(image))


read_labels = read


def read_grid(path: Path) -> Grid:
    """Read shape and affine from the header."""
    with reading(path, "NIfTI"):
        return _grid(_load(path))


def write(path: Path, array: npt.NDArray[np.generic], grid: Grid, like: Path | None = None) -> None:
    """Write ``(X, Y, Z)`` or ``(X, Y, Z, K)`` voxels unscaled, with no free text in the header.

    Parameters
    ----------
    like : Path, optional
        A NIfTI file on the same grid whose sform, qform, codes, units and pixdim are kept to the
        bit. Without it, sform and qform (where no shear forbids it) hold the affine in scanner
        coordinates.
    """
    header = _fresh_header(grid) if like is None else _header_like(like)
    pixdim = header["pixdim"].copy()
    header.set_data_dtype(array.dtype)
    kind: Any = nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image
    image = kind(array, None, header=header)
    # nibabel resets the sizes beyond the last axis as it sets the shape.
    image.header["pixdim"] = pixdim
    image.header.set_slope_inter(1.0, 0.0)
    nib.save(image, path)


def _load(path: Path) -> Any:
    logger = nib.imageglobals.logger
    was_disabled, logger.disabled = logger.disabled, True
    try:
        # nibabel would print what it thinks of a header; what matters is in our errors.
        image = nib.load(path, mmap=False)
    finally:
        logger.disabled = was_disabled
    if not isinstance(image, nib.Nifti1Pair | nib.AnalyzeImage):
        raise FileFormatError(f"'{path}' is not a NIfTI file", got=type(image).__name__)
    return image


def _voxels(image: Any) -> npt.NDArray[np.generic]:
    proxy = image.dataobj
    stored = proxy.dtype
    if stored.names:
        return _unstructured(np.asarray(proxy.get_unscaled()))
    if stored.kind not in "iuf":
        raise FileFormatError("The voxels are not real numbers", got=stored)
    if (float(proxy.slope), float(proxy.inter)) == (1.0, 0.0):
        array = np.asarray(proxy.get_unscaled())
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    exact = stored.itemsize <= _FLOAT32_EXACT_BYTES or stored == np.float32
    return np.asarray(proxy, dtype=np.float32 if exact else np.float64)


def _unstructured(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Split RGB(A) voxels into channels on a last axis, alpha left out."""
    colours: Any = array
    return np.stack([colours[name] for name in "RGB"], axis=-1)


def _channels_first(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    if array.ndim < 3:
        array = array.reshape(array.shape + (1,) * (3 - array.ndim))
    spatial = array.shape[:3]
    rest = [n for n in array.shape[3:] if n > 1]
    if len(rest) > 1:
        raise FileFormatError(
            "The file has more than four axes",
            got=array.shape,
            cure="Split it into one file a volume.",
        )
    return np.moveaxis(array.reshape(*spatial, -1), -1, 0)


def _grid(image: Any) -> Grid:
    header = image.header
    affine = np.array(image.affine, dtype=np.float64)
    if isinstance(header, nib.Nifti1Header):
        if is_singular(affine) and int(header["qform_code"]) > 0:
            affine = np.asarray(header.get_qform(), dtype=np.float64)
        affine[:3] *= _MM_PER_UNIT.get(header.get_xyzt_units()[0], 1.0)
    shape = (*image.shape, 1, 1)[:3]
    return Grid(shape, affine=affine)


def _fresh_header(grid: Grid) -> Any:
    header = nib.Nifti1Header()
    header.set_data_shape(grid.shape)
    affine = np.asarray(grid.affine)
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    sheared = np.abs(axes.T @ axes - np.eye(3)).max() > _ORTHOGONAL_TOLERANCE
    header.set_sform(affine, code="scanner")
    header.set_qform(affine, code=0 if sheared else "scanner", strip_shears=True)
    header.set_xyzt_units("mm")
    return header


def _header_like(like: Path) -> Any:
    with reading(like, "NIfTI"):
        header = _load(like).header
    if not isinstance(header, nib.Nifti1Header):
        return _fresh_header(read_grid(like))
    kind: Any = nib.Nifti2Header if isinstance(header, nib.Nifti2Header) else nib.Nifti1Header
    copy = kind()
    for key in ("pixdim", "xyzt_units", "dim_info", "qform_code", "sform_code", "srow_x", "srow_y"):
        copy[key] = header[key]
    for key in ("srow_z", "quatern_b", "quatern_c", "quatern_d"):
        copy[key] = header[key]
    for key in ("qoffset_x", "qoffset_y", "qoffset_z"):
        copy[key] = header[key]
    return copy
