"""Tables: subjects become pseudonyms, dates are shifted, files get their new names."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

from suffice.privacy.cleaning import Done, Job
from suffice.privacy.dates import dates_in
from suffice.privacy.refused import Refused
from suffice.privacy.values import capped_age, cleaned_path, cleaned_text, field_of
from suffice.privacy.vocabulary import tokens_of

CASES_CSV = "cases.csv"
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d*)?")
_LABEL = "sub-"


def clean(source: Path, target: Path, relative: PurePath, job: Job) -> Done:
    """De-identify a table of comma or tab separated values with a header, row by row."""
    mark = "\t" if source.suffix.lower() == ".tsv" else ","
    done: Done = {}
    try:
        with (
            source.open(encoding="utf-8-sig", newline="") as reader,
            target.open("w", encoding="utf-8", newline="") as writer,
        ):
            rows = csv.reader(reader, delimiter=mark, strict=True)
            out = csv.writer(writer, delimiter=mark, lineterminator="\n")
            header = next(rows, [])
            if any(_is_value(name) for name in header):
                raise Refused("its first row holds values and names no columns")
            out.writerow([_column(name, relative, job) for name in header])
            for row in rows:
                out.writerow(list(_row(row, header, relative, job, done)))
    except (csv.Error, UnicodeDecodeError):
        raise Refused("no table of text in UTF-8") from None
    return done


def _kind(column: str, table: str) -> str:
    if table == CASES_CSV and column == "case":
        return "case"
    return field_of(column)


def _column(name: str, relative: PurePath, job: Job) -> str:
    """Keep the name of a column, but for that of a rater in it."""
    if relative.name != CASES_CSV:
        return job.names.stem(name) if any(p in job.forbidden for p in _parts(name)) else name
    kind, _, rater = name.partition("_")
    if kind in ("mask", "soft", "instances") and rater:
        return f"{kind}_{job.names.stem(rater)}"
    return name


def _row(
    row: list[str], header: list[str], relative: PurePath, job: Job, done: Done
) -> Iterator[str]:
    subject = next(
        (t for n, t in zip(header, row, strict=False) if _kind(n, relative.name) == "subject"), ""
    ).strip()
    label = subject.removeprefix(_LABEL)
    days = job.key.days(label) if label else None
    for i, text in enumerate(row):
        kind = _kind(header[i], relative.name) if i < len(header) else "person"
        kept = _cell(text, kind, relative, job, days)
        if kept != text:
            column = _column(header[i], relative, job) if i < len(header) else ""
            name = column if column.isidentifier() else "of text"
            done.setdefault("replaced" if kept else "emptied", set()).add(f"column {name}")
        yield kept


def _cell(text: str, kind: str, relative: PurePath, job: Job, days: int | None) -> str:
    if not text.strip():
        return ""
    label = text.strip().removeprefix(_LABEL)
    head = _LABEL if text.strip().startswith(_LABEL) else ""
    keeps_people = "patient" in job.options.retain
    by_kind: dict[str, Callable[[], str]] = {
        "subject": lambda: head + job.names.subject(label),
        "case": lambda: job.names.stem(text.strip()),
        "visit": lambda: job.names.stem(text.strip()),
        "person": lambda: "",
        "path": lambda: cleaned_path(text.strip(), relative, job),
        "age": lambda: capped_age(text.strip()) if keeps_people else "",
        "sex": lambda: cleaned_text(text, job, None) if keeps_people else "",
    }
    return by_kind.get(kind, lambda: cleaned_text(text, job, days))()


def _parts(name: str) -> list[str]:
    return [token.casefold() for token in tokens_of(name)]


def _is_value(name: str) -> bool:
    """Whether the name of a column is a number, a date or the name of a person."""
    return bool(_NUMBER.fullmatch(name.strip()) or dates_in(name) or "^" in name)
