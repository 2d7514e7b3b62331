"""Headers of DICOM files as frames with a place in space, sorted into series."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from suffice.core import FileFormatError
from suffice.io.formats import MODULES, is_dicom_file, suffix_of
from suffice.io.guard import reading

Vector = tuple[float, ...]

# Objects that have rows and columns but are no scans.
_NOT_SCANS = ("SEG", "RTDOSE", "RTSTRUCT", "RTPLAN", "PR", "SR", "KO", "ANN", "REG")
_SCOUTS = {"LOCALIZER", "SCOUT"}
_SAME_DIRECTION = 1e-3


@dataclass(frozen=True, slots=True)
class Frame:
    """One slice or picture: a frame of a file, in DICOM's LPS millimetres."""

    path: Path
    index: int
    instance: str
    position: Vector | None
    orientation: Vector | None
    spacing_mm: Vector | None
    thickness_mm: float | None
    slope: float
    intercept: float


@dataclass(frozen=True)
class Series:
    """Frames that belong together, with the header of the first file."""

    frames: tuple[Frame, ...]
    header: Any

    @property
    def modality(self) -> str:
        """DICOM's own code, e.g. ``CT`` or ``PT``."""
        return str(self.header.get("Modality", ""))

    @property
    def is_localizer(self) -> bool:
        """Whether it is a scout view, from which the scan itself was planned."""
        kinds = {str(word).upper() for word in self.header.get("ImageType") or ()}
        return bool(kinds & _SCOUTS)

    @property
    def is_rescaled(self) -> bool:
        """Whether its headers say what stored values mean; without that, CT is not in HU."""
        if "SharedFunctionalGroupsSequence" in self.header:
            return True
        return "RescaleSlope" in self.header and "RescaleIntercept" in self.header

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.header.Rows), int(self.header.Columns)

    def __str__(self) -> str:
        rows, columns = self.shape
        number = self.header.get("SeriesNumber")
        name = f"series {number}" if number is not None else "a series"
        return (
            f"{name} ({self.modality}, {len(self.frames)} of {columns}x{rows}, "
            f"'{self.frames[0].path.name}')"
        )


def read_header(path: Path) -> Any:
    """Read a DICOM file up to its pixels.

    Raises
    ------
    FileFormatError
        If the file is no DICOM, or damaged.
    """
    with reading(path, "DICOM"), warnings.catch_warnings():
        # Headers in the wild break rules that do not matter for reading.
        warnings.simplefilter("ignore")
        # Old files lack the preamble; a suffix of DICOM is taken at its word.
        force = not is_dicom_file(path) and MODULES.get(suffix_of(path)) == "dicom"
        header = pydicom.dcmread(path, stop_before_pixels=True, force=force)
        if _is_cut_off(header):
            raise pydicom.errors.InvalidDicomError
    return header


def _is_cut_off(header: Any) -> bool:
    """Whether a header ends before what it must have; the library reads such files in silence."""
    if "SOPClassUID" not in header:
        return "DirectoryRecordSequence" not in header
    return "Image Storage" in header.SOPClassUID.name and "Columns" not in header


def series_of_folder(folder: Path) -> list[Series]:
    """Sort the DICOM images that lie directly in a folder into series.

    Files that are no DICOM, and objects that are no scans, are passed over; a damaged file that
    is called DICOM is an error, for its slice would be missing.
    """
    files = (f for f in sorted(folder.iterdir()) if f.is_file() and not f.name.startswith("."))
    named = [f for f in files if MODULES.get(suffix_of(f)) == "dicom" or is_dicom_file(f)]
    return series_of_files(named)


def series_of_files(paths: Iterable[Path]) -> list[Series]:
    """Sort DICOM files into series; copies of one instance count once."""
    groups: list[tuple[tuple[object, ...], Any, list[Frame]]] = []
    seen: set[tuple[object, ...]] = set()
    for path in paths:
        header = read_header(path)
        if not is_scan(header):
            continue
        with reading(path, "DICOM"):
            frames = frames_of(path, header)
        for frame in frames:
            mark = (frame.instance, frame.index, frame.position)
            if frame.instance and mark in seen:
                continue
            seen.add(mark)
            key = _key(path, header, len(frames))
            _into_group(groups, key, header, frame)
    return [Series(tuple(frames), header) for _, header, frames in groups]


def is_scan(header: Any) -> bool:
    """Whether the object holds pixels of a scan rather than a drawing, plan or report."""
    return "Rows" in header and "Columns" in header and header.get("Modality") not in _NOT_SCANS


def number_of_frames(header: Any) -> int:
    """Count the frames that a file says it has."""
    return int(header.get("NumberOfFrames") or 1)


def _key(path: Path, header: Any, n_frames: int) -> tuple[object, ...]:
    localizer = "LOCALIZER" in (header.get("ImageType") or ())
    uid = str(header.get("SeriesInstanceUID", ""))
    own = path if n_frames > 1 else None
    return uid, int(header.Rows), int(header.Columns), localizer, own


def _into_group(
    groups: list[tuple[tuple[object, ...], Any, list[Frame]]],
    key: tuple[object, ...],
    header: Any,
    frame: Frame,
) -> None:
    for other, _, frames in groups:
        if other == key and _same_direction(frames[0].orientation, frame.orientation):
            frames.append(frame)
            return
    groups.append((key, header, [frame]))


def _same_direction(one: Vector | None, other: Vector | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.allclose(one, other, atol=_SAME_DIRECTION))


def frames_of(path: Path, header: Any) -> list[Frame]:
    """List the frames of a file, each with what the header says of its place."""
    return [_frame(path, header, i) for i in range(number_of_frames(header))]


def _frame(path: Path, header: Any, index: int) -> Frame:
    """Gather what says where a frame lies: per frame, shared by all, or at the top level."""
    position = functional(header, index, "PlanePositionSequence")
    plane = functional(header, index, "PlaneOrientationSequence")
    measures = functional(header, index, "PixelMeasuresSequence")
    values = functional(header, index, "PixelValueTransformationSequence")
    thickness = _numbers(measures, "SpacingBetweenSlices", 1) or _numbers(
        measures, "SliceThickness", 1
    )
    slope = _numbers(values, "RescaleSlope", 1)
    intercept = _numbers(values, "RescaleIntercept", 1)
    many = number_of_frames(header) > 1 and position is header
    return Frame(
        path=path,
        index=index,
        instance=str(header.get("SOPInstanceUID", "")),
        # One position at the top level cannot be that of many frames.
        position=None if many else _numbers(position, "ImagePositionPatient", 3),
        orientation=_numbers(plane, "ImageOrientationPatient", 6),
        spacing_mm=_numbers(measures, "PixelSpacing", 2)
        or _numbers(measures, "ImagerPixelSpacing", 2),
        thickness_mm=abs(thickness[0]) if thickness and thickness[0] else None,
        slope=slope[0] if slope and slope[0] else 1.0,
        intercept=intercept[0] if intercept else 0.0,
    )


def functional(header: Any, index: int, name: str) -> Any:
    """Find the item of a functional group of an enhanced file, or the header of a classic one."""
    per_frame: Sequence[Any] = header.get("PerFrameFunctionalGroupsSequence") or []
    shared: Sequence[Any] = header.get("SharedFunctionalGroupsSequence") or []
    for groups in [*per_frame[index : index + 1], *shared[:1]]:
        item = groups.get(name)
        if item:
            return item[0]
    return header


def _numbers(item: Any, name: str, count: int) -> Vector | None:
    value = item.get(name)
    if value is None or value == "":
        return None
    numbers = tuple(float(v) for v in np.atleast_1d(value))
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise FileFormatError(
            f"{name} is not {count} finite numbers",
            got=len(numbers),
            cure="The file may be cut off: copy or export it again.",
        )
    return numbers
