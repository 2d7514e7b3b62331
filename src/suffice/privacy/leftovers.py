"""The second pass: search what was written for what must not be in it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from suffice.core import Listener, Progress, silent
from suffice.privacy.attributes import is_code, texts_of
from suffice.privacy.dates import dates_in, shifted
from suffice.privacy.dicom import read_dicom
from suffice.privacy.keys import Key
from suffice.privacy.options import Options
from suffice.privacy.originals import Originals
from suffice.privacy.survey import Entry, Survey
from suffice.privacy.texts import texts_of_file
from suffice.privacy.vocabulary import is_known, tokens_of

_BLOCK = 1 << 20
_OVERLAP = 512
_TOKEN = re.compile(rb"[A-Za-z0-9]{5,64}")
_UID = re.compile(rb"[0-9]{1,20}(?:\.[0-9]{1,40}){3,}")
# Shorter ones turn up in pixels by chance; they are searched for in headers.
_RAW_LEAST = 5


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that was found again: the file's new name and what kind of thing, not which."""

    file: str
    what: str


def leftovers(
    folder: Path, survey: Survey, key: Key, options: Options, *, listener: Listener = silent
) -> Iterator[Leftover]:
    """Search all files of a folder for the values that the source held.

    Names, numbers, free texts and UIDs of all files, in headers and in the bytes of the file,
    compressed or not, and in its name; dates of the file's own subject.
    """
    entries = {entry.target: entry for entry in survey.entries}
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    search = _Search(survey.originals)
    for i, path in enumerate(files):
        listener(Progress("search what is left", i / len(files)))
        relative = PurePath(path.relative_to(folder))
        found = set(search.in_text(" ".join(relative.parts), "file name"))
        found |= set(search.in_bytes(path))
        entry = entries.get(relative)
        if entry is not None and dates_in(" ".join(relative.parts)) & entry.dates:
            found.add("a date (file name)")
        if entry is not None and entry.kind == "dicom_file":
            found |= set(_in_dicom(path, entry, search, key, options))
        elif entry is not None:
            found |= set(_in_fields(path, entry, search, options))
        yield from (Leftover(relative.as_posix(), what) for what in sorted(found))
    listener(Progress("search what is left", 1.0))


class _Search:
    """Compares texts and bytes with original values."""

    def __init__(self, originals: Originals) -> None:
        tokens = {t for t in originals.tokens if not is_known(t)}
        self._tokens = tokens
        self._raw = {t.encode() for t in tokens if len(t) >= _RAW_LEAST and t.isascii()}
        self._other = [
            coded
            for t in tokens
            if not t.isascii() and len(t) >= _RAW_LEAST
            for coded in {t.encode(), t.encode("latin-1", "ignore")}
        ]
        self._texts = originals.texts
        self._uids = originals.uids

    def in_text(self, text: str, where: str) -> Iterator[str]:
        plain = text.casefold()
        if any(token in self._tokens for token in tokens_of(plain)):
            yield f"part of a name or identifier ({where})"
        if plain.strip() in self._texts:
            yield f"a free text ({where})"
        if text.strip() in self._uids:
            yield f"a UID ({where})"

    def in_bytes(self, path: Path) -> Iterator[str]:
        for block in _blocks(path):
            if any(m.group().lower() in self._raw for m in _TOKEN.finditer(block)):
                yield "part of a name or identifier (bytes of the file)"
            if self._uids and any(m.group().decode() in self._uids for m in _UID.finditer(block)):
                yield "a UID (bytes of the file)"
            lower = block.lower() if self._other else b""
            if any(coded in lower for coded in self._other):
                yield "part of a name or identifier (bytes of the file)"


def _blocks(path: Path) -> Iterator[bytes]:
    """Read a file in overlapping blocks, decompressed where it is gzip."""
    with path.open("rb") as handle:
        is_gzip = handle.read(2) == b"\x1f\x8b"
    before = b""
    with gzip.open(path, "rb") if is_gzip else path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            yield before + block
            before = block[-_OVERLAP:]


def _in_fields(path: Path, entry: Entry, search: _Search, options: Options) -> Iterator[str]:
    for field, text in texts_of_file(path, entry.kind):
        where = field if field.isidentifier() and len(field) <= 40 else "a field"
        yield from search.in_text(text, where)
        if options.dates != "keep" and dates_in(text) & entry.dates:
            yield f"a date ({where})"


def _in_dicom(
    path: Path, entry: Entry, search: _Search, key: Key, options: Options
) -> Iterator[str]:
    dataset = read_dicom(path, header_only=True)
    days = key.days(entry.subject)
    # A shifted date may fall on another that the subject had.
    moved = {shifted(date, days) for date in entry.dates} if options.dates == "shift" else set()
    stale = entry.dates - moved
    for tag, vr, text in [*texts_of(dataset), *texts_of(dataset.file_meta)]:
        where = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
        if vr != "UI" and not (vr == "CS" and is_code(text)):
            yield from search.in_text(text, where)
        if options.dates != "keep" and dates_in(text) & stale:
            yield f"a date ({where})"
        if tag >> 16 & 1 and "safe-private" not in options.retain:
            yield f"a private attribute ({where})"
