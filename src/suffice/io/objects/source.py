"""The series that an object refers to: its headers in the order of its grid's slices."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice.core import FileFormatError, Grid
from suffice.io.dicom import series_of
from suffice.io.dicom_geometry import arrange
from suffice.io.dicom_headers import Frame, read_header
from suffice.io.formats import format_of
from suffice.io.guard import reading

# What every object has to say of patient and study; a header that leaves it out says nothing.
_OF_STUDY = {
    "PatientName": "",
    "PatientID": "",
    "PatientBirthDate": "",
    "PatientSex": "",
    "StudyDate": "",
    "StudyTime": "",
    "StudyID": "",
    "AccessionNumber": "",
    "ReferringPhysicianName": "",
}
_LONGEST = {"SH": 16, "LO": 64, "CS": 16}


@dataclass(frozen=True, eq=False)
class Source:
    """A series as objects refer to it.

    Parameters
    ----------
    headers : tuple of Dataset
        One a slice in the order of the grid, or the one of a file with many frames.
    frames : tuple of Frame
        The slices in the order of the grid.
    grid : Grid
    """

    headers: tuple[Any, ...]
    frames: tuple[Frame, ...]
    grid: Grid

    @property
    def header(self) -> Any:
        """Header of the first slice, which speaks for patient and study."""
        return self.headers[0]

    @property
    def is_multiframe(self) -> bool:
        """Whether all slices are frames of one file."""
        return len(self.headers) == 1 and "NumberOfFrames" in self.header

    def header_of(self, slice_index: int) -> Any:
        """Give the header of the file that a slice is in."""
        return self.header if self.is_multiframe else self.headers[slice_index]


def read_source(path: Path) -> Source:
    """Read the headers of a series.

    Parameters
    ----------
    path : Path
        A folder with one series, or any file of it.

    Raises
    ------
    FileFormatError
        If it is no DICOM series, or lacks what an object must say of it.
    GeometryError
        If its slices make no regular grid.
    """
    if not path.exists() or format_of(path) != "dicom":
        raise FileFormatError(
            f"'{path}' is no DICOM series, which a DICOM object has to refer to",
            got=None if path.exists() else "nothing there",
            cure="Name the folder of the series, or write the mask as .nii.gz.",
        )
    series = series_of(path)
    with reading(path, "DICOM"), warnings.catch_warnings():
        # Headers in the wild break rules that do not matter here.
        warnings.simplefilter("ignore")
        frames, grid = arrange(series)
        paths = dict.fromkeys(frame.path for frame in frames)
        headers = tuple(_complete(read_header(file), file, grid) for file in paths)
    if len(headers) not in (1, len(frames)):
        raise FileFormatError(
            f"'{path}' mixes files of one slice and of many",
            cure="Export the series again in one of both forms.",
        )
    return Source(headers, frames, grid)


def _complete(header: Any, path: Path, grid: Grid) -> Any:
    """Fill in what has to be there and may be empty; cut what is longer than DICOM allows."""
    needed = ["SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"]
    needed += ["FrameOfReferenceUID"] if grid.ndim == 3 else []
    missing = [name for name in needed if not header.get(name)]
    if missing:
        raise FileFormatError(
            f"'{path.name}' lacks what an object has to refer to",
            got=f"no {', '.join(missing)}",
            cure="Export the series again from where it was made, or write the mask as .nii.gz.",
        )
    if grid.ndim == 2:
        # A projection has no place in space, whatever its header says of one.
        for name in ("FrameOfReferenceUID", "PixelSpacing"):
            header.pop(name, None)
    # Names of structures may be in any script, as those of patients.
    header.decode()
    header.SpecificCharacterSet = "ISO_IR 192"
    for name, value in _OF_STUDY.items():
        if name not in header:
            setattr(header, name, value)
        element = header[name]
        longest = _LONGEST.get(element.VR)
        if longest and len(str(element.value or "")) > longest:
            element.value = str(element.value)[:longest].rstrip()
    return header
