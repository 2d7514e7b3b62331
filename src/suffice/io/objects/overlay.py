"""Draw outlines into copies of the slices, as secondary captures that any viewer shows."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import GeometryError, LabelMap
from suffice.io.objects.maker import MANUFACTURER, Maker
from suffice.io.objects.referring import reference_to_slice
from suffice.io.objects.seg_write import SERIES_NUMBER, rgb_of
from suffice.io.objects.source import Source

Pixels = npt.NDArray[np.uint8]

_MOST_CHARACTERS = 1024


def write_overlay(
    folder: Path, grey: Pixels, mask: LabelMap, source: Source, *, maker: Maker | None = None
) -> None:
    """Write a colour picture for every slice, with the outlines of the structures burned in.

    The header says that they are: pictures to look at, from which nothing is to be measured.

    Parameters
    ----------
    folder : Path
        Gets a file a slice, ``0001.dcm`` and so on.
    grey : uint8 array of shape (X, Y, Z) or (Y, X)
        The scan as it is to be shown.
    mask : LabelMap
        On the grid of the series.
    source : Source
    maker : Maker, optional
        Who drew it; a person where not given.
    """
    from highdicom import UID

    source.grid.require_match(mask.grid, "The series", "its mask")
    if grey.shape != mask.array.shape:
        raise GeometryError("The picture does not fit", got=grey.shape, expected=mask.array.shape)
    flat = source.grid.ndim == 2
    series = UID()
    words = _words(mask, maker or Maker())
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(1 if flat else grey.shape[2]):
        plane = grey if flat else grey[:, :, index].T
        labels = mask.array if flat else mask.array[:, :, index].T
        with warnings.catch_warnings():
            # Headers in the wild break rules that do not matter here.
            warnings.simplefilter("ignore")
            picture = _picture(_drawn_into(plane, labels, mask), source, index, series)
            picture.DerivationDescription = words
            picture.SeriesDescription = "outlines burned in, to look at"
            picture.SourceImageSequence = [reference_to_slice(source, index)]
            picture.save_as(folder / f"{index + 1:04d}.dcm", enforce_file_format=True)


def outline_of(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Find the pixels of a plane that are inside and have a neighbour outside.

    Examples
    --------
    >>> outline_of(np.ones((3, 4), dtype=bool)).astype(int)
    array([[1, 1, 1, 1],
           [1, 0, 0, 1],
           [1, 1, 1, 1]])
    """
    rim: npt.NDArray[np.bool_] = inside & ~ndimage.binary_erosion(inside)
    return rim


def _drawn_into(plane: Pixels, labels: npt.NDArray[Any], mask: LabelMap) -> Pixels:
    colours = np.repeat(plane[..., None], 3, axis=-1)
    for label in mask.legend:
        colours[outline_of(labels == label.value)] = rgb_of(label)
    return np.ascontiguousarray(colours)


def _words(mask: LabelMap, maker: Maker) -> str:
    by = "by hand" if maker.model is None else f"by suffice {maker.model}"
    names = ", ".join(label.name for label in mask.legend)
    return (
        f"Outlines drawn {by} are burned into this copy; not for measuring. Structures: {names}"
    )[:_MOST_CHARACTERS]


def _picture(pixels: Pixels, source: Source, index: int, series: str) -> Any:
    from highdicom import UID
    from highdicom.sc import SCImage

    header, frame = source.header_of(index), source.frames[index]
    # Of a file with many frames, each says its own place and spacing, the file none.
    spacing = frame.spacing_mm if source.grid.ndim == 3 else header.get("PixelSpacing")
    orientation = _orientation(frame.orientation, header)
    # highdicom's types say whole millimetres; it takes any.
    apart: Any = None if spacing is None else tuple(float(v) for v in spacing)
    picture: Any = SCImage.from_ref_dataset(
        ref_dataset=header,
        pixel_array=pixels,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=orientation or ("L", "P"),
        pixel_spacing=apart,
        series_instance_uid=series,
        series_number=SERIES_NUMBER + 3,
        sop_instance_uid=UID(),
        instance_number=index + 1,
        manufacturer=MANUFACTURER,
        transfer_syntax_uid="1.2.840.10008.1.2.1",
    )
    if orientation is None:
        # Unknown is written as nothing; highdicom asks for some.
        picture.PatientOrientation = None
    picture.Laterality = header.get("Laterality") or ""
    # Whether the scan itself tells whose it is; outlines do not.
    if header.get("BurnedInAnnotation"):
        picture.BurnedInAnnotation = header.BurnedInAnnotation
    return picture


def _orientation(directions: Any, header: Any) -> tuple[str, str] | None:
    """Say where rows and columns run to: by the axes that they are nearest to, or as it is told."""
    from highdicom.spatial import get_closest_patient_orientation

    if directions is None:
        told: Any = header.get("PatientOrientation") or ()
        return (str(told[0]), str(told[1])) if len(told) == 2 else None
    both = np.array(directions, dtype=np.float64).reshape(2, 3)
    affine = np.column_stack([both[0], both[1], np.cross(both[0], both[1])])
    nearest: Any = get_closest_patient_orientation(affine)
    return nearest[0].value, nearest[1].value
