"""nnU-Net's layout: ``imagesTr/CASE_0000``, ``labelsTr/CASE``, names in ``dataset.json``."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from suffice.core import DEFAULT_CHANNEL, DEFAULT_RATER, Case, Channel
from suffice.io.formats import stem_of
from suffice.io.layouts.dataset_json import (
    channels_of,
    ignore_of,
    labels_of,
    peek,
    read_dataset_json,
)
from suffice.io.layouts.draft import Draft, DraftCase
from suffice.io.layouts.names import is_paper, is_scan, subject_of, visit_of, walk
from suffice.io.left_out import LeftOut

_CHANNEL_FILE = re.compile(r"^(?P<case>.+)_(?P<channel>\d{4})$")
_PARTS = (("imagesTr", "labelsTr"), ("imagesTs", "labelsTs"))


class NnUNet:
    """A file for each channel, numbered ``_0000`` and on; ``imagesTs`` comes in unlabelled."""

    name = "nnunet"

    def detect(self, source: Path) -> str | None:
        """Look for channel suffixes in ``imagesTr`` beside a ``dataset.json``."""
        folder = source / "imagesTr"
        if not folder.is_dir() or not peek(source):
            return None
        n = sum(is_scan(p) and _CHANNEL_FILE.match(stem_of(p)) is not None for p in walk(folder))
        return f"it has dataset.json and {n} files imagesTr/CASE_0000" if n else None

    def collect(self, source: Path) -> Draft:
        """Gather the channels of each case."""
        content = read_dataset_json(source)
        labels, notes = labels_of(content)
        left_out: list[LeftOut] = []
        found = [
            (images, case, files, labels_folder)
            for images, labels_folder in _PARTS
            for case, files in _channel_files(source / images, left_out).items()
        ]
        numbers = sorted({number for _, _, files, _ in found for number in files})
        channels = _channels(channels_of(content), numbers)
        cases: list[DraftCase] = []
        taken: set[Path] = set()
        for images, stem, files, labels_folder in found:
            missing = [number for number in numbers if number not in files]
            if missing:
                first = next(iter(files.values()))
                left_out.append(LeftOut(first, f"its channel {missing[0]:04d} is missing"))
                continue
            mask = next((p for p in _named(source / labels_folder, stem)), None)
            taken |= {mask} if mask else set()
            names = {item.case.name for item in cases}
            name = f"{images}-{stem}" if stem in names else stem
            subject = subject_of(stem)
            cases.append(
                DraftCase(
                    Case(
                        name,
                        name if subject == stem else subject,
                        {channels[n].name: files[n] for n in numbers},
                        {DEFAULT_RATER: mask} if mask else {},
                        visit_of(stem),
                    )
                )
            )
        return Draft(
            cases=tuple(cases),
            channels=tuple(channels.values()),
            labels=labels or None,
            ignore=ignore_of(content),
            orphans=tuple(_masks_not_in(source, taken)),
            left_out=tuple(left_out),
            notes=tuple(notes),
        )


def _channel_files(folder: Path, left_out: list[LeftOut]) -> dict[str, dict[int, Path]]:
    cases: dict[str, dict[int, Path]] = {}
    for path in walk(folder) if folder.is_dir() else ():
        match = _CHANNEL_FILE.match(stem_of(path)) if is_scan(path) else None
        if match:
            cases.setdefault(match["case"], {})[int(match["channel"])] = path
        elif not is_paper(path):
            left_out.append(LeftOut(path, "its name does not end in a channel such as _0000"))
    return cases


def _channels(told: list[Channel], numbers: list[int]) -> dict[int, Channel]:
    """Name the channels that there are files for; one alone is the channel ``image``."""
    if len(numbers) == 1:
        first = told[0] if len(told) == 1 else Channel()
        return {numbers[0]: replace(first, name=DEFAULT_CHANNEL)}
    return {n: told[n] if n < len(told) else Channel(f"{n:04d}") for n in numbers}


def _named(folder: Path, stem: str) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.glob(f"{_literal(stem)}.*")) if stem_of(path) == stem]


def _literal(stem: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", stem)


def _masks_not_in(source: Path, taken: set[Path]) -> list[Path]:
    folders = [source / labels for _, labels in _PARTS if (source / labels).is_dir()]
    return [p for folder in folders for p in walk(folder) if is_scan(p) and p not in taken]
