"""Look at every file first: whose it is, what identifies, and where it goes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from suffice.core import Listener, Progress, silent
from suffice.privacy.cleaning import kind_of
from suffice.privacy.dates import dates_in
from suffice.privacy.dicom import read_dicom
from suffice.privacy.keys import Key
from suffice.privacy.names import Names
from suffice.privacy.options import Options
from suffice.privacy.originals import Originals, originals_in, originals_of, subject_of
from suffice.privacy.texts import texts_of_file
from suffice.privacy.vocabulary import is_known, tokens_of

_LABELLED = "sub-"
_UID_PARTS = 4


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file below the source.

    Parameters
    ----------
    path : PurePath
        Relative to the source.
    target : PurePath
        Its new name, relative to the folder that is written.
    kind : str
        The module that cleans it; empty where there is none.
    subject : str
        Whose it is, where the file says so.
    dates : frozenset of str
    """

    path: PurePath
    target: PurePath
    kind: str
    subject: str = ""
    dates: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Survey:
    """All files of a source, and what must not be found again in what is made of them."""

    entries: tuple[Entry, ...]
    originals: Originals
    names: Names
    forbidden: frozenset[str] = field(default_factory=frozenset)
    series: dict[str, list[Path]] = field(default_factory=dict)


def survey(source: Path, key: Key, options: Options, *, listener: Listener = silent) -> Survey:
    """Read the headers of all files below a folder, or of a single file.

    The values that are found stay in memory.
    """
    files = list(_files(source))
    root = source if source.is_dir() else source.parent
    originals = Originals()
    subjects: set[str] = set()
    facts: list[tuple[PurePath, str, str, frozenset[str]]] = []
    series: dict[str, list[Path]] = {}
    for i, path in enumerate(files):
        listener(Progress("look at the files", i / len(files)))
        relative = PurePath(path.relative_to(root))
        kind = kind_of(path)
        whose, own = _facts(path, kind, options, series)
        originals.add(own)
        subjects |= whose
        subject = next(iter(whose)) if kind == "dicom_file" and whose else ""
        own.dates |= dates_in(" ".join(relative.parts)) if options.dates != "keep" else set()
        facts.append((relative, kind, subject, frozenset(own.dates)))
    subjects |= _labelled(relative for relative, *_ in facts)
    names = Names(key, frozenset(s.strip().casefold() for s in subjects))
    forbidden = frozenset(t for t in originals.tokens if not is_known(t))
    entries = tuple(_placed(facts, names, key))
    originals.tokens |= {t.casefold() for e in entries for t in _changed(e)}
    listener(Progress("look at the files", 1.0))
    return Survey(
        entries=entries, originals=originals, names=names, forbidden=forbidden, series=series
    )


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    for place, folders, names in os.walk(source):
        folders.sort()
        yield from (Path(place, name) for name in sorted(names))


def _facts(
    path: Path, kind: str, options: Options, series: dict[str, list[Path]]
) -> tuple[set[str], Originals]:
    if kind != "dicom_file":
        # Dates of a table are of many subjects; those of a DICOM file alone are shifted by one.
        with_dates = options.dates == "remove" or kind != "table_file"
        return originals_in(texts_of_file(path, kind), with_dates=with_dates)
    try:
        header = read_dicom(path, header_only=True)
        subject = subject_of(header)
        series.setdefault(str(header.get("SeriesInstanceUID", "")), []).append(path)
        return {subject} if subject else set(), originals_of(header, options)
    except Exception:
        # What is wrong with it is told when its turn comes to be cleaned.
        return set(), Originals()


def _labelled(paths: Iterator[PurePath]) -> set[str]:
    """Find the labels of subjects in names after BIDS."""
    parts = {part for path in paths for part in path.parts}
    return {
        part.split("_")[0].split(".")[0].removeprefix(_LABELLED)
        for part in parts
        if part.startswith(_LABELLED)
    } - {""}


def _placed(
    facts: list[tuple[PurePath, str, str, frozenset[str]]], names: Names, key: Key
) -> Iterator[Entry]:
    taken: set[str] = set()
    for relative, kind, subject, dates in facts:
        target = _target(relative, kind, names, key)
        number = 1
        while str(target).casefold() in taken:
            number += 1
            first, _, rest = target.name.partition(".")
            stem = first if number == 2 else first.rpartition("-")[0]
            target = target.with_name(f"{stem}-{number}.{rest}" if rest else f"{stem}-{number}")
        taken.add(str(target).casefold())
        yield Entry(path=relative, target=target, kind=kind, subject=subject, dates=dates)


def _target(relative: PurePath, kind: str, names: Names, key: Key) -> PurePath:
    """Map a path; UIDs, and names of DICOM files that are no plain counters, as a whole."""
    *folders, name = relative.parts
    above = [key.pseudonym(part) if _is_uid(part) else names.stem(part) for part in folders]
    if kind != "dicom_file":
        return PurePath(*above, names.path(PurePath(name)))
    stem = name[:-4] if name.lower().endswith((".dcm", ".ima")) else name
    is_plain = all(is_known(token) for token in tokens_of(stem))
    new = names.stem(stem) if is_plain and not _is_uid(stem) else key.pseudonym(stem)
    return PurePath(*above, f"{new or key.pseudonym(name)}.dcm")


def _is_uid(part: str) -> bool:
    numbers = part.split(".")
    return len(numbers) >= _UID_PARTS and all(n.isdigit() for n in numbers[:_UID_PARTS])


def _changed(entry: Entry) -> set[str]:
    """Parts of a path that were taken out, but for short and common ones."""
    before = {t for part in entry.path.parts for t in tokens_of(part)}
    after = {t for part in entry.target.parts for t in tokens_of(part)}
    # Dates are those of one subject: another's shifted ones may be equal.
    return {t for t in before - after if len(t) >= 3 and not is_known(t) and not dates_in(t)}
