"""What in the files of a cohort looks as if it named someone: for a warning, not for cleaning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from suffice.privacy.attributes import texts_of
from suffice.privacy.cleaning import kind_of
from suffice.privacy.dates import dates_in
from suffice.privacy.dicom import read_dicom
from suffice.privacy.texts import texts_of_file
from suffice.privacy.values import field_of

_PERSON_TAGS = {
    0x00100010: "PatientName",
    0x00100020: "PatientID",
    0x00100030: "PatientBirthDate",
    0x00101040: "PatientAddress",
    0x00102154: "PatientTelephoneNumbers",
    0x00080090: "ReferringPhysicianName",
    0x00080050: "AccessionNumber",
    0x00080080: "InstitutionName",
    0x00080081: "InstitutionAddress",
}
_REMOVED = 0x00120062
_NAMED = re.compile(r"[^\W\d_]{2,}\^[^\W\d_]{1,}")
_LONG_NUMBER = re.compile(r"(?<![\d.])\d{7,12}(?![\d.])")


@dataclass(frozen=True, slots=True)
class Trace:
    """What was seen in a file: its kind and place, never the value."""

    what: str


def traces_in(path: Path) -> Iterator[Trace]:
    """Look at the header and the name of a file, or of the first file of a DICOM folder.

    A DICOM file that says that identity was removed is taken at its word. Headers that cannot be
    read are passed over.
    """
    first = _first(path)
    if first is None:
        return
    yield from (Trace(f"{what} in the name of the file") for what in _looks(path.name))
    kind = kind_of(first)
    if kind == "dicom_file":
        yield from _in_dicom(first)
        return
    if kind in ("nifti_file", "png_file", "jpeg_file", "tiff_file", "itk_file"):
        for field, text in texts_of_file(first, kind):
            name = field if field.isidentifier() and len(field) <= 40 else "a field of text"
            if field_of(field) in ("person", "subject") and text.strip():
                yield Trace(f"the field {name}")
            for what in _looks(text):
                yield Trace(f"{what} in {name}")


def traces_in_name(name: str) -> Iterator[Trace]:
    """Say what the name of a case or subject looks like."""
    yield from (Trace(f"{what} in the name") for what in _looks(name))


def _first(path: Path) -> Path | None:
    if not path.is_dir():
        return path if path.is_file() else None
    files = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
    return files[0] if files else None


def _in_dicom(path: Path) -> Iterator[Trace]:
    try:
        header = read_dicom(path, header_only=True)
    except Exception:
        return
    found = {tag: text for tag, _, text in texts_of(header) if tag in (*_PERSON_TAGS, _REMOVED)}
    if found.get(_REMOVED, "").upper() == "YES":
        return
    yield from (Trace(_PERSON_TAGS[tag]) for tag in found if tag in _PERSON_TAGS)


def _looks(text: str) -> Iterable[str]:
    if _NAMED.search(text):
        yield "a name"
    if dates_in(text):
        yield "a date"
    elif _LONG_NUMBER.search(text):
        yield "a long number"
