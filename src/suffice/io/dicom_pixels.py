"""Decode the frames of a series and scale them, in their own type where nothing is scaled."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import iter_pixels

from suffice.core import FileFormatError
from suffice.io.dicom_headers import Frame, Series
from suffice.io.guard import reading

Pixels = npt.NDArray[Any]

# Where values are quantities, MONOCHROME1 only says how to show them.
_QUANTITIES = ("CT", "PT", "NM", "MR")
_INT16 = np.iinfo(np.int16)


def read_pixels(series: Series, frames: Sequence[Frame], factor: float = 1.0) -> Pixels:
    """Decode ``frames`` in their order.

    Returns
    -------
    array of shape (frames, rows, columns, samples)
        Rescaled by each frame's slope and intercept and by ``factor``: in the stored type where
        that changes nothing, int16 or int32 where only whole numbers are added, else float32.
    """
    whole = factor == 1.0 and all(f.slope == 1.0 and f.intercept.is_integer() for f in frames)
    inverted = (
        series.header.get("PhotometricInterpretation") == "MONOCHROME1"
        and series.modality not in _QUANTITIES
    )
    array: Pixels | None = None
    for i, (frame, pixels) in enumerate(_decoded(series, frames)):
        if inverted:
            pixels = _invert(pixels, series.header)
        if array is None:
            dtype = pixels.dtype if whole else np.dtype(np.float32)
            array = np.empty((len(frames), *pixels.shape), dtype)
        if pixels.shape != array.shape[1:]:
            raise FileFormatError(
                f"'{frame.path.name}' differs in size from the rest of its series",
                got=pixels.shape[:2],
                expected=array.shape[1:3],
            )
        if whole:
            array[i] = pixels
        else:
            np.multiply(pixels, np.float32(frame.slope * factor), out=array[i], casting="unsafe")
            array[i] += np.float32(frame.intercept * factor)
    if array is None:
        raise FileFormatError("The series holds no frame")
    return _add_whole(array, [int(f.intercept) for f in frames]) if whole else array


def _decoded(series: Series, frames: Sequence[Frame]) -> Iterator[tuple[Frame, Pixels]]:
    """Yield each frame with its pixels ``(rows, columns, samples)``; a file is opened once."""
    samples = int(series.header.get("SamplesPerPixel") or 1)
    for path, group in groupby(frames, key=lambda frame: frame.path):
        of_file = list(group)
        with reading(path, "DICOM"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for frame, pixels in zip(of_file, _frames_of_file(path, of_file), strict=True):
                if series.header.get("PhotometricInterpretation") == "PALETTE COLOR":
                    pixels = apply_color_lut(pixels, series.header)
                elif samples == 1:
                    pixels = _used_bits(pixels, series.header)[..., None]
                yield frame, pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _frames_of_file(path: Path, frames: Sequence[Frame]) -> Iterator[Pixels]:
    wanted = [frame.index for frame in frames]
    try:
        yield from _in_order(path, wanted)
    except (RuntimeError, NotImplementedError):
        # No decoder for this compression is installed; ITK brings a few of its own.
        yield from _through_itk(path, frames)


def _in_order(path: Path, wanted: list[int]) -> list[Pixels]:
    single = len(wanted) == 1 and wanted[0] == 0
    dataset = pydicom.dcmread(path, force=True)
    dataset.ensure_file_meta()
    if "TransferSyntaxUID" not in dataset.file_meta:
        # Files without a preamble are of the oldest kind.
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    pixels = list(iter_pixels(dataset, indices=None if single else sorted(wanted)))
    if single:
        return pixels[:1]
    place = {index: i for i, index in enumerate(sorted(wanted))}
    return [pixels[place[index]] for index in wanted]


def _through_itk(path: Path, frames: Sequence[Frame]) -> Iterator[Pixels]:
    import SimpleITK as sitk

    image = sitk.ReadImage(str(path), imageIO="GDCMImageIO")
    array = sitk.GetArrayFromImage(image)
    array = array.reshape(-1, *array.shape[-3:]) if array.ndim > 3 else array
    for frame in frames:
        # ITK scales as it reads; the stored values are needed here.
        stored = np.rint((array[frame.index] - frame.intercept) / frame.slope)
        low, high = float(stored.min()), float(stored.max())
        yield stored.astype(
            np.result_type(np.min_scalar_type(int(low)), np.min_scalar_type(int(high)))
        )


def _used_bits(pixels: Pixels, header: Any) -> Pixels:
    """Clear bits above the stored ones: old files keep overlays there."""
    if pixels.dtype.kind not in "iu":
        return pixels
    unused = 8 * pixels.dtype.itemsize - int(header.get("BitsStored") or 8 * pixels.dtype.itemsize)
    return (pixels << unused) >> unused if unused > 0 else pixels


def _invert(pixels: Pixels, header: Any) -> Pixels:
    """Swap dark and bright over the range that the stored bits span."""
    top = -1 if int(header.get("PixelRepresentation") or 0) else 2 ** int(header.BitsStored) - 1
    return np.subtract(top, pixels, dtype=np.int64).astype(pixels.dtype)


def _add_whole(array: Pixels, intercepts: list[int]) -> Pixels:
    if not any(intercepts):
        return array
    low = min(int(page.min()) + add for page, add in zip(array, intercepts, strict=True))
    high = max(int(page.max()) + add for page, add in zip(array, intercepts, strict=True))
    fits = _INT16.min <= low and high <= _INT16.max
    if fits and array.dtype.itemsize == 2:
        # Two bytes wrap around and come back to the right value: no second array is needed.
        array = array.view(np.int16)
    else:
        array = array.astype(np.int16 if fits else np.int32)
    for page, add in zip(array, intercepts, strict=True):
        page += np.array(add).astype(array.dtype)
    return array
