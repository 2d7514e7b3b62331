"""Which module reads which suffix. The modules are imported when they are first needed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import cast

from suffice.core import FileFormatError
from suffice.io.raw import Reader

MODULES = {
    ".nii": "nifti",
    ".nii.gz": "nifti",
    ".hdr": "nifti",
    ".img": "nifti",
    ".nrrd": "itk",
    ".nhdr": "itk",
    ".mha": "itk",
    ".mhd": "itk",
    ".png": "picture",
    ".jpg": "picture",
    ".jpeg": "picture",
    ".bmp": "picture",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".dcm": "dicom",
    ".dicom": "dicom",
    ".ima": "dicom",
    ".seg.dcm": "dicom",
    ".rtstruct.dcm": "dicom",
}
OBJECTS = (".seg.dcm", ".rtstruct.dcm")
"""Suffixes of DICOM objects of ours, which refer to the series that they were drawn on."""

_OF_TWO_PARTS = tuple(suffix for suffix in MODULES if suffix.count(".") == 2)
_DICOM_MAGIC_AT = 128


def suffix_of(path: Path) -> str:
    """Give the suffix in lower case; ``.nii.gz``, ``.seg.dcm`` and their like count as one.

    Examples
    --------
    >>> suffix_of(Path("a.b.NII.GZ")), suffix_of(Path("scan.png")), suffix_of(Path("IMG1"))
    ('.nii.gz', '.png', '')
    """
    name = path.name.lower()
    whole = next((suffix for suffix in _OF_TWO_PARTS if name.endswith(suffix)), None)
    return whole or Path(name).suffix


def stem_of(path: Path) -> str:
    """Give the name without its suffix.

    Examples
    --------
    >>> stem_of(Path("x/scan.01.nii.gz")), stem_of(Path("x/1.2.840.113"))
    ('scan.01', '1.2.840.113')
    """
    suffix = suffix_of(path)
    return path.name[: -len(suffix)] if suffix in MODULES else path.name


def is_dicom_file(path: Path) -> bool:
    """Whether a file starts as a DICOM file does; its name does not matter."""
    try:
        with path.open("rb") as handle:
            handle.seek(_DICOM_MAGIC_AT)
            return handle.read(4) == b"DICM"
    except OSError:
        return False


def format_of(path: Path) -> str | None:
    """Name the module that reads ``path``, or ``None``; a folder is taken for a DICOM series."""
    if path.is_dir():
        return "dicom"
    known = MODULES.get(suffix_of(path))
    if known is None and is_dicom_file(path):
        return "dicom"
    return known


def reader_for(path: Path) -> Reader:
    """Import and return the module that reads ``path``.

    Raises
    ------
    FileFormatError
        If the path does not exist or nobody reads its format.
    """
    if not path.exists():
        raise FileFormatError(f"'{path}' does not exist", cure="Check the path.")
    name = format_of(path)
    if name is None:
        raise FileFormatError(
            f"'{path}' is of no format that suffice reads",
            got=suffix_of(path) or "no suffix",
            expected=", ".join(MODULES),
            cure="Convert it to one of these.",
        )
    return cast(Reader, importlib.import_module(f"suffice.io.{name}"))
