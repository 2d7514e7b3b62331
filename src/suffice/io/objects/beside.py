"""Find the series that an object was drawn on, in the folders around it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom

from suffice.core import FileFormatError
from suffice.io.formats import MODULES, is_dicom_file, suffix_of

# Folders below the one above the object's: exports lay series and drawings side by side.
_DEPTH = 2
# Of each folder so many files are asked for their series; a series lies in one folder.
_N_PEEK = 2000


def series_beside(path: Path, uid: str) -> Path:
    """Find a file of the series with an identifier, in the folder of an object and beside it.

    Raises
    ------
    FileFormatError
        If it is not there, or the object does not say which one it is.
    """
    if not uid:
        raise FileFormatError(
            f"'{path}' does not say which series it was drawn on",
            cure="Name its series: in Python, read_rtstruct(path, series).",
        )
    for folder in _folders(path):
        for file in _dicom_files(folder):
            if file != path and _series_of(file) == uid:
                return file
    raise FileFormatError(
        f"The series that '{path}' was drawn on is not beside it",
        cure="Put both into one folder, or into folders of one folder.",
    )


def _folders(path: Path) -> Iterator[Path]:
    yield path.parent
    yield from _below(path.parent.parent, path.parent, _DEPTH)


def _below(folder: Path, done: Path, depth: int) -> Iterator[Path]:
    inside = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    for each in inside:
        if each != done:
            yield each
        if depth > 1:
            yield from _below(each, done, depth - 1)


def _dicom_files(folder: Path) -> Iterator[Path]:
    files = (f for f in sorted(folder.iterdir()) if f.is_file() and not f.name.startswith("."))
    for i, file in enumerate(files):
        if i == _N_PEEK:
            return
        if MODULES.get(suffix_of(file)) == "dicom" or is_dicom_file(file):
            yield file


def _series_of(file: Path) -> str:
    """Read the series of a scan; of objects that are none, nothing."""
    wanted = ["SeriesInstanceUID", "Rows", "SOPClassUID"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(
                file, stop_before_pixels=True, specific_tags=wanted, force=True
            )
    except (OSError, ValueError, pydicom.errors.InvalidDicomError):
        return ""
    return str(header.get("SeriesInstanceUID", "")) if "Rows" in header else ""
