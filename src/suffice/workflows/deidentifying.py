"""De-identify the files of a folder."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from suffice.core import (
    FileFormatError,
    Listener,
    Progress,
    StorageError,
    SufficeError,
    UsageError,
    silent,
)
from suffice.files import PARTIAL_PREFIX, require_free, toml, write_text, writing_file
from suffice.privacy import (
    AUDIT_CSV,
    Audit,
    Entry,
    Job,
    Key,
    Leftover,
    Options,
    Record,
    Refused,
    Survey,
    cleaner_for,
    finished,
    leftovers,
    make_whole,
    read_key,
    survey,
    write_key,
)
from suffice.workflows.locking import LOCK, alone_in

# Says how a folder was made, so that the same command goes on with it and another does not.
SETTINGS = "deidentified.toml"


@dataclass(frozen=True, kw_only=True)
class DeidentifyReport:
    """What became of the files.

    Parameters
    ----------
    folder, audit, key : Path
        What was made; the key is what pseudonyms can be told with, and no part of the folder.
    n_cleaned, n_refused : int
        Files that were written, and those that were not copied.
    reasons : dict of str to int
        Why files were refused, and how many.
    refused : tuple of Path
        Paths of the files not copied, below the source. They may name people.
    leftovers : tuple of Leftover
        What the second pass found again; empty where all is well.
    """

    folder: Path
    audit: Path
    key: Path
    n_cleaned: int
    n_refused: int
    reasons: dict[str, int] = field(default_factory=dict)
    refused: tuple[Path, ...] = field(default=(), repr=False)
    leftovers: tuple[Leftover, ...] = ()


def deidentify(
    source: Path,
    out: Path,
    *,
    key: Path | None = None,
    retain: Sequence[str] = (),
    clean: Sequence[str] = ("descriptors", "pixel-data"),
    dates: str = "shift",
    pixels: str = "black",
    overwrite: bool = False,
    listener: Listener = silent,
) -> DeidentifyReport:
    """Copy scans without what says who they are of; search the copies for what is left.

    Parameters
    ----------
    source : Path
        A folder or a file; nothing in it is changed.
    out : Path
        Folder to make, beside the source. Killed, the same call goes on where it was.
    key : Path, optional
        File of the key; made where it is not there, by default beside ``out``. The same key
        gives the same pseudonyms.
    retain, clean, dates, pixels
        See `suffice.privacy.Options`.
    overwrite : bool
        Whether a folder that an earlier call made may be replaced.
    listener : callable

    Raises
    ------
    UsageError
        If an option is unknown, or folders or the key lie in each other.
    StorageError
        If ``out`` holds other things or cannot be written.
    """
    source, out = Path(source), Path(out)
    options = Options(
        retain=tuple(retain),
        clean=tuple(clean),
        dates=dates,  # type: ignore[arg-type]
        pixels=pixels,  # type: ignore[arg-type]
    )
    key_file = out.with_name(f"{out.name}.key") if key is None else Path(key)
    _require_apart(source, out, key_file)
    with alone_in(out):
        secret = _key(key_file)
        _sweep(out)
        _begin(out, secret, options, overwrite=overwrite)
        found = survey(source, secret, options, listener=listener)
        records = _clean_all(source, out, found, secret, options, listener)
        left = leftovers(out, found, secret, options, listener=listener)
        left = (one for one in left if one.file != LOCK)
        return _report(out, key_file, records, found, tuple(left))


def _require_apart(source: Path, out: Path, key: Path) -> None:
    if not source.exists():
        raise UsageError(f"'{source}' does not exist", cure="Check the path.")
    here, there, secret = source.resolve(), out.resolve(), key.resolve()
    if there.is_relative_to(here) or here.is_relative_to(there):
        raise UsageError(
            f"'{out}' and '{source}' lie in each other",
            cure="Name a folder beside the source with --out.",
        )
    if secret.is_relative_to(there) or secret.is_relative_to(here):
        raise UsageError(
            "The key would lie with the files",
            got=str(key),
            cure="Name a private place with --key: who has it can tell who is who.",
        )


def _key(path: Path) -> Key:
    if path.exists():
        return read_key(path)
    key = Key.fresh()
    write_key(path, key)
    return key


def _begin(out: Path, key: Key, options: Options, *, overwrite: bool) -> None:
    """Go on with a folder made in the same way, or take an empty one."""
    mark = out / SETTINGS
    text = _settings(key, options)
    others = [p for p in out.iterdir() if not p.name.startswith((LOCK, PARTIAL_PREFIX))]
    if not others:
        write_text(mark, text)
        return
    if not mark.is_file():
        require_free(out, overwrite=True, mark=SETTINGS)
    with contextlib.suppress(OSError, tomllib.TOMLDecodeError):
        if tomllib.loads(mark.read_text(encoding="utf-8")) == tomllib.loads(text):
            return
    if not overwrite:
        raise StorageError(
            f"'{out}' was made with another key or other options",
            cure="Give the same ones to go on, name another --out, or --force to make it anew.",
        )
    _empty(out)
    write_text(mark, text)


def _sweep(out: Path) -> None:
    """Remove what a run that was killed had begun to write; none other is at work here."""
    for path in out.rglob(f"{PARTIAL_PREFIX}*"):
        path.unlink(missing_ok=True)


def _empty(out: Path) -> None:
    for path in sorted(out.rglob("*"), reverse=True):
        if path.name.startswith(LOCK):
            continue
        with contextlib.suppress(OSError):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def _settings(key: Key, options: Options) -> str:
    rows: dict[str, Any] = {
        "key": key.fingerprint,
        "retain": sorted(options.retain),
        "clean": sorted(options.clean),
        "dates": options.dates,
        "pixels": options.pixels,
    }
    return "".join(f"{name} = {toml(value)}\n" for name, value in rows.items())


def _clean_all(
    source: Path, out: Path, found: Survey, key: Key, options: Options, listener: Listener
) -> dict[str, Record]:
    """Clean every file that an earlier run did not; give what became of all."""
    audit = out / AUDIT_CSV
    done = finished(audit)
    make_whole(audit)
    root = source if source.is_dir() else source.parent
    job = Job(
        key=key,
        options=options,
        names=found.names,
        forbidden=found.forbidden,
        targets={entry.path: entry.target for entry in found.entries},
        series=found.series,
    )
    records: dict[str, Record] = {}
    with Audit(audit) as table:
        for i, entry in enumerate(found.entries):
            listener(Progress("clean", i / len(found.entries), note=entry.target.as_posix()))
            name = entry.target.as_posix()
            if name in done and (out / entry.target).exists():
                records[name] = Record(file=name, kind=entry.kind, outcome="cleaned")
                continue
            records[name] = _clean_one(root, out, entry, job)
            table.add(records[name])
    listener(Progress("clean", 1.0))
    return records


def _clean_one(root: Path, out: Path, entry: Entry, job: Job) -> Record:
    name, target = entry.target.as_posix(), out / entry.target
    reason = ""
    try:
        if not entry.kind:
            raise Refused("of no format that can be cleaned")
        with writing_file(target) as partial:
            done = cleaner_for(entry.kind)(root / entry.path, partial, entry.path, job)
        return Record(file=name, kind=_word(entry.kind), outcome="cleaned", done=done)
    except Refused as refused:
        reason = str(refused)
    except (StorageError, MemoryError):
        raise
    except PermissionError:
        reason = "may not be read"
    except (SufficeError, FileFormatError) as error:
        reason = error.got if isinstance(error.got, str) else "cannot be read"
    except Exception as error:
        # The text of a foreign error may quote the header; its class does not.
        reason = f"damaged or of an unknown kind ({type(error).__name__})"
    _prune(out, target.parent)
    return Record(file=name, kind=_word(entry.kind), outcome="refused", reason=reason)


def _prune(out: Path, folder: Path) -> None:
    """Remove folders that were made for a file that is not there after all."""
    while folder != out:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _word(kind: str) -> str:
    return kind.removesuffix("_file")


def _report(
    out: Path,
    key: Path,
    records: dict[str, Record],
    found: Survey,
    left: tuple[Leftover, ...],
) -> DeidentifyReport:
    refused = [r for r in records.values() if r.outcome == "refused"]
    reasons: dict[str, int] = {}
    for record in refused:
        reasons[record.reason] = reasons.get(record.reason, 0) + 1
    names = {record.file for record in refused}
    return DeidentifyReport(
        folder=out,
        audit=out / AUDIT_CSV,
        key=key,
        n_cleaned=len(records) - len(refused),
        n_refused=len(refused),
        reasons=reasons,
        refused=tuple(Path(e.path) for e in found.entries if e.target.as_posix() in names),
        leftovers=left,
    )
