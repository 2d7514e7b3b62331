"""``cohort.toml``: channels and labels stay, their names by the words that name no one."""

from __future__ import annotations

import tomllib
from pathlib import Path, PurePath

from suffice.files import toml
from suffice.privacy.cleaning import Done, Job
from suffice.privacy.refused import Refused
from suffice.privacy.vocabulary import clean_text

_TABLES = ("channel", "label")
_PLAIN = ("value", "modality", "unit", "colour", "code")


def clean(source: Path, target: Path, relative: PurePath, job: Job) -> Done:
    """Write the settings of a cohort anew; comments in the file go."""
    try:
        found = tomllib.loads(source.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise Refused("no TOML") from None
    name = str(found.get("name", ""))
    lines = [f"name = {toml(_named(name, job))}"]
    if isinstance(found.get("ignore"), int):
        lines.append(f"ignore = {found['ignore']}")
    for table in _TABLES:
        for row in found.get(table, []):
            lines += ["", f"[[{table}]]", f"name = {toml(_row_name(row, table, job))}"]
            lines += [f"{key} = {toml(row[key])}" for key in _PLAIN if key in row]
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {"cleaned": {"name", "comments"}}


def _named(text: str, job: Job) -> str:
    return clean_text(text, job.forbidden) or (job.key.pseudonym(text) if text else "cohort")


def _row_name(row: dict[str, object], table: str, job: Job) -> str:
    """Names of labels and channels are those of structures: kept unless a person's is in them."""
    name = str(row.get("name", ""))
    parts = {part.casefold() for part in name.replace("-", " ").replace("_", " ").split()}
    return name if not parts & job.forbidden else _named(name, job)
