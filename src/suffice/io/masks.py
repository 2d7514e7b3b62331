"""Read and write masks; a mask comes back on its scan's own grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.core import FileFormatError, GeometryError, Grid, LabelError, LabelMap, Legend
from suffice.files import require_free, writing_file
from suffice.io.formats import MODULES, OBJECTS, format_of, reader_for, suffix_of

# A mask that was saved scaled or as floating numbers is off by rounding only.
_ROUNDING = 1e-3
_FULL_8_BIT = 255
_WRITABLE = (".nii.gz", ".nii", ".nrrd", ".mha", ".png", ".tif", ".tiff")


def read_mask_array(path: Path) -> tuple[npt.NDArray[np.integer], Grid]:
    """Read the values of a mask as integers.

    Returns
    -------
    values : integer array of shape (X, Y, Z) or (Y, X)
        Palette indices, or grey values; floating values that are whole to within 0.001 become
        integers.
    grid : Grid

    Raises
    ------
    LabelError
        If values are not whole, or the file has several channels or colours.
    """
    raw = reader_for(path).read_labels(path)
    if raw.array.shape[0] != 1:
        raise LabelError(
            f"'{path}' holds {raw.array.shape[0]} channels where a mask has one",
            cure="Save one value a voxel, or each structure in a file of its own.",
        )
    return _whole(path, raw.array[0]), raw.grid


def read_mask(path: Path, legend: Legend) -> LabelMap:
    """Read a mask whose values mean what ``legend`` says.

    A mask of 0 and 255 alone with a legend of one structure marks that structure with 255. The
    structures of DICOM objects are known by their names, where the legend has them all.

    Raises
    ------
    LabelError
        If the file holds values that the legend does not know.
    """
    values, grid = read_mask_array(path)
    if format_of(path) == "dicom":
        values = _named(path, values, legend)
    unknown = legend.unknown_values(values)
    if unknown == [_FULL_8_BIT] and len(legend) == 1 and set(np.unique(values)) <= {0, 255}:
        values = (values == _FULL_8_BIT).astype(np.uint16) * np.uint16(legend.values[0])
        values = values.astype(np.min_scalar_type(legend.values[0]))
        unknown = []
    if unknown:
        raise LabelError(
            f"'{path}' holds values that the legend does not know",
            got=unknown[:10],
            expected=list(legend.values),
            cure="Add them to the legend in cohort.toml or mend the mask.",
        )
    return LabelMap(values, grid, legend)


def write_mask(
    path: Path,
    mask: LabelMap,
    *,
    like: Path | None = None,
    model: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write a mask in the format of its suffix: .nii.gz .nii .nrrd .mha .png .tif, or DICOM.

    DICOM objects end in .seg.dcm or .rtstruct.dcm.

    Values are stored unscaled in the smallest unsigned type that holds them; no text from
    anywhere goes into the header, but for DICOM objects.

    Parameters
    ----------
    like : Path, optional
        The scan. Its grid must be the mask's; where both are NIfTI, the mask keeps its sform,
        qform, codes, units and pixdim to the bit. DICOM objects need it: they refer to it, and
        take patient and study from its header.
    model : str, optional
        Kind of the model that drew it, which a DICOM object says.

    Raises
    ------
    FileFormatError
        If the format is not known, or is a DICOM object and the scan no DICOM series.
    GeometryError
        If the format cannot hold the mask's grid, or ``like`` lies on another.
    StorageError
        If the place is taken or cannot be written.
    """
    require_free(path, overwrite=overwrite)
    if suffix_of(path) in OBJECTS:
        with writing_file(path, overwrite=overwrite) as partial:
            _write_object(partial, path, mask, like, model)
        return
    like_nifti = _matching_nifti(path, mask, like)
    array = np.asarray(mask.array)
    array = array.astype(np.min_scalar_type(int(array.max(initial=0))))
    with writing_file(path, overwrite=overwrite) as partial:
        _write_voxels(partial, path, array, mask.grid, like_nifti)


def write_instances(
    path: Path, instances: npt.NDArray[np.integer], grid: Grid, *, overwrite: bool = False
) -> None:
    """Write a number for each object, 0 for none, in the format of the path's suffix."""
    require_free(path, overwrite=overwrite)
    if instances.shape != grid.shape:
        raise GeometryError(
            "The map of instances does not fit its grid", got=instances.shape, expected=grid.shape
        )
    array = instances.astype(np.min_scalar_type(int(instances.max(initial=0))))
    with writing_file(path, overwrite=overwrite) as partial:
        _write_voxels(partial, path, array, grid, None)


def _named(path: Path, values: npt.NDArray[np.integer], legend: Legend) -> npt.NDArray[np.integer]:
    from suffice.io.objects.opening import in_terms_of, kind_of, open_drawn

    return (
        values
        if kind_of(path) is None
        else in_terms_of(values, open_drawn(path).structures, legend)
    )


def mask_suffix_for(source: Path) -> str:
    """Choose the suffix of a mask: .png for pictures, the scan's own for NRRD and MHA, .nii.gz.

    Parameters
    ----------
    source : Path
        The scan: a file or DICOM folder. TIFF and DICOM are opened to see whether they are
        pictures or volumes.
    """
    reader = reader_for(source)
    if format_of(source) == "nifti":
        return ".nii.gz"
    if reader.read_grid(source).ndim == 2:
        return ".png"
    own = {".nrrd": ".nrrd", ".nhdr": ".nrrd", ".mha": ".mha", ".mhd": ".mha"}
    return own.get(suffix_of(source), ".nii.gz")


def _whole(path: Path, values: npt.NDArray[Any]) -> npt.NDArray[np.integer]:
    if values.dtype.kind in "iu":
        return values
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    rounded = np.rint(values)
    with np.errstate(invalid="ignore"):
        # NaN compares as false, and so does what is left of infinity less infinity.
        is_whole = np.abs(values - rounded) <= _ROUNDING
    if not is_whole.all():
        odd = values[~is_whole]
        raise LabelError(
            f"'{path}' holds {odd.size} values that are not whole numbers",
            got=f"{odd[0]:.4g}",
            cure="It may be a probability map or a resampled mask: threshold or redraw it.",
        )
    low, high = float(rounded.min()), float(rounded.max())
    if low < -(2.0**31) or high >= 2.0**31:
        raise LabelError(f"'{path}' holds values too large for labels", got=f"{low:g} to {high:g}")
    smallest: np.dtype[Any] = np.dtype(np.int32) if low < 0 else np.min_scalar_type(int(high))
    whole: npt.NDArray[np.integer] = rounded.astype(smallest)
    return whole


def _matching_nifti(path: Path, mask: LabelMap, like: Path | None) -> Path | None:
    if like is None:
        return None
    grid = reader_for(like).read_grid(like)
    grid.require_match(mask.grid, f"'{like}'", "its mask")
    nifti = format_of(like) == "nifti" and MODULES.get(suffix_of(path)) == "nifti"
    # A mask that pairs but lies a little off keeps its own place.
    return like if nifti and grid.matches(mask.grid) else None


def _write_object(
    partial: Path, path: Path, mask: LabelMap, like: Path | None, model: str | None
) -> None:
    from suffice.io.objects.maker import Maker
    from suffice.io.objects.rtstruct_write import write_rtstruct
    from suffice.io.objects.seg_write import write_seg
    from suffice.io.objects.source import read_source

    if like is None:
        raise FileFormatError(
            f"'{path}' would refer to no series",
            cure="Name the DICOM series that the mask was drawn on.",
        )
    write = write_seg if suffix_of(path) == ".seg.dcm" else write_rtstruct
    write(partial, mask, read_source(like), maker=Maker(model))


def _write_voxels(
    partial: Path, path: Path, array: npt.NDArray[np.generic], grid: Grid, like: Path | None
) -> None:
    suffix = suffix_of(path)
    if suffix not in _WRITABLE:
        raise FileFormatError(
            f"'{path}' names no format for a mask",
            got=suffix,
            expected=", ".join((*_WRITABLE, *OBJECTS)),
        )
    if suffix == ".png" if grid.ndim == 3 else MODULES[suffix] == "nifti":
        raise GeometryError(
            f"'{path}' cannot hold this mask",
            got="a picture" if grid.ndim == 2 else "a volume",
            cure="Name a .png for pictures and a .nii.gz for volumes.",
        )
    if MODULES[suffix] == "nifti":
        from suffice.io import nifti

        nifti.write(partial, array, grid, like)
    elif MODULES[suffix] == "picture":
        from suffice.io import picture

        picture.write(partial, array)
    elif MODULES[suffix] == "itk":
        from suffice.io import itk

        itk.write(partial, array, grid)
    else:
        from suffice.io import tiff

        tiff.write(partial, array[None], grid)


def write_probabilities(
    path: Path, probabilities: npt.NDArray[np.floating], grid: Grid, *, overwrite: bool = False
) -> None:
    """Write the probability of every class: NIfTI for volumes, a TIFF page a class for pictures.

    Parameters
    ----------
    path : Path
        With the suffix .nii.gz or .nii for volumes, .tif or .tiff for pictures.
    probabilities : floating array of shape (K, X, Y, Z) or (K, Y, X)
        Stored as float32, the class on the fourth axis of a NIfTI.
    """
    require_free(path, overwrite=overwrite)
    if probabilities.shape[1:] != grid.shape:
        raise GeometryError(
            "The probabilities do not fit the grid", got=probabilities.shape, expected=grid.shape
        )
    expected = "nifti" if grid.ndim == 3 else "tiff"
    if MODULES.get(suffix_of(path)) != expected:
        raise FileFormatError(
            f"'{path}' names no format for probabilities",
            got=suffix_of(path),
            expected=".nii.gz" if grid.ndim == 3 else ".tif",
        )
    values = probabilities.astype(np.float32, copy=False)
    with writing_file(path, overwrite=overwrite) as partial:
        if grid.ndim == 3:
            from suffice.io import nifti

            nifti.write(partial, np.moveaxis(values, 0, -1), grid)
        else:
            from suffice.io import tiff

            tiff.write(partial, values, grid)
