"""One run at a time in a folder: a lock that outlives no process."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil

from suffice.core import StorageError
from suffice.files import PARTIAL_PREFIX, require_writable, write_text

LOCK = ".lock"
# Says that a folder holds nothing but what a run works with.
WORK = ".suffice-work"
# The holder touches its lock this often, which shows other machines that it is alive.
BEAT_S = 20.0
SILENT_FOR_S = 300.0


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which is made where it is not there, while the block runs.

    The lock of a process that has ended, on this machine or silent for five minutes on another
    one, is taken over. So two runs on one disk of the network exclude each other too, as far as
    that disk makes a file for one of two that ask at once (NFS since version 3 does).

    Raises
    ------
    StorageError
        If another run holds the lock, or the folder cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise StorageError(
            f"'{folder}' is there already and is no folder", cure="Name another place with --out."
        )
    is_new = not folder.exists()
    require_writable(folder)
    lock = folder / LOCK
    mine = _identity()
    _take(lock, mine)
    stop = threading.Event()
    beat = threading.Thread(target=_beat, args=(lock, stop), daemon=True)
    beat.start()
    try:
        yield
    finally:
        stop.set()
        beat.join()
        if _read(lock) == mine:
            lock.unlink(missing_ok=True)
        if is_new:
            # Nothing came of it, so nothing stays.
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Hold a folder of what a run works with, which is removed when the block ends well.

    Raises
    ------
    StorageError
        If other things are in it, another run holds it, or it cannot be written.
    """
    mark, passing = folder / WORK, (LOCK, PARTIAL_PREFIX)
    is_ours = not folder.is_dir() or mark.is_file()
    if not is_ours and any(not path.name.startswith(passing) for path in folder.iterdir()):
        raise StorageError(
            f"'{folder}' holds other things, and a work folder is removed at the end",
            cure="Name another --out, or move them away.",
        )
    with alone_in(folder):
        write_text(mark, "")
        try:
            yield
        except BaseException:
            # Nothing to go on from: nothing that says so stays either.
            with contextlib.suppress(OSError):
                if all(path.name.startswith((*passing, WORK)) for path in folder.iterdir()):
                    mark.unlink(missing_ok=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)


def _identity() -> dict[str, object]:
    pid = os.getpid()
    return {"machine": platform.node(), "pid": pid, "started": psutil.Process(pid).create_time()}


def _take(lock: Path, mine: dict[str, object]) -> None:
    for _ in range(3):
        if _wrote(lock, mine):
            return
        holder = _read(lock)
        if _is_alive(lock, holder):
            break
        _clear(lock, holder)
    who = "" if not holder else f" (process {holder.get('pid')} on {holder.get('machine')})"
    raise StorageError(
        f"Another run is at work in '{lock.parent}'{who}",
        cure=f"Wait until it ends, or name another place with --out. If nothing runs there, delete"
        f" '{lock}'.",
    )


def _wrote(lock: Path, mine: dict[str, object]) -> bool:
    try:
        with lock.open("x", encoding="utf-8") as handle:
            json.dump(mine, handle)
    except FileExistsError:
        return False
    except OSError as error:
        raise StorageError(
            f"Cannot write '{lock}'",
            got=error.strerror,
            cure="Free some space, or choose a folder that you may write to.",
        ) from error
    return True


def _is_alive(lock: Path, holder: dict[str, object] | None) -> bool:
    if holder is not None and holder.get("machine") == platform.node():
        try:
            process = psutil.Process(int(str(holder["pid"])))
            begun = process.create_time()
            is_the_same = abs(begun - float(str(holder["started"]))) < 2.0
            return is_the_same and bool(process.status() != psutil.STATUS_ZOMBIE)
        except (psutil.Error, KeyError, ValueError):
            return False
    # A lock without a readable holder is being written just now, or was when its writer died.
    return _silence(lock) < (5.0 if holder is None else SILENT_FOR_S)


def _silence(lock: Path) -> float:
    """Seconds since the lock was touched, by the clock of the disk that it lies on."""
    probe = lock.with_name(f"{LOCK}-{uuid.uuid4().hex[:8]}")
    try:
        probe.touch()
        return probe.stat().st_mtime - lock.stat().st_mtime
    except FileNotFoundError:
        return SILENT_FOR_S
    finally:
        probe.unlink(missing_ok=True)


def _clear(lock: Path, holder: dict[str, object] | None) -> None:
    """Remove a dead lock, but not one that another run has put in its place meanwhile."""
    aside = lock.with_name(f"{LOCK}-{uuid.uuid4().hex[:8]}")
    with contextlib.suppress(FileNotFoundError):
        lock.rename(aside)
        if _read(aside) != holder:
            with contextlib.suppress(OSError):
                os.link(aside, lock)
        aside.unlink()


def _read(lock: Path) -> dict[str, object] | None:
    try:
        found = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _beat(lock: Path, stop: threading.Event) -> None:
    while not stop.wait(BEAT_S):
        with contextlib.suppress(OSError):
            os.utime(lock)
