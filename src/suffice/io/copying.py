"""Copy the files of a case into a cohort folder, with all that belongs to them."""

from __future__ import annotations

import glob
import shutil
from dataclasses import replace
from pathlib import Path

from suffice.core import DEFAULT_CHANNEL, DEFAULT_RATER, Case
from suffice.io.formats import format_of, stem_of, suffix_of

# Headers that name a second file, which holds the voxels.
_WITH_COMPANIONS = (".hdr", ".img", ".mhd", ".nhdr")


def copied(case: Case, folder: Path) -> Case:
    """Copy the images and masks of a case below ``folder`` and refer to the copies.

    What lies in ``folder`` already stays where it is.
    """
    images = {
        channel: _copy(path, folder, "images", "" if channel == DEFAULT_CHANNEL else channel, case)
        for channel, path in case.images.items()
    }
    masks = {
        rater: _copy(path, folder, "masks", "" if rater == DEFAULT_RATER else rater, case)
        for rater, path in case.masks.items()
    }
    return replace(case, images=images, masks=masks)


def _copy(path: Path, folder: Path, kind: str, name: str, case: Case) -> Path:
    if path.is_relative_to(folder):
        return path
    place = folder / kind / name / case.name
    if path.is_dir():
        return Path(shutil.copytree(path, place))
    if format_of(path) == "dicom":
        return _copy_series(path, place)
    if suffix_of(path) in _WITH_COMPANIONS:
        place.mkdir(parents=True)
        for companion in path.parent.glob(f"{glob.escape(stem_of(path))}.*"):
            shutil.copy2(companion, place)
        return place / path.name
    place.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy2(path, place.with_name(case.name + suffix_of(path))))


def _copy_series(path: Path, place: Path) -> Path:
    """Copy the series that a file stands for, and none of the others in its folder."""
    from suffice.io.dicom import series_of

    place.mkdir(parents=True)
    for file in {path, *(frame.path for frame in series_of(path).frames)}:
        shutil.copy2(file, place)
    return place / path.name
