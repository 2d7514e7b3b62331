"""JSON side-cars and annotations: numbers and known words stay, names of files are mapped."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePath
from typing import Any

from suffice.privacy.cleaning import Done, Job
from suffice.privacy.refused import Refused
from suffice.privacy.values import capped_age, cleaned_path, cleaned_text, field_of

_LARGEST_BYTES = 512 * 2**20
_LONGEST_NUMBER = 10**7
# A date or a number of a person in the name of a field.
_LONG = re.compile(r"\d{4}")
# Of annotations, BIDS and ourselves: what a file must say for others to understand it.
_STRUCTURE = {
    *("id", "image_id", "category_id", "annotations", "images", "categories", "segmentation"),
    *("bbox", "area", "iscrowd", "width", "height", "counts", "size", "supercategory"),
}


def clean(source: Path, target: Path, relative: PurePath, job: Job) -> Done:
    """De-identify a JSON file."""
    if source.stat().st_size > _LARGEST_BYTES:
        raise Refused("a JSON file of more than 512 MiB")
    try:
        found = json.loads(source.read_text(encoding="utf-8-sig"))
    except ValueError:
        raise Refused("no JSON") from None
    done: Done = {}
    kept = _cleaned(found, "", relative, job, done)
    target.write_text(json.dumps(kept, indent=1, ensure_ascii=True) + "\n", encoding="ascii")
    return done


def _cleaned(value: Any, name: str, relative: PurePath, job: Job, done: Done) -> Any:
    if isinstance(value, dict):
        return _members(value, relative, job, done)
    if isinstance(value, list):
        items = [_cleaned(item, name, relative, job, done) for item in value]
        return [item for item in items if item is not None]
    if isinstance(value, bool) or value is None:
        return value
    kept: str | float | None = None
    if isinstance(value, int | float):
        kept = _number(value, name, job)
    elif isinstance(value, str):
        kept = _text(value, name, relative, job) or None
    if kept != value:
        done.setdefault("removed" if kept is None else "replaced", set()).add(_word(name))
    return kept


def _members(value: dict[str, Any], relative: PurePath, job: Job, done: Done) -> dict[str, Any]:
    members = {}
    for name, inner in value.items():
        field = field_of(name)
        is_named = isinstance(inner, dict | list) and name in _STRUCTURE
        if field == "person" and not is_named and name not in ("name", "file_name"):
            done.setdefault("removed", set()).add(_word(name))
            continue
        kept = _cleaned(inner, name, relative, job, done)
        # A name of a member may itself be that of a file or a person.
        is_plain = name.isidentifier() and not _LONG.search(name)
        label = name if is_plain and not _names_someone(name, job) else None
        if kept is not None or inner is None:
            members[label or job.names.path(PurePath(name)).as_posix()] = kept
    return members


def _number(value: float, name: str, job: Job) -> float | None:
    field = field_of(name)
    if name in _STRUCTURE:
        return value
    if field == "age":
        return min(value, 90) if "patient" in job.options.retain else None
    is_long = isinstance(value, int) and abs(value) >= _LONGEST_NUMBER
    is_known = str(value).casefold() in job.forbidden
    return None if is_long or is_known or field in ("subject", "date", "person") else value


def _text(value: str, name: str, relative: PurePath, job: Job) -> str:
    field = field_of(name)
    if field == "path" or name == "file_name":
        return cleaned_path(value, relative, job)
    if field == "subject":
        return job.names.subject(value)
    if field in ("age", "sex") and "patient" not in job.options.retain:
        return ""
    if field == "age":
        return capped_age(value)
    if field == "visit":
        return job.names.stem(value)
    return cleaned_text(value, job, None)


def _names_someone(name: str, job: Job) -> bool:
    return any(part.casefold() in job.forbidden for part in name.split("_"))


def _word(name: str) -> str:
    return f"field {name}" if name.isidentifier() and len(name) <= 40 else "field of text"
