"""Any regular arrangement, told by patterns of paths with named fields."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from suffice.core import DEFAULT_CHANNEL, DEFAULT_RATER, Case, Channel, CohortError, SufficeError
from suffice.io.layouts.draft import Draft, DraftCase, Drawing
from suffice.io.layouts.drawing import combined
from suffice.io.layouts.fields import (
    Fields,
    MaskPattern,
    case_name,
    compile_pattern,
    require_same_fields,
)
from suffice.io.layouts.names import is_scan, listed, subject_of, walk
from suffice.io.layouts.stacks import Stack
from suffice.io.left_out import LeftOut

Row = tuple[Path, Fields]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Images and masks by patterns of their paths relative to the source.

    Parameters
    ----------
    images : str
        E.g. ``{subject}/{visit}/slice-{slice}.png``. A field matches within one folder or file
        name, ``*`` anything there, ``**/`` any folders. ``{subject}``, ``{visit}`` and
        ``{date}`` go into the columns of that name, ``{channel}`` tells the channels of a case
        apart, ``{z}`` the slices of a volume; the other fields tell cases apart.
    masks : sequence of str
        The same fields; ``{rater}`` tells masks of a case apart, ``{label}`` the structures of a
        mask that are files of their own. ``NAME=`` before a pattern names the rater of all.
    """

    images: str
    masks: Sequence[str] = ()

    name = "pattern"

    def detect(self, source: Path) -> str | None:
        """Count the files that match."""
        found = self._found(source)
        if not found.images:
            return None
        return (
            f"{len(found.images)} files match the pattern of images, {len(found.masks)} that of "
            "masks"
        )

    def collect(self, source: Path) -> Draft:
        """Group the files by their fields."""
        found = self._found(source)
        if not found.images:
            others = found.others
            raise CohortError(
                f"No file in '{source}' matches '{self.images}'",
                got=f"{len(others)} others, e.g. '{others[0].relative_to(source)}'"
                if others
                else "no files",
                cure="Patterns are relative to the source, with / between folders.",
            )
        require_same_fields(compile_pattern(self.images), self._mask_patterns())
        gathering = _Gathering(
            channels=sorted({row.get("channel", DEFAULT_CHANNEL) for _, row in found.images}),
            labels=sorted({row["label"] for _, row in found.masks if "label" in row}),
        )
        grouped, masks_of = _grouped(found.images), _grouped(found.masks)
        for name, rows in grouped.items():
            gathering.take(name, rows, masks_of.get(name, []))
        orphans = [path for n, rows in masks_of.items() if n not in grouped for path, _ in rows]
        notes = []
        if found.others:
            names = listed((str(path.relative_to(source)) for path in found.others), 3)
            notes.append(f"{len(found.others)} files match neither pattern, e.g. {names}")
        return Draft(
            cases=tuple(gathering.cases),
            channels=tuple(Channel(channel) for channel in gathering.channels),
            labels=dict(enumerate(gathering.labels, 1)) or None,
            orphans=tuple(orphans),
            left_out=tuple(gathering.left_out),
            notes=tuple(notes),
        )

    def _mask_patterns(self) -> list[MaskPattern]:
        return [MaskPattern.of(text) for text in self.masks]

    def _found(self, source: Path) -> _Found:
        """Sort the files into images, masks and others, with their fields."""
        image_re = compile_pattern(self.images)
        mask_patterns = self._mask_patterns()
        found = _Found()
        for path in walk(source):
            relative = path.relative_to(source).as_posix()
            fields = (each.fields_of(relative) for each in mask_patterns)
            known = next((each for each in fields if each is not None), None)
            if known is not None:
                found.masks.append((path, known))
            elif match := image_re.fullmatch(relative):
                found.images.append((path, match.groupdict()))
            elif is_scan(path):
                found.others.append(path)
        return found


@dataclass(frozen=True, slots=True)
class _Found:
    images: list[Row] = field(default_factory=list)
    masks: list[Row] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Gathering:
    """Cases made of files, one after the other, and the files that fit none."""

    channels: list[str]
    labels: list[str]
    cases: list[DraftCase] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def take(self, name: str, images: list[Row], masks: list[Row]) -> None:
        """Make a case of the files that bear its name."""
        by_channel = _by(images, "channel", DEFAULT_CHANNEL)
        missing = [channel for channel in self.channels if channel not in by_channel]
        if missing:
            self.left_out.append(LeftOut(images[0][0], f"no file for the channel '{missing[0]}'"))
            return
        fields = images[0][1]
        item = DraftCase(
            Case(
                name,
                fields.get("subject") or subject_of(name),
                {channel: self._only(rows, "image") for channel, rows in by_channel.items()},
                visit=fields.get("visit", ""),
                date=fields.get("date", ""),
            )
        )
        if "z" in fields:
            try:
                stacks = {channel: _stack(rows) for channel, rows in by_channel.items()}
            except SufficeError as error:
                self.left_out.append(LeftOut(images[0][0], str(error)))
                return
            item = replace(item, stacks=stacks)
        self.cases.append(self._with_masks(item, _by(masks, "rater", DEFAULT_RATER)))

    def _with_masks(self, item: DraftCase, by_rater: dict[str, list[Row]]) -> DraftCase:
        drawings: dict[str, Drawing] = {}
        paths: dict[str, Path] = {}
        for rater, rows in by_rater.items():
            if any("label" in own for _, own in rows):
                value_of = {label: value for value, label in enumerate(self.labels, 1)}
                parts = [(value_of[own["label"]], path) for path, own in rows if "label" in own]
                drawings[rater] = combined(parts)
            elif item.stacks:
                try:
                    drawings[rater] = _stack(rows).drawing()
                except SufficeError as error:
                    self.left_out.append(LeftOut(rows[0][0], str(error)))
            else:
                paths[rater] = self._only(rows, f"mask by '{rater}'")
        return replace(item, case=replace(item.case, masks=paths), drawings=drawings)

    def _only(self, rows: list[Row], kind: str) -> Path:
        """Take the first file; the others, where files are no slices, are left out."""
        first, fields = rows[0]
        if "z" not in fields:
            reason = f"a second {kind} of its case; '{first.name}' was taken"
            self.left_out.extend(LeftOut(path, reason) for path, _ in rows[1:])
        return first


def _grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    cases: dict[str, list[Row]] = {}
    for path, fields in rows:
        cases.setdefault(case_name(fields), []).append((path, fields))
    return cases


def _by(rows: Iterable[Row], key: str, default: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for path, fields in rows:
        groups.setdefault(fields.get(key, default), []).append((path, fields))
    return groups


def _stack(rows: Sequence[Row]) -> Stack:
    return Stack.of([(fields["z"], path) for path, fields in rows])
