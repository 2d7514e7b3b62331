"""The layout of the Medical Segmentation Decathlon: a list of pairs in ``dataset.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

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
from suffice.io.layouts.names import is_scan, listed, subject_of, visit_of, walk
from suffice.io.left_out import LeftOut


class Msd:
    """``dataset.json`` with ``training`` (image and label) and ``test`` (image)."""

    name = "msd"

    def detect(self, source: Path) -> str | None:
        """Look for a list of training pairs in ``dataset.json``."""
        training = peek(source).get("training")
        if not isinstance(training, list) or not training:
            return None
        return f"its dataset.json lists {len(training)} training images with their labels"

    def collect(self, source: Path) -> Draft:
        """Take what ``dataset.json`` lists; list what lies beside it or is missing."""
        content = read_dataset_json(source)
        labels, notes = labels_of(content)
        channels = channels_of(content)
        left_out: list[LeftOut] = []
        cases: list[DraftCase] = []
        taken: set[Path] = set()
        for image, mask in _entries(content, source):
            if not image.is_file():
                left_out.append(LeftOut(image, "listed in dataset.json, but not there"))
                continue
            if mask is not None and not mask.is_file():
                left_out.append(LeftOut(mask, "listed in dataset.json, but not there"))
                mask = None
            taken |= {image, mask or image}
            cases.append(DraftCase(_case(image, mask, {item.case.name for item in cases})))
        for folder in ("imagesTr", "imagesTs"):
            left_out += [
                LeftOut(path, "not listed in dataset.json")
                for path in _others(source, folder, taken)
            ]
        if len(channels) > 1:
            names = listed(channel.name for channel in channels)
            notes.append(f"Each file holds {len(channels)} channels: {names}")
        channel = channels[0] if channels else Channel()
        return Draft(
            cases=tuple(cases),
            channels=(replace(channel, name=DEFAULT_CHANNEL),),
            labels=labels or None,
            ignore=ignore_of(content),
            orphans=tuple(_others(source, "labelsTr", taken)),
            left_out=tuple(left_out),
            notes=tuple(notes),
        )


def _entries(content: Mapping[str, Any], source: Path) -> list[tuple[Path, Path | None]]:
    entries: list[tuple[Path, Path | None]] = []
    for item in [*(content.get("training") or []), *(content.get("test") or [])]:
        if isinstance(item, dict) and "image" in item:
            label = item.get("label")
            entries.append((source / str(item["image"]), source / str(label) if label else None))
        elif isinstance(item, str):
            entries.append((source / item, None))
    return entries


def _case(image: Path, mask: Path | None, names: set[str]) -> Case:
    stem = stem_of(image)
    name = f"{image.parent.name}-{stem}" if stem in names else stem
    subject = subject_of(stem)
    return Case(
        name,
        name if subject == stem else subject,
        {DEFAULT_CHANNEL: image},
        {DEFAULT_RATER: mask} if mask else {},
        visit_of(stem),
    )


def _others(source: Path, folder: str, taken: set[Path]) -> list[Path]:
    place = source / folder
    if not place.is_dir():
        return []
    return [path for path in walk(place) if is_scan(path) and path not in taken]
