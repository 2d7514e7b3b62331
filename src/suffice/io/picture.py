"""PNG, JPEG and BMP: true two-dimensional pictures, ``(C, Y, X)``, of unknown pixel spacing."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageOps

from suffice.core import Grid, LabelError
from suffice.io.guard import reading
from suffice.io.raw import Raw

_EXIF_ORIENTATION = 0x0112
_TURNED_BY_90 = (5, 6, 7, 8)
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_GREY, _PNG_RGB, _PNG_GREY_ALPHA, _PNG_RGBA = 0, 2, 4, 6


def read(path: Path) -> Raw:
    """Read a picture: one channel where it is grey, three where it has colours.

    Notes
    -----
    Alpha is left out and the stored colours are kept; a palette becomes its colours, or one
    channel where they are all grey; pictures are turned as their EXIF orientation says. The
    resolution that a PNG or JPEG states is that of a screen or printer and is not believed.
    """
    with reading(path, "picture"):
        if _png_depth(path) in ((16, _PNG_RGB), (16, _PNG_RGBA), (16, _PNG_GREY_ALPHA)):
            array = _deep_colours(path)
        else:
            with Pillow.open(path) as opened:
                array = _intensities(ImageOps.exif_transpose(opened))
        return Raw(array, Grid(array.shape[1:]))


def read_labels(path: Path) -> Raw:
    """Read a mask: the index where there is a palette, the value where the picture is grey.

    Raises
    ------
    LabelError
        If the picture has colours that no palette numbers.
    """
    with reading(path, "picture"):
        depth = _png_depth(path)
        if depth is not None and depth[0] == 16:
            array = read(path).array
        else:
            with Pillow.open(path) as opened:
                array = _stored_values(ImageOps.exif_transpose(opened), depth)
        return Raw(_one_channel(array), Grid(array.shape[1:]))


def read_grid(path: Path) -> Grid:
    """Read the size of the picture as it stands after the EXIF orientation."""
    with reading(path, "picture"), Pillow.open(path) as opened:
        width, height = opened.size
        if opened.getexif().get(_EXIF_ORIENTATION) in _TURNED_BY_90:
            width, height = height, width
        return Grid((height, width))


def write(path: Path, array: npt.NDArray[np.generic]) -> None:
    """Write ``(Y, X)`` grey values of 8 or 16 bits."""
    Pillow.fromarray(np.ascontiguousarray(array)).save(path, format="PNG")


def _png_depth(path: Path) -> tuple[int, int] | None:
    """Bits a sample and colour type of a PNG, from its first chunk."""
    with path.open("rb") as handle:
        start = handle.read(26)
    if len(start) < 26 or not start.startswith(_PNG_SIGNATURE):
        return None
    bits, colour = struct.unpack_from("BB", start, 24)
    return int(bits), int(colour)


def _deep_colours(path: Path) -> npt.NDArray[np.generic]:
    """Read 16-bit colours, which Pillow would cut to 8 bits."""
    import SimpleITK as sitk

    array = sitk.GetArrayFromImage(sitk.ReadImage(str(path), imageIO="PNGImageIO"))
    colours = 1 if array.shape[-1] == 2 else 3
    return np.moveaxis(array[..., :colours], -1, 0)


def _intensities(picture: Pillow.Image) -> npt.NDArray[np.generic]:
    mode = picture.mode
    if mode in ("I", "I;16", "I;16B", "F"):
        return _native(np.array(picture))[None]
    if mode in ("1", "L", "LA", "La"):
        return np.array(picture.convert("L"))[None]
    colours = np.moveaxis(np.array(picture.convert("RGB")), -1, 0)
    if mode in ("P", "PA") and (colours == colours[:1]).all():
        return colours[:1]
    return colours


def _stored_values(picture: Pillow.Image, depth: tuple[int, int] | None) -> npt.NDArray[np.generic]:
    if picture.mode in ("P", "PA"):
        return np.array(picture.getchannel(0))[None]
    if picture.mode == "1":
        return np.array(picture).astype(np.uint8)[None]
    array = _intensities(picture)
    if depth is not None and depth[1] == _PNG_GREY and depth[0] < 8:
        # Pillow spreads 2 and 4 bits over 0 to 255.
        return array.astype(np.uint8) // np.uint8(255 // (2 ** depth[0] - 1))
    return array


def _one_channel(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    if not (array == array[:1]).all():
        raise LabelError(
            "The mask is a picture in colours",
            expected="one grey value or palette index a structure",
            cure="Save it as a grey or palette PNG whose values are those of the legend.",
        )
    return array[:1]


def _native(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    return array.astype(array.dtype.newbyteorder("="), copy=False)
