"""Any regular arrangement, told by patterns of paths with named fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from suffice.core import DEFAULT_CHANNEL, DEFAULT_RATER, Case, Channel, CohortError, UsageError
from suffice.io.layouts.draft import Draft, DraftCase
from suffice.io.layouts.drawing import combined
from suffice.io.layouts.names import is_scan, listed, subject_of, walk
from suffice.io.left_out import LeftOut

_TOKEN = re.compile(r"\{(?P<field>[A-Za-z_]\w*)\}|(?P<deep>\*\*/)|(?P<any>\*)")
_NOT_IN_NAME = ("channel", "rater", "label", "date")

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Images and masks by patterns of their paths relative to the source.

    Parameters
    ----------
    images : str
        E.g. ``{subject}/{visit}/slice-{slice}.png``. A field matches within one folder or file
        name, ``*`` anything there, ``**/`` any folders. ``{subject}``, ``{visit}`` and
        ``{date}`` go into the columns of that name, ``{channel}`` tells the channels of a case
        apart; the other fields tell cases apart.
    masks : str, optional
        The same fields; ``{rater}`` tells masks of a case apart, ``{label}`` the structures of a
        mask that are files of their own.
    """

    images: str
    masks: str | None = None

    name = "pattern"

    def detect(self, source: Path) -> str | None:
        """Count the files that match."""
        n_images, n_masks = len(self._found(source)[0]), len(self._found(source)[1])
        if not n_images:
            return None
        return f"{n_images} files match the pattern of images, {n_masks} that of masks"

    def collect(self, source: Path) -> Draft:
        """Group the files by their fields."""
        images, masks, others = self._found(source)
        if not images:
            raise CohortError(
                f"No file in '{source}' matches '{self.images}'",
                got=f"{len(others)} others, e.g. '{others[0].relative_to(source)}'"
                if others
                else "no files",
                cure="Patterns are relative to the source, with / between folders.",
            )
        self._require_same_fields()
        channels = sorted({fields.get("channel", DEFAULT_CHANNEL) for _, fields in images})
        labels = sorted({fields["label"] for _, fields in masks if "label" in fields})
        grouped = _grouped(images)
        masks_of = _grouped(masks)
        left_out: list[LeftOut] = []
        cases = []
        for name, rows in grouped.items():
            files = {fields.get("channel", DEFAULT_CHANNEL): path for path, fields in rows}
            missing = [channel for channel in channels if channel not in files]
            if missing:
                left_out.append(LeftOut(rows[0][0], f"no file for the channel '{missing[0]}'"))
                continue
            cases.append(_draft_case(name, files, rows[0][1], masks_of.get(name, []), labels))
        orphans = [path for n, rows in masks_of.items() if n not in grouped for path, _ in rows]
        notes = []
        if others:
            names = listed((str(path.relative_to(source)) for path in others), 3)
            notes.append(f"{len(others)} files match neither pattern, e.g. {names}")
        return Draft(
            cases=tuple(cases),
            channels=tuple(Channel(channel) for channel in channels),
            labels=dict(enumerate(labels, 1)) or None,
            orphans=tuple(orphans),
            left_out=tuple(left_out),
            notes=tuple(notes),
        )

    def _found(
        self, source: Path
    ) -> tuple[list[tuple[Path, Fields]], list[tuple[Path, Fields]], list[Path]]:
        """Sort the files into images, masks and others, with their fields."""
        image_re = compile_pattern(self.images)
        mask_re = compile_pattern(self.masks) if self.masks else None
        images: list[tuple[Path, Fields]] = []
        masks: list[tuple[Path, Fields]] = []
        others: list[Path] = []
        for path in walk(source):
            relative = path.relative_to(source).as_posix()
            if mask_re and (match := mask_re.fullmatch(relative)):
                masks.append((path, match.groupdict()))
            elif match := image_re.fullmatch(relative):
                images.append((path, match.groupdict()))
            elif is_scan(path):
                others.append(path)
        return images, masks, others

    def _require_same_fields(self) -> None:
        if not self.masks:
            return
        image_fields, mask_fields = (
            set(compile_pattern(p).groupindex) - set(_NOT_IN_NAME)
            for p in (self.images, self.masks)
        )
        if image_fields != mask_fields:
            raise UsageError(
                "The patterns of images and masks must name the same fields",
                got=" ".join(sorted(image_fields ^ mask_fields)) + " in one of them alone",
                cure="Write * where a part does not matter; {rater} and {channel} may differ.",
            )


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Turn a pattern of paths into a regular expression.

    Raises
    ------
    UsageError
        If the pattern has no field, or a brace that does not close.

    Examples
    --------
    >>> compile_pattern("{subject}/mask-{rater}/*.png").fullmatch("p1/mask-2/a.png").groupdict()
    {'subject': 'p1', 'rater': '2'}
    """
    parts: list[str] = []
    seen: set[str] = set()
    end = 0
    for token in _TOKEN.finditer(pattern):
        parts.append(re.escape(pattern[end : token.start()]))
        field = token["field"]
        if field:
            parts.append(f"(?P={field})" if field in seen else f"(?P<{field}>[^/]+?)")
            seen.add(field)
        else:
            parts.append("(?:.*/)?" if token["deep"] else "[^/]*")
        end = token.end()
    rest = re.escape(pattern[end:])
    text = "".join(parts) + rest
    if not seen or "{" in re.sub(_TOKEN, "", pattern) or "}" in re.sub(_TOKEN, "", pattern):
        raise UsageError(
            "A pattern needs fields in braces",
            got=repr(pattern),
            expected="e.g. '{subject}/images/slice-{slice}.png'",
        )
    return re.compile(text)


def _grouped(rows: Iterable[tuple[Path, Fields]]) -> dict[str, list[tuple[Path, Fields]]]:
    cases: dict[str, list[tuple[Path, Fields]]] = {}
    for path, fields in rows:
        cases.setdefault(_case_name(fields), []).append((path, fields))
    return cases


def _case_name(fields: Fields) -> str:
    """Join the fields; a bare number gets the name of its field before it."""
    parts = [
        f"{field}-{value}" if value.isdecimal() and len(fields) > 1 else value
        for field, value in sorted(fields.items(), key=lambda item: _place(item[0]))
        if field not in _NOT_IN_NAME
    ]
    return "_".join(parts) or "case"


def _place(field: str) -> int:
    first = ("subject", "visit")
    return first.index(field) if field in first else len(first)


def _draft_case(
    name: str,
    files: Mapping[str, Path],
    fields: Fields,
    masks: list[tuple[Path, Fields]],
    labels: list[str],
) -> DraftCase:
    case = Case(
        name,
        fields.get("subject") or subject_of(name),
        files,
        visit=fields.get("visit", ""),
        date=fields.get("date", ""),
    )
    by_rater: dict[str, list[tuple[Path, Fields]]] = {}
    for path, own in masks:
        by_rater.setdefault(own.get("rater", DEFAULT_RATER), []).append((path, own))
    if not labels:
        paths = {rater: rows[0][0] for rater, rows in by_rater.items()}
        return DraftCase(Case(case.name, case.subject, files, paths, case.visit, case.date))
    value_of = {label: value for value, label in enumerate(labels, 1)}
    drawings = {
        rater: combined([(value_of[own["label"]], path) for path, own in rows])
        for rater, rows in by_rater.items()
    }
    return DraftCase(case, drawings)
