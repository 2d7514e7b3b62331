"""Values of side-cars and tables: judged by the name of their field and by what they look like."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Literal

from suffice.privacy.cleaning import Job
from suffice.privacy.dates import dates_in, shifted
from suffice.privacy.vocabulary import clean_text, tokens_of

Field = Literal["subject", "visit", "date", "person", "path", "age", "sex", "text"]

_SPLIT = re.compile(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SUBJECT = {"participant", "participants", "subject", "subjects", "patient", "pat", "mrn", "case"}
_PERSON = {
    *("name", "surname", "firstname", "lastname", "physician", "operator", "radiologist", "doctor"),
    *("address", "street", "city", "zip", "postcode", "phone", "telephone", "email", "fax", "ssn"),
    *("insurance", "institution", "institutional", "hospital", "department", "station", "site"),
    *("serial", "accession", "uid", "uids", "guid", "uuid", "url", "comment", "comments", "note"),
    *("notes", "remarks", "history", "referring", "performing", "requesting", "author", "creator"),
    *("observer", "annotator", "initials", "birth", "birthday", "dob", "occupation", "religion"),
    *("ethnicity", "race", "nationality", "country", "mac", "ip", "host", "user", "username"),
}
_DATE = {"date", "datetime", "day", "timestamp", "acquired", "created", "modified"}
_PATH = {
    *("file", "filename", "path", "paths", "image", "images", "mask", "masks", "soft", "instances"),
    *("intended", "sources", "source", "raw", "scan", "img"),
}
_AGE, _SEX, _VISIT = {"age"}, {"sex", "gender"}, {"visit", "session"}
_NUMBER = re.compile(r"[-+]?(?:\d{1,7}(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?")
_OLDEST = 90


def field_of(name: str) -> Field:
    """Judge a field by its name.

    Examples
    --------
    >>> [field_of(n) for n in ("participant_id", "AcquisitionDate", "PatientName", "EchoTime")]
    ['subject', 'date', 'person', 'text']
    """
    words = {word.casefold() for word in _SPLIT.split(name) if word}
    if words & _PERSON and not words <= {"file", "name"}:
        return "person"
    if words & _DATE:
        return "date"
    if words & _PATH:
        return "path"
    if words & _SUBJECT:
        return "subject"
    if words & _VISIT:
        return "visit"
    if words & _SEX:
        return "sex"
    return "age" if words & _AGE else "text"


def cleaned_text(text: str, job: Job, days: int | None) -> str:
    """Keep of a text numbers, shifted dates and words that name no one.

    Parameters
    ----------
    days : int or None
        The shift of the subject's dates; ``None`` removes them.
    """
    plain = text.strip()
    if not plain:
        return ""
    if job.options.dates == "keep" and dates_in(plain) and shifted(plain, 0) == plain:
        return plain
    if dates_in(plain):
        moved = None if days is None or job.options.dates != "shift" else shifted(plain, days)
        tail = (moved or "")[10:]
        return moved or "" if not re.search(r"[A-SU-Ya-z]", tail) else ""
    if _NUMBER.fullmatch(plain):
        return "" if plain.casefold() in job.forbidden else plain
    return clean_text(plain, job.forbidden)


def cleaned_path(text: str, relative: PurePath, job: Job) -> str:
    """Give the new name of a file that another names; words of it where it is not there."""
    for base in (relative.parent, PurePath()):
        normal = _normal(base / text)
        if normal in job.targets:
            here = job.targets[relative].parent if relative in job.targets else PurePath()
            return _relative(job.targets[normal], here if base != PurePath() else PurePath())
    return job.names.path(PurePath(*PurePath(text).parts)).as_posix() if tokens_of(text) else ""


def capped_age(text: str) -> str:
    """Ages above ninety are so rare that they identify."""
    try:
        return text if float(text) < _OLDEST else str(_OLDEST)
    except ValueError:
        return ""


def _normal(path: PurePath) -> PurePath:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return PurePath(*parts)


def _relative(path: PurePath, folder: PurePath) -> str:
    up, below = 0, list(folder.parts)
    while below and path.parts[: len(below)] != tuple(below):
        below.pop()
        up += 1
    return "/".join([*[".."] * up, *path.parts[len(below) :]])
