"""BIDS: ``sub-*/...`` with side-car JSON, masks in ``derivatives/``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from suffice.core import (
    DEFAULT_CHANNEL,
    DEFAULT_RATER,
    Case,
    Channel,
    CohortError,
    Modality,
)
from suffice.io.formats import format_of, stem_of, suffix_of
from suffice.io.layouts.draft import Draft, DraftCase
from suffice.io.layouts.drawing import combined, redundant_combinations
from suffice.io.layouts.names import folders, is_scan, listed, walk
from suffice.io.left_out import LeftOut

_MODALITY_OF_FOLDER: dict[str, Modality] = {
    "anat": "MR",
    "func": "MR",
    "dwi": "MR",
    "perf": "MR",
    "pet": "PET",
    "micr": "MIC",
    "ct": "CT",
}
_MM_OF = {"mm": 1.0, "um": 1e-3, "µm": 1e-3, "μm": 1e-3, "nm": 1e-6}
_DRAWN_BY_HAND = re.compile(r"[-_]?manual\w*$")
# A map of labels as it is: the file itself says which structures it holds.
_WHOLE_MAPS = ("dseg", "")


@dataclass(frozen=True, slots=True)
class _Name:
    """A BIDS file name: its entities ``key-value`` and the last word, e.g. ``T1w``."""

    entities: tuple[tuple[str, str], ...]
    word: str

    @classmethod
    def of(cls, path: Path) -> _Name:
        parts = path.name.split(".")[0].split("_")
        entities = tuple((p.split("-", 1)[0], p.split("-", 1)[1]) for p in parts if "-" in p)
        return cls(entities, parts[-1] if "-" not in parts[-1] else "")

    def holds(self, other: _Name) -> bool:
        return set(other.entities) <= set(self.entities)

    def get(self, key: str) -> str:
        return dict(self.entities).get(key, "")


class Bids:
    """Images in ``sub-*/``; masks anywhere in ``derivatives/`` under the names of their images."""

    name = "bids"

    def detect(self, source: Path) -> str | None:
        """Look for ``dataset_description.json`` and folders ``sub-*``."""
        subjects = [f for f in folders(source) if f.name.startswith("sub-")]
        described = (source / "dataset_description.json").is_file()
        if not subjects or not (described or (source / "participants.tsv").is_file()):
            return None
        return f"it has dataset_description.json and {len(subjects)} folders sub-*"

    def collect(self, source: Path) -> Draft:
        """Give each image the masks in ``derivatives/`` that bear its name."""
        images = [
            path
            for folder in folders(source)
            if folder.name.startswith("sub-")
            for path in walk(folder)
            if is_scan(path)
        ]
        if not images:
            raise CohortError(f"'{source}' has no images in sub-*/", cure="Is the data missing?")
        masks_of: dict[Path, dict[str, Path]] = {}
        orphans = []
        derivatives = source / "derivatives"
        for path in walk(derivatives) if derivatives.is_dir() else ():
            if is_scan(path):
                image, structure = _belongs_to(path, images)
                if image is None or structure in masks_of.get(image, {}):
                    orphans.append(path)
                else:
                    masks_of.setdefault(image, {})[structure] = path
        structures, left_out = _structures(masks_of)
        values = {name: value for value, name in enumerate(structures, 1)}
        cases = [_case(path, masks_of.get(path, {}), values, source) for path in images]
        notes = []
        if len(structures) > 1:
            order = listed(f"{value} {name}" for name, value in values.items())
            notes.append(f"Structures drawn apart were combined into masks/: {order}")
        words = sorted({_Name.of(path).word for path in images})
        if len(words) > 1:
            notes.append(
                f"Each image is a case of its own ({listed(words)}); to make them channels of one "
                "case, import by --pattern with {channel}"
            )
        channel = _channel(images)
        if channel.unit == "HU":
            notes.append(
                "The CT was taken for Hounsfield units (HU), as converters from DICOM write them; "
                "where the values are scaled otherwise, give --unit none"
            )
        return Draft(
            cases=tuple(cases),
            channels=(channel,),
            labels={value: name for name, value in values.items()} or None,
            orphans=tuple(orphans),
            left_out=tuple(left_out),
            notes=tuple(notes),
        )


def _belongs_to(mask: Path, images: Sequence[Path]) -> tuple[Path | None, str]:
    """Find the image of a mask, and the structure that it marks."""
    stem, name = stem_of(mask), _Name.of(mask)
    structure = name.get("seg") or name.get("label")
    by_stem = [path for path in images if stem.startswith(stem_of(path))]
    if by_stem:
        image = max(by_stem, key=lambda path: len(path.name))
        structure = structure or stem[len(stem_of(image)) :].strip("_-")
    else:
        by_entities = [path for path in images if name.holds(_Name.of(path))]
        if len(by_entities) != 1:
            return None, ""
        image = by_entities[0]
        structure = structure or name.word
    return image, _DRAWN_BY_HAND.sub("", structure)


def _structures(
    masks_of: dict[Path, dict[str, Path]],
) -> tuple[list[str], list[LeftOut]]:
    """Name the structures drawn apart; combinations of two of them are taken out."""
    names = sorted({name for masks in masks_of.values() for name in masks})
    redundant = redundant_combinations(names)
    left_out = []
    for masks in masks_of.values():
        for name, parts in redundant.items():
            if name in masks:
                reason = f"the combination of {parts}, which are drawn apart"
                left_out.append(LeftOut(masks.pop(name), reason))
    return [n for n in names if n not in redundant and n not in _WHOLE_MAPS], left_out


def _case(
    image: Path, masks: Mapping[str, Path], values: Mapping[str, int], source: Path
) -> DraftCase:
    name = _Name.of(image)
    paths, drawings = {}, {}
    whole = next((masks[word] for word in _WHOLE_MAPS if word in masks), None)
    if whole is not None:
        paths[DEFAULT_RATER] = whole
    elif len(values) == 1 and masks:
        paths[DEFAULT_RATER] = next(iter(masks.values()))
    elif masks:
        drawings[DEFAULT_RATER] = combined([(values[n], masks[n]) for n in values if n in masks])
    case = Case(
        stem_of(image),
        f"sub-{name.get('sub')}",
        {DEFAULT_CHANNEL: image},
        paths,
        name.get("ses"),
        pixel_spacing_mm=_pixel_spacing(image, source),
    )
    return DraftCase(case, drawings)


def _pixel_spacing(image: Path, source: Path) -> tuple[float, float] | None:
    """Read ``PixelSize`` from the side-car files that apply to a picture, the nearest last."""
    if suffix_of(image) not in (".png", ".tif", ".tiff", ".jpg", ".jpeg"):
        return None
    facts: dict[str, object] = {}
    for path in _sidecars(image, source):
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError):
            continue
        facts |= content if isinstance(content, dict) else {}
    size, unit = facts.get("PixelSize"), _MM_OF.get(str(facts.get("PixelSizeUnits", "")))
    if not isinstance(size, list) or len(size) < 2 or unit is None:
        return None
    try:
        column, row = float(size[0]) * unit, float(size[1]) * unit
    except (TypeError, ValueError):
        return None
    return (row, column) if row > 0 and column > 0 else None


def _sidecars(image: Path, source: Path) -> Iterable[Path]:
    """List the JSON files that BIDS's inheritance principle gives to an image, outermost first."""
    name = _Name.of(image)
    places = [folder for folder in image.parents if folder.is_relative_to(source)]
    for folder in reversed(places):
        fitting = [
            path
            for path in folder.glob("*.json")
            if _Name.of(path).word == name.word and name.holds(_Name.of(path))
        ]
        yield from sorted(fitting, key=lambda path: len(_Name.of(path).entities))


def _channel(images: Sequence[Path]) -> Channel:
    """Say what the folders say of the images; a NIfTI file holds no unit."""
    found = {_MODALITY_OF_FOLDER.get(path.parent.name, "OTHER") for path in images}
    modality: Modality = found.pop() if len(found) == 1 else "OTHER"
    may_be_hu = modality == "CT" and all(format_of(path) != "picture" for path in images)
    return Channel(DEFAULT_CHANNEL, modality, "HU" if may_be_hu else "none")
