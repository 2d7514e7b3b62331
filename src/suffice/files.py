"""Nothing half-written is ever taken for whole: write beside, then rename."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from suffice.core import FileFormatError, StorageError, UsageError

# What a killed write leaves behind starts with this, so that a reader never takes it for whole.
PARTIAL_PREFIX = ".partial-"
_PROBE_BYTES = 1 << 16
_REPLACED = "old-"
_A_DAY_S = 24 * 3600.0


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
    probe = _beside(folder / "probe")
    with _named_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
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
        partial = _beside(path)
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
        _sweep(path.parent)
        partial = _beside(path)
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
    old = _beside(place, _REPLACED)
    if place.exists():
        place.rename(old)
    try:
        new.rename(place)
    except OSError:
        if old.exists():
            old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _beside(path: Path, kind: str = "") -> Path:
    """Name what is not whole yet after its writer, so that others know when it is left over."""
    return path.with_name(f"{PARTIAL_PREFIX}{uuid.uuid4().hex[:8]}.{os.getpid()}-{kind}{path.name}")


def _sweep(folder: Path) -> None:
    """Remove what writers of another day, which have ended since, left in a folder."""
    for path in folder.glob(f"{PARTIAL_PREFIX}*"):
        writer, _, kind = path.name.removeprefix(PARTIAL_PREFIX).partition("-")
        # Where a kill came between two renames, this is all that is left of the old folder.
        is_needed = (
            kind.startswith(_REPLACED) and not (folder / kind.removeprefix(_REPLACED)).exists()
        )
        with contextlib.suppress(OSError):
            age_s = time.time() - path.stat().st_mtime
            if age_s < _A_DAY_S or is_needed or _is_running(writer.partition(".")[2]):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _is_running(number: str) -> bool:
    if not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _is_ours(culprit: str | bytes | int | None, path: Path) -> bool:
    """Whether an error is about what is being written, not about what is read to write it."""
    if not isinstance(culprit, str | bytes):
        return True
    file, place = Path(os.fsdecode(culprit)).absolute(), path.absolute()
    is_partial = any(part.startswith(PARTIAL_PREFIX) for part in file.parts)
    return is_partial or file.is_relative_to(place) or place.is_relative_to(file)


@contextlib.contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if not _is_ours(error.filename, path):
            raise FileFormatError(
                f"'{os.fsdecode(error.filename)}' cannot be read or written",
                got=error.strerror,
                cure="Ask for the right to use it, or leave it out.",
            ) from error
        raise StorageError(
            f"Cannot write '{path}'",
            got=error.strerror or error,
            cure="Free some space, or choose a folder that you may write to.",
        ) from error


def toml(value: object) -> str:
    """Write a value as TOML: text, a number, a boolean, a path or a list of them.

    Examples
    --------
    >>> toml(["a", 1, True, 0.5])
    '["a", 1, true, 0.5]'
    """
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(item) for item in value)}]"
    if isinstance(value, str | Path):
        text = value.as_posix() if isinstance(value, Path) else value
        # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    raise UsageError("Settings are text, numbers, booleans or lists", got=repr(value))


def write_text(path: Path, text: str, *, overwrite: bool = True) -> None:
    """Write a text file whole or not at all (UTF-8)."""
    with writing_file(path, overwrite=overwrite) as partial:
        partial.write_text(text, encoding="utf-8")
