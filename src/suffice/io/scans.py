"""Find the scans in files, folders and DICOM trees."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from suffice.core import FileFormatError, SufficeError
from suffice.io.formats import format_of, reader_for, stem_of, suffix_of
from suffice.io.left_out import LeftOut

# The voxels that belong to a header in a file of its own.
_COMPANIONS = {".img": (".hdr",), ".raw": (".mhd", ".nhdr"), ".zraw": (".mhd",)}


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan on disk.

    Parameters
    ----------
    name : str
        Unique among the scans of one source; outputs are named after it.
    path : Path
        A file, a folder with one DICOM series, or a file of the series where a folder has more.
    """

    name: str
    path: Path


def find_scans(paths: Sequence[Path]) -> tuple[list[Scan], list[LeftOut]]:
    """Find scans in files and, at any depth, in folders.

    Parameters
    ----------
    paths : sequence of Path
        Image files, folders of image files, DICOM folders and trees of them.

    Returns
    -------
    scans : list of Scan
        Named after the file, or the folders below the source joined with ``_``. Two sources
        may give scans of one name.
    left_out : list of LeftOut
        What could not be read, from its header alone, with reasons.

    Raises
    ------
    FileFormatError
        If a path does not exist.
    """
    scans: list[Scan] = []
    left_out: list[LeftOut] = []
    for source in paths:
        if not source.exists():
            raise FileFormatError(f"'{source}' does not exist", cure="Check the path.")
        # A name hangs neither on the order of the sources nor on which scans can be read today.
        taken: set[str] = set()
        for name, path in _candidates(source, left_out):
            unique = _unique(name, taken)
            try:
                reader_for(path).read_grid(path)
            except SufficeError as error:
                left_out.append(LeftOut(path, str(error)))
                continue
            scans.append(Scan(unique, path))
    return scans, left_out


def _candidates(source: Path, left_out: list[LeftOut]) -> Iterator[tuple[str, Path]]:
    if source.is_file():
        yield stem_of(source), source
        return

    def tell(error: OSError) -> None:
        left_out.append(LeftOut(Path(error.filename), f"cannot be read: {error.strerror}"))

    for place, folders, names in os.walk(source, onerror=tell):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        folder = Path(place)
        files = [folder / name for name in sorted(names) if not name.startswith(".")]
        slices = [file for file in files if format_of(file) == "dicom"]
        if slices:
            yield from _series(source, folder, left_out)
        for file in files:
            if file in slices or is_companion(file):
                continue
            if format_of(file) is None:
                left_out.append(LeftOut(file, "of no format that suffice reads"))
            else:
                yield _name_below(source, file.with_name(stem_of(file))), file


def _series(source: Path, folder: Path, left_out: list[LeftOut]) -> Iterator[tuple[str, Path]]:
    from suffice.io.dicom_headers import series_of_folder

    try:
        found = series_of_folder(folder)
    except SufficeError as error:
        left_out.append(LeftOut(folder, str(error)))
        return
    if not found:
        left_out.append(LeftOut(folder, "its DICOM objects are no scans"))
    name = _name_below(source, folder)
    for series in found:
        if series.is_localizer:
            left_out.append(LeftOut(series.frames[0].path, f"{series} is a localizer, no scan"))
        elif len(found) == 1:
            yield name, folder
        else:
            number = series.header.get("SeriesNumber")
            path = series.frames[0].path
            yield f"{name}_{stem_of(path) if number is None else f'series{number}'}", path


def _name_below(source: Path, path: Path) -> str:
    parts = path.relative_to(source).parts
    return "_".join(parts) if parts else source.resolve().name


def is_companion(file: Path) -> bool:
    """Whether a file holds the voxels of a header beside it."""
    heads = _COMPANIONS.get(suffix_of(file), ())
    return any(file.with_suffix(head).exists() for head in heads)


def _unique(name: str, taken: set[str]) -> str:
    unique, n = name, 1
    while unique in taken:
        n += 1
        unique = f"{name}-{n}"
    taken.add(unique)
    return unique
