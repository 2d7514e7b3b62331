"""How a study came about: ``study.toml`` with settings, versions, machine and data."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import tomllib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psutil

from suffice.core import Cohort, FileFormatError
from suffice.cores import usable_cores
from suffice.files import toml, write_text
from suffice.study.cautions import Caution

_PACKAGES = ("suffice", "torch", "numpy", "scipy", "nibabel", "SimpleITK", "pydicom")
_BLOCK_BYTES = 1 << 20


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results hang on, without importing them."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def changed_versions(begun: Mapping[str, str]) -> Caution | None:
    """Say which packages are other ones than when the study was begun; ``None`` where none is.

    What stands of a study stays as it is. A training that was not at its end is only gone on
    with by the same suffice and torch: see `suffice.segmenters.work_folder`.
    """
    now = versions()
    changed = sorted(name for name in begun if now.get(name, "") != begun[name])
    if not changed:
        return None
    words = [f"{name} {begun[name]} then, {now.get(name, 'absent')} now" for name in changed]
    return Caution(
        "changed-versions",
        (),
        f"Parts of this study were made with other versions: {'; '.join(words)}",
        "Where all of it must come from one set of versions, name another --out.",
    )


def machine() -> dict[str, str | int | float]:
    """What this process may use: system, cores and memory."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": usable_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
    }


def data_hash(cohort: Cohort) -> str:
    """Hash the contents of a cohort: equal for equal data, wherever it lies.

    Covers channels, legend, the rows of the table and the bytes of every file (of DICOM folders
    too), not paths or dates; about a gigabyte a second from a warm disk.

    Raises
    ------
    FileFormatError
        If a file cannot be read.
    """
    whole = hashlib.blake2b(digest_size=16)
    whole.update(repr((cohort.channels, cohort.legend)).encode())
    paths: list[Path] = []
    for case in sorted(cohort.cases, key=lambda case: case.name):
        row = (case.name, case.subject, case.visit, case.date)
        files = [*sorted(case.images.items()), *sorted(case.masks.items())]
        files += [(f"soft {rater}", path) for rater, path in sorted(case.soft_masks.items())]
        files += [(f"instances {rater}", p) for rater, p in sorted(case.instance_maps.items())]
        whole.update(repr((row, [name for name, _ in files])).encode())
        if case.pixel_spacing_mm is not None:
            whole.update(repr(case.pixel_spacing_mm).encode())
        for _, path in files:
            parts = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
            paths += parts
            whole.update(repr(len(parts)).encode())
    with ThreadPoolExecutor() as pool:
        for digest in pool.map(_file_digest, paths):
            whole.update(digest)
    return whole.hexdigest()


def _file_digest(path: Path) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    try:
        with path.open("rb") as handle:
            while block := handle.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise FileFormatError(
            f"'{path}' cannot be read",
            got=error.strerror,
            cure="Put it back or drop its row from cases.csv.",
        ) from error
    return digest.digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRecord:
    """Everything needed to say how a study came about, and to go on with it.

    Parameters
    ----------
    name, cohort : str
        Name of the cohort, and its path relative to the study folder.
    rung : str
        The kind of model that is reported; empty until it is chosen.
    seed : int
    minutes : float
        Budget for all trainings together.
    data_hash : str
        See `data_hash`.
    settings : dict
        Options as resolved: text, numbers, booleans and lists of them; ``None`` is not written.
    choice : str
        How the kind of model came to be chosen.
    allotted : dict of str to float
        Minutes for one training of each kind of model.
    refused : dict of str to str
        Kinds that do not apply, with the reason.
    """

    name: str
    cohort: str
    rung: str
    seed: int
    minutes: float
    data_hash: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    choice: str = ""
    allotted: Mapping[str, float] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    created: str = field(default_factory=lambda: date.today().isoformat())
    versions: Mapping[str, str] = field(default_factory=versions)
    machine: Mapping[str, Any] = field(default_factory=machine)


_TABLES = ("settings", "allotted", "refused", "versions", "machine")
_KEYS = ("name", "cohort", "rung", "choice", "seed", "minutes", "data_hash", "created")


def write_record(path: Path, record: StudyRecord) -> None:
    """Write ``study.toml``."""
    lines = [f"{key} = {toml(getattr(record, key))}" for key in _KEYS]
    for name in _TABLES:
        lines += ["", f"[{name}]"]
        table = getattr(record, name)
        lines += [f"{toml(k)} = {toml(v)}" for k, v in table.items() if v is not None]
    write_text(path, "\n".join(lines) + "\n")


def read_record(path: Path) -> StudyRecord:
    """Read ``study.toml``.

    Raises
    ------
    FileFormatError
        If it is missing, not TOML or lacks a key.
    """
    try:
        known = tomllib.loads(path.read_text(encoding="utf-8"))
        return StudyRecord(**{key: known[key] for key in (*_KEYS, *_TABLES)})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else error
        raise FileFormatError(
            f"'{path}' is not the record of a study", got=what, cure="Start the study again."
        ) from error
