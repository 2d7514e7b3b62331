"""Unpack an archive of a model: what is in it stays below its folder, and fits on the disk."""

from __future__ import annotations

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

from suffice.core import ModelError
from suffice.files import writing_folder
from suffice.weights.fetching import free_bytes

_CURE = "Fetch it again; if it stays so, do not use it."


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a zip archive whole or not at all.

    Raises
    ------
    ModelError
        If it is damaged, holds links or names that lead elsewhere, or is too large.
    StorageError
        If the folder is there, or cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            for entry in entries:
                _require_harmless(entry, archive)
            needed = sum(entry.file_size for entry in entries)
            if needed > free_bytes(folder):
                raise ModelError(
                    f"'{archive}' needs {needed / 1e9:.1f} GB, more than is free",
                    cure="Free some space, or choose another --out.",
                )
            with writing_folder(folder) as partial:
                for entry in entries:
                    place = partial.joinpath(*PurePosixPath(entry.filename).parts)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    with opened.open(entry) as source, place.open("wb") as target:
                        shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise ModelError(f"'{archive}' is no whole archive", got=error, cure=_CURE) from error
    return folder


def _require_harmless(entry: zipfile.ZipInfo, archive: Path) -> None:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    is_link = stat.S_ISLNK(entry.external_attr >> 16)
    if path.is_absolute() or ".." in path.parts or ":" in entry.filename or is_link:
        raise ModelError(
            f"'{archive}' holds a name that leads out of its folder",
            got=repr(entry.filename),
            cure=_CURE,
        )
