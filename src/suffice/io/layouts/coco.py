"""COCO: outlines of instances as polygons or run lengths in JSON, images beside."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from suffice.core import DEFAULT_CHANNEL, DEFAULT_RATER, Case, CohortError
from suffice.io.formats import stem_of, suffix_of
from suffice.io.layouts.coco_outlines import Outline, fill, sound_outline
from suffice.io.layouts.draft import Draft, DraftCase, Drawing, LabelArray
from suffice.io.layouts.names import is_augmented_copy, is_scan, listed, subject_of, walk
from suffice.io.left_out import LeftOut

_KEYS = ("images", "annotations", "categories")
_DEPTH = 3


@dataclass(slots=True)
class _Listed:
    """An image as a JSON lists it; ``outlines`` are (category, segmentation)."""

    json_path: Path
    file_name: str
    size: tuple[int, int]
    outlines: list[tuple[str, Outline]] = field(default_factory=list)
    n_without: int = 0


class Coco:
    """One JSON or several, e.g. one a folder ``train``, ``valid`` and ``test``."""

    name = "coco"

    def detect(self, source: Path) -> str | None:
        """Look for JSON files with images, annotations and categories."""
        found = [path for path in _jsons(source) if _is_coco(path)]
        if not found:
            return None
        names = listed([str(path.relative_to(source)) for path in found], 3)
        return f"{names} list images, annotations and categories as COCO does"

    def collect(self, source: Path) -> Draft:
        """Gather the outlines of each image, to be filled when its size is known."""
        contents = {path: _load(path) for path in _jsons(source) if _is_coco(path)}
        if not contents:
            raise CohortError(f"'{source}' has no COCO JSON", cure="Choose another layout.")
        images = [item for path, content in contents.items() for item in _images(path, content)]
        if not any(item.outlines for item in images):
            n = sum(len(content["annotations"]) for content in contents.values())
            raise CohortError(
                f"Every segmentation in the COCO JSON of '{source}' is empty",
                got=f"{n} annotations with bounding boxes alone",
                expected="polygons or run lengths",
                cure="Export it again with outlines: boxes are no masks.",
            )
        left_out: list[LeftOut] = []
        values, notes = _values(contents, images, left_out)
        cases = _cases(source, images, values, left_out)
        return Draft(
            cases=tuple(cases),
            labels={value: name for name, value in values.items()},
            left_out=tuple(left_out),
            notes=(*notes, *_remarks(cases, contents)),
        )


def _jsons(source: Path) -> list[Path]:
    return [path for path in walk(source, _DEPTH) if suffix_of(path) == ".json"]


def _is_coco(path: Path) -> bool:
    text = path.read_bytes()
    if not all(f'"{key}"'.encode() in text for key in _KEYS):
        return False
    try:
        content = json.loads(text)
    except ValueError:
        # A damaged file is said to be one when it is read.
        return True
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in _KEYS)


def _load(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except ValueError as error:
        raise CohortError(f"'{path}' is not JSON", got=error, cure="Export it again.") from error


def _images(path: Path, content: Mapping[str, Any]) -> list[_Listed]:
    """List the images of a JSON with their outlines, in the order of the file."""
    try:
        names = {row["id"]: str(row["name"]) for row in content["categories"]}
        images = {
            row["id"]: _Listed(path, str(row["file_name"]), (int(row["height"]), int(row["width"])))
            for row in content["images"]
        }
        for row in content["annotations"]:
            image = images[row["image_id"]]
            name = names[row["category_id"]]
            outline = sound_outline(row.get("segmentation"), image.size)
            if outline is None:
                image.n_without += 1
            else:
                image.outlines.append((name, outline))
    except (KeyError, TypeError, ValueError) as error:
        raise CohortError(
            f"'{path}' contradicts itself: an entry lacks or misnames {error}",
            cure="Export it again.",
        ) from error
    return list(images.values())


def _values(
    contents: Mapping[Path, Mapping[str, Any]], images: Sequence[_Listed], left_out: list[LeftOut]
) -> tuple[dict[str, int], list[str]]:
    """Give each category that outlines use its value: its own number where all files agree."""
    used = {name for image in images for name, _ in image.outlines}
    numbers: dict[str, set[int]] = {}
    for path, content in contents.items():
        for row in content["categories"]:
            name, number = str(row["name"]), int(row["id"])
            if name not in used:
                reason = f"category {number} '{name}' has no outline: it is dropped"
                left_out.append(LeftOut(path, reason))
            else:
                numbers.setdefault(name, set()).add(number)
    firsts = {name: min(found) for name, found in numbers.items()}
    agreed = all(len(found) == 1 for found in numbers.values())
    if agreed and len(set(firsts.values())) == len(firsts) and min(firsts.values()) > 0:
        return dict(sorted(firsts.items(), key=lambda item: item[1])), []
    renumbered = {name: i for i, name in enumerate(sorted(firsts, key=lambda n: firsts[n]), 1)}
    pairs = listed(f"{value} {name}" for name, value in renumbered.items())
    return renumbered, [f"The categories were numbered anew, as 0 is background: {pairs}"]


def _cases(
    source: Path, images: Sequence[_Listed], values: Mapping[str, int], left_out: list[LeftOut]
) -> list[DraftCase]:
    by_name: dict[str, list[Path]] = {}
    for path in walk(source):
        if is_scan(path):
            by_name.setdefault(path.name, []).append(path)
    cases: list[DraftCase] = []
    taken: set[Path] = set()
    names: set[str] = set()
    for image in images:
        found = _find(image, by_name)
        path = found or image.json_path.parent / image.file_name
        if found is None:
            left_out.append(LeftOut(path, f"listed in {image.json_path.name}, but not there"))
            continue
        if path in taken:
            left_out.append(LeftOut(path, f"listed again in {image.json_path.name}"))
            continue
        taken.add(path)
        stem = stem_of(path)
        name = stem if stem not in names else f"{path.parent.name}-{stem}"
        names.add(name)
        subject = subject_of(stem)
        case = Case(name, name if subject == stem else subject, {DEFAULT_CHANNEL: path})
        if image.n_without:
            reason = f"{image.n_without} of its annotations have no outline: left unlabelled"
            left_out.append(LeftOut(path, reason))
        drawn = image.outlines and not image.n_without
        cases.append(DraftCase(case, {DEFAULT_RATER: _drawing(image, values)} if drawn else {}))
    left_out += [
        LeftOut(path, "no JSON lists this image")
        for paths in by_name.values()
        for path in paths
        if path not in taken
    ]
    return cases


def _find(image: _Listed, by_name: Mapping[str, list[Path]]) -> Path | None:
    """Look beside the JSON, then for the only file of that name anywhere in the source."""
    beside = image.json_path.parent / image.file_name
    if beside.is_file():
        return beside
    others = by_name.get(Path(image.file_name).name, [])
    return others[0] if len(others) == 1 else None


def _drawing(image: _Listed, values: Mapping[str, int]) -> Drawing:
    outlines = [(values[name], segmentation) for name, segmentation in image.outlines]
    objects = [(i, segmentation) for i, (_, segmentation) in enumerate(image.outlines, start=1)]
    return Drawing(
        (image.json_path,),
        partial(_fill, outlines, image),
        number=partial(_fill, objects, image),
    )


def _fill(
    outlines: Sequence[tuple[int, Outline]], image: _Listed, shape: tuple[int, ...]
) -> LabelArray:
    if shape != image.size:
        raise CohortError(
            f"'{image.file_name}' has another size than {image.json_path.name} says",
            got="x".join(map(str, shape)),
            expected="x".join(map(str, image.size)),
        )
    return fill(outlines, shape)


def _remarks(cases: Sequence[DraftCase], contents: Mapping[Path, Any]) -> list[str]:
    notes = ["Outlines were filled into masks/; where they overlap, the later one is on top"]
    copies = [i.case for i in cases if is_augmented_copy(stem_of(i.case.images[DEFAULT_CHANNEL]))]
    n_sources = len({case.subject for case in copies})
    if len(copies) > n_sources:
        notes.append(
            f"{len(copies)} images are augmented copies of {n_sources} sources, by their names: "
            "the source is the subject, so that no split parts them"
        )
    if len(contents) > 1:
        folders = listed(str(path.parent.name) for path in contents)
        notes.append(f"The source's own split ({folders}) is not kept: splits are by subject")
    return notes
