"""Images and masks of the same names, in two folders or side by side in one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from suffice.core import DEFAULT_CHANNEL, DEFAULT_RATER, Case, CohortError
from suffice.io.formats import stem_of
from suffice.io.layouts.draft import Draft, DraftCase
from suffice.io.layouts.names import (
    bare_image_stem,
    bare_mask_stem,
    first_of_each_stem,
    folders,
    is_dicom,
    is_paper,
    is_scan,
    subject_of,
    visit_of,
    walk,
)
from suffice.io.left_out import LeftOut

_IMAGE_FOLDERS = ("images", "image", "imgs", "img", "imagestr", "scans", "rawimages", "raw")
_MASK_FOLDERS = (
    *("labels", "label", "labelstr", "masks", "mask", "segmentations", "segmentation", "segs"),
    *("seg", "annotations", "ground_truth", "groundtruth", "goldstandard", "gt"),
)
_DEPTH_OF_SPLITS = 2


class Pairs:
    """``images/X`` with ``labels/X`` or ``masks/X``; or ``X`` beside ``X_mask`` or ``X_seg``."""

    name = "pairs"

    def detect(self, source: Path) -> str | None:
        """Look for a folder of images beside one of masks, or for masks beside their images."""
        for images, masks in _folder_pairs(source):
            rows, orphans = _match(images, masks, [])
            n_pairs = sum(mask is not None for _, _, mask in rows)
            if masks and n_pairs:
                names = "/ and ".join(str(f.relative_to(source)) for f in (images, masks))
                return (
                    f"the folders {names}/ hold {n_pairs} pairs of files of one name, and "
                    f"{len(rows) - n_pairs} and {len(orphans)} files without the other"
                )
        beside, _ = _beside(source)
        n_masks = sum(mask is not None for _, mask in beside.values())
        if n_masks:
            return f"{n_masks} files are named after another with a mask's ending such as _seg"
        return None

    def collect(self, source: Path) -> Draft:
        """Pair by name; a name that stands in several folders gets its folder's name before it."""
        found: list[tuple[Path, str, Path, Path | None]] = []
        orphans: list[Path] = []
        left_out: list[LeftOut] = []
        used: list[Path] = []
        for images, masks in _folder_pairs(source):
            rows, lone = _match(images, masks, left_out)
            found += [(images, *row) for row in rows]
            orphans += lone
            used += [images, masks] if masks else [images]
        if not any(mask for *_, mask in found):
            beside, orphans = _beside(source)
            left_out = _dicom_folders(source)
            found = [(path.parent, key, path, mask) for key, (path, mask) in beside.items()]
            used = [source]
        if not found:
            raise CohortError(
                f"'{source}' holds no pairs of images and masks",
                cure="Name folders images/ and labels/, or masks after their images, as X_mask.",
            )
        clashes = {n for n, k in Counter(row[1] for row in found).items() if k > 1}
        cases = [
            _case(source, folder, stem, image, mask, stem in clashes)
            for folder, stem, image, mask in found
        ]
        others = Counter(
            str(path.relative_to(source).parts[0])
            for path in walk(source)
            if is_scan(path) and not any(path.is_relative_to(folder) for folder in used)
        )
        notes = [f"{n} scans in '{name}' are not taken" for name, n in others.items()]
        return Draft(
            cases=tuple(cases),
            orphans=tuple(orphans),
            left_out=tuple(left_out),
            notes=tuple(notes),
        )


def _case(
    source: Path, folder: Path, stem: str, image: Path, mask: Path | None, clashes: bool
) -> DraftCase:
    name = "-".join((*folder.relative_to(source).parts, stem)) if clashes else stem
    subject = subject_of(stem)
    return DraftCase(
        Case(
            name,
            subject_of(name) if subject == stem else subject,
            {DEFAULT_CHANNEL: image},
            {DEFAULT_RATER: mask} if mask else {},
            visit_of(stem),
        )
    )


def _folder_pairs(source: Path) -> Iterator[tuple[Path, Path | None]]:
    """Find folders of images with a folder of masks beside them, in ``source`` and its splits.

    A folder ``imagesTs`` beside them is given too, though there may be no masks of its images.
    """
    level = [source]
    for _ in range(_DEPTH_OF_SPLITS + 1):
        below: list[Path] = []
        for folder in level:
            inside = folders(folder)
            names = {path.name.lower(): path for path in inside}
            images = [names[name] for name in _IMAGE_FOLDERS if name in names]
            masks = [names[name] for name in _MASK_FOLDERS if name in names]
            if images and masks:
                yield images[0], masks[0]
                if "imagests" in names:
                    yield names["imagests"], names.get("labelsts")
            else:
                below += inside
        level = below


def _match(
    images: Path, masks: Path | None, left_out: list[LeftOut]
) -> tuple[list[tuple[str, Path, Path | None]], list[Path]]:
    """Pair the files of two folders by stem: ``(stem, image, mask)``, and the masks left over."""
    image_of = _scans(images, left_out)
    bare = {bare_image_stem(stem): stem for stem in image_of}
    mask_of: dict[str, Path] = {}
    orphans = []
    for stem, path in (_scans(masks, left_out) if masks else {}).items():
        stripped = bare_mask_stem(stem)
        keys = [stem, bare.get(stem), stripped, bare.get(stripped)]
        key = next((k for k in keys if k is not None and k in image_of), None)
        if key is None:
            orphans.append(path)
        elif key in mask_of:
            left_out.append(LeftOut(path, f"a second mask of '{image_of[key].name}'"))
        else:
            mask_of[key] = path
    return [(stem, path, mask_of.get(stem)) for stem, path in image_of.items()], orphans


def _scans(folder: Path, left_out: list[LeftOut]) -> dict[str, Path]:
    """Map the stems, with folders below ``folder``, to files; list what is no scan."""
    kept: dict[str, Path] = {}
    by_folder: dict[Path, list[Path]] = {}
    for path in walk(folder):
        if is_scan(path):
            by_folder.setdefault(path.parent, []).append(path)
        elif not is_paper(path):
            left_out.append(LeftOut(path, "of no format that suffice reads"))
    for parent, paths in by_folder.items():
        stems, doubles = first_of_each_stem(paths)
        left_out += [LeftOut(path, f"has the name of '{first.name}'") for path, first in doubles]
        kept |= {
            "-".join((*parent.relative_to(folder).parts, stem)): path
            for stem, path in stems.items()
        }
    return kept


def _dicom_folders(source: Path) -> list[LeftOut]:
    n_in = Counter(path.parent for path in walk(source) if is_dicom(path))
    return [
        LeftOut(folder, f"{n} DICOM files: import them with --layout dicom")
        for folder, n in n_in.items()
    ]


def _beside(source: Path) -> tuple[dict[str, tuple[Path, Path | None]], list[Path]]:
    """Pair files of one folder by their endings: ``{case: (image, mask)}``, and lone masks."""
    pairs: dict[str, tuple[Path, Path | None]] = {}
    orphans: list[Path] = []
    by_folder: dict[Path, dict[str, Path]] = {}
    for path in walk(source):
        if is_scan(path) and not is_dicom(path):
            by_folder.setdefault(path.parent, {}).setdefault(stem_of(path), path)
    for folder, stems in by_folder.items():
        place = folder.relative_to(source).parts
        masks = {bare_mask_stem(s): p for s, p in stems.items() if bare_mask_stem(s) != s}
        for stem, path in stems.items():
            if bare_mask_stem(stem) == stem:
                bare = bare_image_stem(stem)
                mask = masks.pop(stem, None) or masks.pop(bare, None)
                kept = bare if mask else stem
                pairs["-".join((*place, kept) if kept else place) or stem] = (path, mask)
        orphans += masks.values()
    return pairs, orphans
