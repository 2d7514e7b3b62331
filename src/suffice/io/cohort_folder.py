"""A cohort on disk: ``cohort.toml`` says what it holds, ``cases.csv`` where the files lie."""

from __future__ import annotations

import csv
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from suffice.core import (
    DEFAULT_CHANNEL,
    DEFAULT_RATER,
    MODALITIES,
    UNITS,
    Case,
    Channel,
    Cohort,
    CohortError,
    Label,
    Legend,
    Modality,
    SufficeError,
    Unit,
)
from suffice.core.cohort import is_file_name
from suffice.core.legend import COLOURS
from suffice.files import require_free, toml, write_text, writing_file
from suffice.io.left_out import LEFT_OUT_CSV, LeftOut, write_left_out

COHORT_TOML = "cohort.toml"
CASES_CSV = "cases.csv"

_FIXED = ("case", "subject", "visit", "date")
_SPACING = "pixel_spacing_mm"
# What a rater may have a file of, and the columns' names.
_BY_RATER = ("mask", "soft", "instances")


def read_cohort(folder: Path) -> Cohort:
    """Read a cohort folder.

    The files that the table names are not looked for: 100,000 rows cost no more than the table.

    Parameters
    ----------
    folder : Path
        Holds ``cohort.toml`` and ``cases.csv``.

    Raises
    ------
    CohortError
        If either file is missing or wrong; with the line and the cure.
    """
    folder = Path(folder)
    settings = _read_settings(folder)
    channels = tuple(
        _channel(row, i, folder) for i, row in enumerate(_tables(settings, "channel", folder), 1)
    )
    legend = _legend(_tables(settings, "label", folder), settings.get("ignore"), folder)
    cases = _read_cases(folder, [channel.name for channel in channels])
    name = str(settings.get("name") or folder.resolve().name)
    return Cohort(name, folder, channels, legend, cases)


def write_cohort(
    cohort: Cohort, folder: Path, *, left_out: Iterable[LeftOut] = (), overwrite: bool = False
) -> None:
    """Write the tables of a cohort; the images and masks stay where they lie.

    Parameters
    ----------
    cohort : Cohort
    folder : Path
        Where the tables go. Paths in them are relative to it.
    left_out : iterable of LeftOut, optional
        What an import left out; written to ``left_out.csv`` where there is any.
    overwrite : bool
        Whether tables that are there may be replaced.

    Raises
    ------
    StorageError
        If ``folder`` holds a cohort already, or cannot be written.
    """
    folder = Path(folder)
    require_free(folder / COHORT_TOML, overwrite=overwrite)
    left_out = tuple(left_out)
    if left_out:
        write_left_out(folder / LEFT_OUT_CSV, left_out)
    with (
        writing_file(folder / CASES_CSV) as partial,
        partial.open("w", encoding="utf-8", newline="") as handle,
    ):
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerows(_rows(cohort, folder))
    # The reader asks for cohort.toml first: without it, nothing half-written passes for a cohort.
    write_text(folder / COHORT_TOML, _settings_text(cohort))


def _read_settings(folder: Path) -> dict[str, Any]:
    path = folder / COHORT_TOML
    if not path.is_file():
        raise CohortError(
            f"'{folder}' is not a cohort: it has no {COHORT_TOML}",
            cure="Make one with `suffice import SOURCE --out FOLDER`.",
        )
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CohortError(
            f"'{path}' is not valid TOML", got=error, cure="Mend the line or import again."
        ) from error


def _tables(settings: Mapping[str, Any], key: str, folder: Path) -> list[dict[str, Any]]:
    tables = settings.get(key)
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables) or not tables:
        raise CohortError(
            f"'{folder / COHORT_TOML}' has no [[{key}]]",
            cure=f"Write a table [[{key}]] for each {key}, with its name.",
        )
    return tables


def _channel(row: Mapping[str, Any], i: int, folder: Path) -> Channel:
    modality, unit = row.get("modality", "OTHER"), row.get("unit", "none")
    for key, value, known in (("modality", modality, MODALITIES), ("unit", unit, UNITS)):
        if value not in known:
            raise CohortError(
                f"Unknown {key} in [[channel]] {i} of '{folder / COHORT_TOML}'",
                got=repr(value),
                expected=" ".join(known),
            )
    name = str(row.get("name", DEFAULT_CHANNEL))
    return Channel(name, cast(Modality, modality), cast(Unit, unit))


def _legend(rows: list[dict[str, Any]], ignore: object, folder: Path) -> Legend:
    if ignore is not None and type(ignore) is not int:
        raise CohortError(
            f"'ignore' in '{folder / COHORT_TOML}' must be the value of unlabelled voxels",
            got=repr(ignore),
            expected="ignore = 255",
        )
    labels = []
    for i, row in enumerate(rows):
        value, name = row.get("value"), row.get("name")
        if type(value) is not int or not name:
            raise CohortError(
                f"[[label]] {i + 1} of '{folder / COHORT_TOML}' needs a value and a name",
                got=row,
                expected='value = 1, name = "lung"',
            )
        colour = str(row.get("colour") or COLOURS[i % len(COLOURS)])
        labels.append(Label(value, str(name), colour, str(row.get("code") or "") or None))
    try:
        return Legend(tuple(labels), ignore)
    except SufficeError as error:
        raise CohortError(f"The labels of '{folder / COHORT_TOML}' clash", got=error) from error


def _read_cases(folder: Path, channels: list[str]) -> tuple[Case, ...]:
    path = folder / CASES_CSV
    if not path.is_file():
        raise CohortError(f"'{path}' is missing", cure="Import again, or put the table back.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle, strict=True)
            columns = _file_columns(list(reader.fieldnames or ()), channels, path)
            cases: list[Case] = []
            lines: dict[str, int] = {}
            for row in reader:
                where = f"'{path}' line {reader.line_num}"
                case = _case(row, columns, folder, where)
                if case.name in lines:
                    raise CohortError(
                        f"'{path}' line {reader.line_num}: case '{case.name}' is named twice",
                        got=f"it stands in line {lines[case.name]} too",
                        cure="Give each row its own name in the column 'case'.",
                    )
                lines[case.name] = reader.line_num
                cases.append(case)
    except (csv.Error, UnicodeDecodeError) as error:
        raise CohortError(
            f"'{path}' is not a CSV table in UTF-8", got=error, cure="Save it as CSV (UTF-8)."
        ) from error
    return tuple(cases)


def _file_columns(columns: list[str], channels: list[str], path: Path) -> dict[str, dict[str, str]]:
    """Find the column of each channel and of what each rater drew: ``{kind: {name: column}}``."""
    wanted = {channel: column_of("image", channel) for channel in channels}
    missing = [column for column in ("case", *wanted.values()) if column not in columns]
    if missing:
        raise CohortError(
            f"'{path}' line 1 lacks the column {missing[0]}",
            got=", ".join(columns) or "an empty file",
            cure=f"Add the column, or mend the [[channel]] names in {COHORT_TOML}.",
        )
    by_rater: dict[str, dict[str, str]] = {kind: {} for kind in _BY_RATER}
    for column in columns:
        kind, _, name = column.partition("_")
        if kind == "image" and column not in wanted.values():
            raise CohortError(
                f"'{path}' line 1: column '{column}' names a channel unknown to {COHORT_TOML}",
                expected=", ".join(wanted.values()),
                cure="Add a [[channel]] of that name or drop the column.",
            )
        if kind in by_rater:
            rater = name or DEFAULT_RATER
            known = by_rater[kind]
            if rater in known:
                raise CohortError(f"'{path}' line 1: two columns for the rater '{rater}'")
            known[rater] = column
    return {"image": wanted, **by_rater}


def _case(
    row: Mapping[str | None, Any],
    columns: Mapping[str, Mapping[str, str]],
    folder: Path,
    where: str,
) -> Case:
    files = {column for kind in columns.values() for column in kind.values()}
    if None in row:
        raise CohortError(
            f"{where} has more fields than line 1 has columns",
            cure="Put names with commas in double quotes.",
        )
    text = {
        # The name of a file may begin or end with a blank.
        key: value if value.strip() and key in files else value.strip()
        for key, value in ((key, value or "") for key, value in row.items() if key is not None)
    }
    name = text["case"]
    if not is_file_name(name):
        raise CohortError(
            f"{where}: the column 'case' must be a name that a file can have",
            got=repr(name),
            cure="Name it without '/' and without a dot in front.",
        )
    for column in columns["image"].values():
        if not text[column]:
            raise CohortError(
                f"{where}: case '{name}' has no file in column '{column}'",
                cure="Give its path, or drop the row.",
            )

    def paths(kind: str) -> dict[str, Path]:
        named = columns[kind].items()
        return {name: folder / text[column] for name, column in named if text[column]}

    return Case(
        name,
        text.get("subject") or name,
        paths("image"),
        paths("mask"),
        text.get("visit", ""),
        text.get("date", ""),
        _pixel_spacing(text.get(_SPACING, ""), where),
        paths("soft"),
        paths("instances"),
    )


def _pixel_spacing(text: str, where: str) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2 or not all(0 < n < float("inf") for n in numbers):
        raise CohortError(
            f"{where}: {_SPACING} must be one or two positive numbers",
            got=repr(text),
            expected="'0.5' or '0.5 0.25' (row column)",
        )
    return numbers[0], numbers[1]


def column_of(kind: str, name: str) -> str:
    """Name the column of a channel (``"image"``) or a rater (``"mask"``, ``"soft"`` ...).

    Examples
    --------
    >>> column_of("image", "image"), column_of("image", "t1"), column_of("mask", "expert")
    ('image', 'image_t1', 'mask')
    """
    default = DEFAULT_CHANNEL if kind == "image" else DEFAULT_RATER
    return kind if name == default else f"{kind}_{name}"


def _rows(cohort: Cohort, folder: Path) -> Iterable[list[str]]:
    channels = [channel.name for channel in cohort.channels]
    raters = list(cohort.raters)
    soft = list(dict.fromkeys(r for case in cohort.cases for r in case.soft_masks))
    numbered = list(dict.fromkeys(r for case in cohort.cases for r in case.instance_maps))
    spaced = any(case.pixel_spacing_mm for case in cohort.cases)
    relative = _relative_to(folder)
    yield [
        *_FIXED,
        *([_SPACING] if spaced else []),
        *(column_of("image", channel) for channel in channels),
        *(column_of("mask", rater) for rater in raters),
        *(column_of("soft", rater) for rater in soft),
        *(column_of("instances", rater) for rater in numbered),
    ]
    for case in cohort.cases:
        spacing = " ".join(f"{s:.12g}" for s in case.pixel_spacing_mm or ())
        yield [
            *(case.name, case.subject, case.visit, case.date),
            *([spacing] if spaced else []),
            *(relative(case.images[channel]) for channel in channels),
            *(relative(case.masks[rater]) if rater in case.masks else "" for rater in raters),
            *(relative(case.soft_masks[r]) if r in case.soft_masks else "" for r in soft),
            *(relative(case.instance_maps[r]) if r in case.instance_maps else "" for r in numbered),
        ]


def _relative_to(folder: Path) -> Callable[[Path], str]:
    """Make a writer of paths relative to ``folder``; a link to a file keeps its own name."""
    real = cache(Path.resolve)

    def relative(path: Path) -> str:
        return Path(os.path.relpath(real(path.parent) / path.name, real(folder))).as_posix()

    return relative


def _settings_text(cohort: Cohort) -> str:
    lines = [f"name = {toml(cohort.name)}"]
    if cohort.legend.ignore is not None:
        lines += [f"ignore = {cohort.legend.ignore}"]
    for channel in cohort.channels:
        lines += ["", "[[channel]]", f"name = {toml(channel.name)}"]
        lines += [f"modality = {toml(channel.modality)}", f"unit = {toml(channel.unit)}"]
    for label in cohort.legend:
        lines += ["", "[[label]]", f"value = {label.value}", f"name = {toml(label.name)}"]
        lines += [f"colour = {toml(label.colour)}"]
        if label.code:
            lines += [f"code = {toml(label.code)}"]
    return "\n".join(lines) + "\n"
