"""Which format is cleaned by what, and what a cleaner is given."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from suffice.io.formats import is_dicom_file, suffix_of
from suffice.privacy.keys import Key
from suffice.privacy.names import Names
from suffice.privacy.options import Options

Done = dict[str, set[str]]

_MODULES = {
    ".dcm": "dicom_file",
    ".dicom": "dicom_file",
    ".ima": "dicom_file",
    ".nii": "nifti_file",
    ".nii.gz": "nifti_file",
    ".hdr": "nifti_file",
    ".img": "nifti_file",
    ".nrrd": "itk_file",
    ".nhdr": "itk_file",
    ".mha": "itk_file",
    ".mhd": "itk_file",
    ".raw": "raw_file",
    ".zraw": "raw_file",
    ".png": "png_file",
    ".jpg": "jpeg_file",
    ".jpeg": "jpeg_file",
    ".tif": "tiff_file",
    ".tiff": "tiff_file",
    ".json": "json_file",
    ".csv": "table_file",
    ".tsv": "table_file",
    ".bval": "numbers_file",
    ".bvec": "numbers_file",
}
_COHORT = "cohort.toml"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What cleaning a file needs to know of all others.

    Parameters
    ----------
    key : Key
    options : Options
    names : Names
    forbidden : frozenset of str
        Parts of names and identifiers, in lower case, that no text may hold.
    targets : dict of PurePath to PurePath
        The new name of every file below the source, for files that name others.
    series : dict of str to list of Path
        Files of each DICOM series, by its UID.
    """

    key: Key
    options: Options
    names: Names
    forbidden: frozenset[str]
    targets: Mapping[PurePath, PurePath]
    series: Mapping[str, list[Path]] = field(default_factory=dict)


Cleaner = Callable[[Path, Path, PurePath, Job], Done]


def kind_of(path: Path) -> str:
    """Name the module that cleans a file; empty where there is none."""
    if path.suffix.lower() not in _MODULES and is_dicom_file(path):
        return "dicom_file"
    if path.name == _COHORT:
        return "cohort_file"
    return _MODULES.get(suffix_of(path), "")


def cleaner_for(kind: str) -> Cleaner:
    """Import the function ``clean(source, target, relative, job)`` of a kind."""
    module = importlib.import_module(f"suffice.privacy.{kind}")
    cleaner: Cleaner = module.clean
    return cleaner
