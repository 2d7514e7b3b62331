"""Nothing half-written is ever taken for whole: write beside, then rename."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from suffice.core import StorageError

# What a killed write leaves behind starts with this, so that a reader never takes it for whole.
PARTIAL_PREFIX = ".partial-"
_PROBE_BYTES = 1 << 16


def require_free(path: Path, *, overwrite: bool, mark: str | None = None) -> None:
    """Raise a `StorageError` where ``path`` exists and may not be replaced.

    A folder is replaced with all that is in it. So where ``mark`` is given, the name of a file,
    only an empty folder and one that holds this file may be.
    """
    if path.exists() and not overwrite:
        raise StorageError(
            f"'{path}' exists already", cure="Name another place, or give --force to replace it."
        )
    if mark is None or not path.exists() or (path / mark).is_file():
        return
    if not path.is_dir() or any(path.iterdir()):
        raise StorageError(
            f"'{path}' holds other things and will not be replaced",
            got=f"no {mark} in it",
            cure="Name another place, or empty it yourself.",
        )


def require_writable(folder: Path) -> None:
    """Raise a `StorageError` where nothing can be written into ``folder``, which is made.

    For tasks that write only after long work: a full disk or read-only place is told first.
    """
    probe = folder / f"{PARTIAL_PREFIX}{uuid.uuid4().hex[:8]}-probe"
    with _named_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(bytes(_PROBE_BYTES))
        finally:
            probe.unlink(missing_ok=True)


@contextlib.contextmanager
def writing_file(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; it takes the place when the block ends well.

    The name given keeps the suffixes of ``path``, as writers choose the format by them.

    Parameters
    ----------
    path : Path
        Where the whole file is to stand. Missing parents are made.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    StorageError
        If the place is taken, the folder cannot be written or the disk is full.
    """
    require_free(path, overwrite=overwrite)
    with _named_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{PARTIAL_PREFIX}{uuid.uuid4().hex[:8]}-{path.name}")
        try:
            yield partial
            with partial.open("rb+") as handle:
                os.fsync(handle.fileno())
            partial.replace(path)
            _sync_folder(path.parent)
        finally:
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def writing_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a folder beside ``path`` to fill; it takes the place when the block ends well.

    Raises
    ------
    StorageError
        If the place is taken, the folder cannot be written or the disk is full.
    """
    require_free(path, overwrite=overwrite)
    with _named_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{PARTIAL_PREFIX}{uuid.uuid4().hex[:8]}-{path.name}")
        partial.mkdir()
        try:
            yield partial
            _sync_tree(partial)
            _swap(partial, path)
            _sync_folder(path.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _sync_tree(folder: Path) -> None:
    """Bring all files of a folder to the disk, so that no power cut leaves one empty."""
    for place, _, names in os.walk(folder):
        for file in (Path(place, name) for name in names):
            if not file.is_symlink():
                with file.open("rb") as handle:
                    os.fsync(handle.fileno())
        _sync_folder(Path(place))


def _sync_folder(folder: Path) -> None:
    # Some file systems, and Windows, cannot do that to a folder: names there are kept otherwise.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _swap(new: Path, place: Path) -> None:
    old = place.with_name(f"{PARTIAL_PREFIX}{uuid.uuid4().hex[:8]}-old-{place.name}")
    if place.exists():
        place.rename(old)
    try:
        new.rename(place)
    except OSError:
        if old.exists():
            old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"Cannot write '{path}'",
            got=error.strerror or error,
            cure="Free some space, or choose a folder that you may write to.",
        ) from error


def write_text(path: Path, text: str, *, overwrite: bool = True) -> None:
    """Write a text file whole or not at all (UTF-8)."""
    with writing_file(path, overwrite=overwrite) as partial:
        partial.write_text(text, encoding="utf-8")
