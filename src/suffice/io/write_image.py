"""Write a scan as NIfTI or PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from suffice.core import FileFormatError, Image
from suffice.files import writing_file

_SUFFIXES = (".nii.gz", ".nii", ".png")


def write_image(path: Path, image: Image, *, overwrite: bool = False) -> None:
    """Write a volume as NIfTI (channels on the fourth axis) or a picture as PNG.

    Parameters
    ----------
    path : Path
        Ends in .nii.gz or .nii for volumes, .png for pictures.
    image : Image
        A picture is 8 or 16 bit grey, or 8 bit RGB.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileFormatError
        If the suffix names another format, or the format cannot hold the image.
    StorageError
        If the place is taken or cannot be written.
    """
    suffix = next((s for s in _SUFFIXES if path.name.lower().endswith(s)), None)
    if suffix is None or (suffix == ".png") != (image.grid.ndim == 2):
        raise FileFormatError(
            f"Cannot write {image.grid} to '{path.name}'",
            expected=".png for pictures, .nii.gz or .nii for volumes",
        )
    with writing_file(path, overwrite=overwrite) as partial:
        if suffix == ".png":
            _write_png(partial, image)
        else:
            from suffice.io import nifti

            array = image.array[0] if image.n_channels == 1 else np.moveaxis(image.array, 0, -1)
            nifti.write(partial, array, image.grid)


def _write_png(path: Path, image: Image) -> None:
    from PIL import Image as Picture

    array = np.moveaxis(image.array, 0, -1)
    if image.n_channels == 1:
        array = array[..., 0]
    kinds = {(1, "uint8"), (3, "uint8"), (1, "uint16")}
    if (image.n_channels, array.dtype.name) not in kinds:
        raise FileFormatError(
            f"A PNG cannot hold {image.n_channels} channels of {array.dtype.name}",
            expected="1 channel of uint8 or uint16, or 3 of uint8",
            cure="Scale and round the intensities first.",
        )
    Picture.fromarray(np.ascontiguousarray(array)).save(path, format="PNG")
