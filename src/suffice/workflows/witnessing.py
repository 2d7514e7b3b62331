"""Note, while masks are predicted, what speaks against each of them."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from suffice.core import Cohort, CohortError, FileFormatError, Image, StorageError, SufficeError
from suffice.files import write_text
from suffice.io import read_case_image, read_case_mask
from suffice.io.formats import stem_of
from suffice.quality import (
    CaseTraits,
    Doubts,
    Likeness,
    case_traits,
    changed_images,
    doubts_about,
    doubts_of,
    rounded,
)
from suffice.segmenters import Prediction, Segmenter
from suffice.training.memory import naming_full_memory

DOUBTS = "doubts"
"""Folder beside the masks, with a file of the mask's name for each scan."""

# Beyond, probabilities of all classes take more than a gigabyte, and changed images minutes.
_MOST_PROBABILITIES = 1 << 29
_MOST_VOXELS = 1 << 26


class Traits:
    """Traits of a cohort's labelled cases, each read once, when it is first asked for."""

    def __init__(self, cohort: Cohort) -> None:
        self._cohort = cohort
        self._known: dict[str, CaseTraits | None] = {}

    def likeness(self, names: Sequence[str]) -> Likeness:
        """Return the likeness of the cases that a model learned from.

        Strokes and parts of structures have no size or outline that masks could be like: cases
        with unlabelled voxels are passed over.

        Raises
        ------
        CohortError
            If no case is left.
        """
        for case in self._cohort.subset([n for n in names if n not in self._known]).cases:
            mask = read_case_mask(self._cohort, case)
            self._known[case.name] = None
            if mask.unlabelled is None:
                self._known[case.name] = case_traits(read_case_image(self._cohort, case), mask)
        traits = tuple(known for name in names if (known := self._known[name]) is not None)
        if not traits:
            raise CohortError(
                "No case that was learned from has a whole mask to compare others with",
                cure="Judge with cases whose every voxel is labelled.",
            )
        return Likeness(traits)


class Witness:
    """Writes ``doubts/NAME.json`` beside the mask of each scan that is predicted.

    Parameters
    ----------
    likeness : callable
        Gives that of the cases that the model learned from; called when first needed.
    mirror : bool
        Whether predictions are averaged over mirrored pictures.

    Attributes
    ----------
    seconds : float
        Spent so far, besides the prediction of the masks themselves.
    """

    def __init__(self, likeness: Callable[[], Likeness], *, mirror: bool) -> None:
        self._get_likeness = likeness
        self._likeness: Likeness | None = None
        self._mirror = mirror
        self.seconds = 0.0

    def wants_probabilities(self, segmenter: Segmenter, image: Image) -> bool:
        """Whether probabilities of this image's mask are to be kept for `note`."""
        n_voxels = math.prod(image.grid.shape)
        return n_voxels * segmenter.legend_.n_classes <= _MOST_PROBABILITIES

    def note(self, segmenter: Segmenter, image: Image, prediction: Prediction, mask: Path) -> None:
        """Write the doubts about a mask that is about to be written to ``mask``.

        Where that cannot be done the mask is merely not judged.
        """
        began = time.monotonic()
        forget_doubts(mask)
        try:
            with naming_full_memory("judging this scan", cure="Use --no-quality."):
                doubts = self._doubts(segmenter, image, prediction)
            write_text(_place(mask), json.dumps(rounded(doubts), indent=1) + "\n")
        except StorageError:
            raise
        except SufficeError:
            return
        finally:
            self.seconds += time.monotonic() - began

    def _doubts(self, segmenter: Segmenter, image: Image, prediction: Prediction) -> Doubts:
        if self._likeness is None:
            self._likeness = self._get_likeness()
        changed: tuple[Image, ...] = ()
        if math.prod(image.grid.shape) <= _MOST_VOXELS:
            # Seeded alike for every scan, so that the same scan is judged alike.
            changed = changed_images(image, np.random.default_rng(0))
        others = [segmenter.predict(each, mirror=self._mirror).labels for each in changed]
        return doubts_about(
            image,
            prediction.labels,
            self._likeness,
            probabilities=prediction.probabilities,
            others=others,
        )


def forget_doubts(mask: Path) -> None:
    """Remove what was noted of an earlier mask in the place of one that is about to be written."""
    with contextlib.suppress(FileNotFoundError):
        _place(mask).unlink()


def read_doubts(folder: Path) -> dict[str, Doubts]:
    """Read what was noted of the masks in a folder, by the name of the case.

    Raises
    ------
    FileFormatError
        If a note is damaged.
    """
    noted = sorted((folder / DOUBTS).glob("[!.]*.json"))
    masks = {stem_of(path) for path in folder.iterdir() if path.is_file()} if noted else set()
    found = {}
    for path in noted:
        name = path.name.removesuffix(".json")
        if name not in masks:
            continue
        try:
            found[name] = doubts_of(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise FileFormatError(
                f"'{path}' cannot be read", got=error, cure="Delete it: its mask is not judged."
            ) from error
    return found


def _place(mask: Path) -> Path:
    return mask.parent / DOUBTS / f"{stem_of(mask)}.json"
