"""A folder an image, with one mask file for each instance, as in the Data Science Bowl 2018."""

from __future__ import annotations

from pathlib import Path

from suffice.core import DEFAULT_CHANNEL, DEFAULT_RATER, Case, CohortError
from suffice.io.formats import stem_of
from suffice.io.layouts.draft import Draft, DraftCase
from suffice.io.layouts.drawing import numbered
from suffice.io.layouts.names import folders, is_scan, subject_of, walk
from suffice.io.left_out import LeftOut


class Instances:
    """``ID/images/ID.png`` with ``ID/masks/*.png``."""

    name = "instances"

    def detect(self, source: Path) -> str | None:
        """Look for folders with one image and masks that do not bear its name."""
        fitting = 0
        for folder in folders(source):
            images, masks = _files(folder)
            named = {stem_of(path) for path in masks} & {stem_of(path) for path in images}
            fitting += len(images) == 1 and len(masks) > 0 and not named
        if not fitting:
            return None
        return f"{fitting} folders hold images/ with one image and masks/ with a file an instance"

    def collect(self, source: Path) -> Draft:
        """Take the union of the instances as the mask of the structure."""
        cases = []
        left_out = []
        n_masks = 0
        for folder in folders(source):
            images, masks = _files(folder)
            if len(images) != 1:
                left_out.append(LeftOut(folder, f"has {len(images)} images, expected 1 in images/"))
                continue
            n_masks += len(masks)
            case = Case(folder.name, subject_of(folder.name), {DEFAULT_CHANNEL: images[0]})
            drawings = {DEFAULT_RATER: numbered(masks)} if masks else {}
            cases.append(DraftCase(case, drawings))
        if not cases:
            raise CohortError(
                f"'{source}' holds no folder with an image", expected="ID/images/X, ID/masks/*"
            )
        note = (
            f"{n_masks} instances were joined into one mask an image, in masks/; instances/ keeps "
            "them apart for models that learn single objects"
        )
        return Draft(cases=tuple(cases), left_out=tuple(left_out), notes=(note,))


def _files(folder: Path) -> tuple[list[Path], list[Path]]:
    places = (folder / "images", folder / "masks")
    images, masks = (
        [path for path in walk(place, 0) if is_scan(path)] if place.is_dir() else []
        for place in places
    )
    return images, masks
