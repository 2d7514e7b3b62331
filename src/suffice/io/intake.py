"""Take in a draft: read every file once, keep what is whole and fits, say why the rest does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from suffice.core import (
    DEFAULT_RATER,
    Case,
    CohortError,
    Grid,
    LabelMap,
    Legend,
    Listener,
    Progress,
    SufficeError,
    silent,
)
from suffice.io.fitting import common_grid, fitting_mask, mask_values, require_utf8
from suffice.io.foreign import foreign_size, median_shape, strangers
from suffice.io.images import read_grid, read_image
from suffice.io.layouts.draft import Draft, DraftCase, LabelArray
from suffice.io.layouts.names import listed
from suffice.io.layouts.stacks import UNKNOWN_VOXEL_MM, written_stacks
from suffice.io.left_out import LeftOut
from suffice.io.masks import mask_suffix_for, read_mask_array, write_instances, write_mask
from suffice.io.polarity import PolarityTally

# Voxels of all images that an import reads to see that they are whole; of the rest, headers.
_READ_LIMIT_BYTES = 4 * 2**30
_GREY_MIN_VALUES = 16
_INSTANCES_MIN_VALUES = 64
_FULL = 255


@dataclass(frozen=True, slots=True)
class _Kept:
    """A case whose images are whole, with their grid and, where they were read, their channels."""

    draft: DraftCase
    grid: Grid
    n_channels: int | None


@dataclass
class Intake:
    """Cases fit for a cohort, from a draft.

    Parameters
    ----------
    draft : Draft
    source : Path
        Paths of what is left out are told relative to it.
    folder : Path
        Where masks that have to be made are written, under ``masks/``.
    invert_masks : bool
        Whether 0 marks the structure and everything else the background.
    ignore, background : int, optional
        The value of unlabelled voxels, and that of drawn background. Where 0 is unlabelled, both
        change places in masks that are written anew, as 0 is background in a cohort.
    voxel_mm : tuple of float, optional
        Size of the voxels of volumes that are put together of slices, 1 mm where not given.
    listener : callable

    Attributes
    ----------
    left_out : list of LeftOut
    notes : list of str
    labels : dict of int to str
        The legend: names from the source, else ``label-1`` and so on, for every value present.
    unlabelled : int or None
        The value of unlabelled voxels in the masks of the cohort.
    """

    draft: Draft
    source: Path
    folder: Path
    invert_masks: bool = False
    ignore: int | None = None
    background: int = 0
    voxel_mm: tuple[float, float, float] | None = None
    listener: Listener = silent
    left_out: list[LeftOut] = field(default_factory=list, init=False)
    notes: list[str] = field(default_factory=list, init=False)
    labels: dict[int, str] = field(default_factory=dict, init=False)
    _polarity: PolarityTally = field(default_factory=PolarityTally, init=False)

    @property
    def unlabelled(self) -> int | None:
        """The value of unlabelled voxels in the masks of the cohort."""
        return self.background if self.ignore == 0 else self.ignore

    def run(self) -> list[Case]:
        """Read images, then masks; return the cases to keep."""
        for item in self.draft.left_out:
            self._leave(item.path, item.reason)
        kept = self._of_one_kind(self._read_images())
        self._name_orphans(kept)
        values: dict[Path, frozenset[int]] = {}
        cases = [
            self._with_masks(item, values, 0.5 + 0.5 * i / len(kept)) for i, item in enumerate(kept)
        ]
        cases = self._thresholded(cases, kept, values)
        self._make_legend(values)
        self._note_raters(cases, values)
        bare = [case.name for case in cases if not case.is_labelled]
        if bare:
            self.notes.append(
                f"{len(bare)} of {len(cases)} images have no mask and are kept as unlabelled "
                f"cases: {listed(bare)}"
            )
        self.listener(Progress("import", 1.0))
        return cases

    def _leave(self, path: Path, reason: str) -> None:
        inside = path.is_relative_to(self.source)
        self.left_out.append(LeftOut(path.relative_to(self.source) if inside else path, reason))

    def _read_images(self) -> list[_Kept]:
        kept: list[_Kept] = []
        names: set[str] = set()
        n_bytes = n_headers = 0
        for i, item in enumerate(self.draft.cases):
            case = item.case
            self.listener(Progress("import", 0.5 * i / len(self.draft.cases), note=case.name))
            paths = list(case.images.values())
            try:
                if case.name in names:
                    raise CohortError(f"There is a case '{case.name}' already")
                require_utf8([*paths, *case.masks.values()])
                if item.stacks:
                    voxel_mm = self.voxel_mm or UNKNOWN_VOXEL_MM
                    item = written_stacks(item, self.folder, voxel_mm)
                    paths = [*item.case.images.values()]
                if n_bytes < _READ_LIMIT_BYTES:
                    image = read_image(paths)
                    n_bytes += image.array.nbytes
                    grid, n_channels = image.grid, image.n_channels
                else:
                    n_headers += 1
                    grid, n_channels = common_grid(paths), None
            except SufficeError as error:
                self._leave(next(iter(case.images.values())), str(error))
                continue
            names.add(case.name)
            kept.append(_Kept(item, grid, n_channels))
        if n_headers:
            self.notes.append(
                f"Of {n_headers} images only the headers were read, as they are many: "
                "`suffice check` reads them whole"
            )
        if self.voxel_mm is None and any(item.draft.stacks for item in kept):
            self.notes.append(
                "Slices were put together to volumes of 1 mm voxels, as their size is unknown: "
                "lengths in mm are in voxels; give --voxel-size where you know it"
            )
        return kept

    def _of_one_kind(self, kept: list[_Kept]) -> list[_Kept]:
        """Leave out what is unlike most of the cohort."""
        reasons = strangers([(item.grid, item.n_channels) for item in kept])
        for item, reason in zip(kept, reasons, strict=True):
            if reason is not None:
                self._leave(next(iter(item.draft.case.images.values())), reason)
        return [item for item, reason in zip(kept, reasons, strict=True) if reason is None]

    def _name_orphans(self, kept: list[_Kept]) -> None:
        median = median_shape(item.grid for item in kept)
        for path in self.draft.orphans:
            reason = "a mask without an image of its name"
            try:
                foreign = foreign_size(read_grid(path), median, len(kept))
                reason += f"; {foreign}" if foreign else ""
            except SufficeError:
                reason += "; it cannot be read either"
            self._leave(path, reason)

    def _with_masks(self, item: _Kept, values: dict[Path, frozenset[int]], fraction: float) -> Case:
        """Read or draw the masks of a case; those that do not fit are left out."""
        case = item.draft.case
        masks: dict[str, Path] = {}
        instances: dict[str, Path] = {}
        self.listener(Progress("import", fraction, note=case.name))
        failed: list[tuple[Path, str]] = []
        for rater, path in case.masks.items():
            try:
                array = fitting_mask(path, item.grid, next(iter(case.images.values())))
                meant = self._meant(array)
                self._polarity.add(rater, self._drawn(meant))
                if meant is not array:
                    masks[rater] = self._write(item, rater, meant, values)
                else:
                    values[path] = self._values(array, path)
                    masks[rater] = path
            except SufficeError as error:
                failed.append((path, str(error)))
        for rater, drawing in item.draft.drawings.items():
            try:
                drawn = drawing.draw(item.grid.shape)
                if drawing.is_stored or self.ignore == 0:
                    drawn = self._meant(drawn)
                    self._polarity.add(rater, self._drawn(drawn))
                masks[rater] = self._write(item, rater, drawn, values)
                if drawing.number is not None:
                    instances[rater] = self._place("instances", item, rater)
                    objects = drawing.number(item.grid.shape)
                    write_instances(instances[rater], objects, item.grid)
            except SufficeError as error:
                failed.append((drawing.sources[0], str(error)))
        for path, reason in failed:
            rest = "" if masks else " Its image is kept as an unlabelled case."
            self._leave(path, reason + rest)
        return replace(case, masks=masks, instance_maps=instances)

    def _meant(self, array: LabelArray) -> LabelArray:
        """Give a mask in which 0 is background; the same where it is so already."""
        if self.invert_masks:
            inverted: LabelArray = (array == 0).astype(np.uint8)
            return inverted
        if self.ignore != 0:
            return array
        kind = np.result_type(array, np.min_scalar_type(self.background))
        swapped: LabelArray = array.astype(kind)
        swapped[array == 0] = self.background
        swapped[array == self.background] = 0
        return swapped

    def _drawn(self, mask: LabelArray) -> LabelArray:
        """Take unlabelled voxels for background."""
        if self.unlabelled is None:
            return mask
        drawn = mask.copy()
        drawn[mask == self.unlabelled] = 0
        return drawn

    def _values(self, array: LabelArray, path: Path) -> frozenset[int]:
        """List the values of structures in a mask."""
        return mask_values(array, path) - {self.unlabelled}

    def _write(
        self,
        item: _Kept,
        rater: str,
        array: npt.NDArray[np.generic],
        values: dict[Path, frozenset[int]],
    ) -> Path:
        """Write a mask that had to be made, to ``masks/CASE`` or ``masks/RATER/CASE``."""
        case = item.draft.case
        image = next(iter(case.images.values()))
        path = self._place("masks", item, rater)
        whole = array.astype(np.uint16)
        values[path] = self._values(whole, path)
        names = {v: f"label-{v}" for v in values[path] or {1 + (self.unlabelled == 1)}}
        legend = Legend.from_names(names, ignore=self.unlabelled)
        write_mask(path, LabelMap(whole, item.grid, legend), like=image)
        return path

    def _place(self, kind: str, item: _Kept, rater: str) -> Path:
        image = next(iter(item.draft.case.images.values()))
        folder = self.folder / kind / ("" if rater == DEFAULT_RATER else rater)
        return folder / f"{item.draft.case.name}{mask_suffix_for(image)}"

    def _thresholded(
        self, cases: list[Case], kept: list[_Kept], values: dict[Path, frozenset[int]]
    ) -> list[Case]:
        """Write grey masks of pictures anew, as 1 above 127 and 0 elsewhere."""
        named = set(self.draft.labels or ())
        grey = {
            path
            for path, present in values.items()
            if len(present) > _GREY_MIN_VALUES
            and 127 < max(present) <= _FULL
            and not present <= named
        }
        # Of grey values nobody can say which is unlabelled.
        if not grey or self.ignore is not None or any(item.grid.ndim == 3 for item in kept):
            return cases
        done = []
        for i, (case, item) in enumerate(zip(cases, kept, strict=True)):
            self.listener(Progress("import", i / len(cases), note=f"threshold {case.name}"))
            masks = dict(case.masks)
            for rater, path in case.masks.items():
                if values[path] <= {1}:
                    # Drawn as 0 and 1, and nothing of it would be left above 127.
                    continue
                values.pop(path)
                array = read_mask_array(path)[0] > _FULL // 2
                masks[rater] = self._write(item, rater, array, values)
            done.append(replace(case, masks=masks))
        self.notes.append(
            f"The masks are grey ({len(grey)} of them hold more than {_GREY_MIN_VALUES} values up "
            "to 255): they were thresholded above 127 and written to masks/"
        )
        return done

    def _note_raters(self, cases: list[Case], values: Mapping[Path, frozenset[int]]) -> None:
        """Say which masks look inverted, which raters drew nothing, and who has no mask at all."""
        inverted = self._polarity.note(was_inverted=self.invert_masks)
        if inverted:
            self.notes.append(inverted)
        shared = [case for case in cases if len(case.masks) > 1]
        empty = [
            (case.name, rater)
            for case in shared
            for rater, path in case.masks.items()
            if not values.get(path, frozenset({1}))
        ]
        if empty:
            n_masks = sum(len(case.masks) for case in shared)
            self.notes.append(
                f"{len(empty)} of {n_masks} masks of cases with several raters are empty, e.g. by "
                f"'{empty[0][1]}' of '{empty[0][0]}': they are kept and mean that the rater drew "
                "nothing; a rater without a mask of a case did not look at it"
            )
        wanted = [r for item in self.draft.cases for r in (*item.case.masks, *item.drawings)]
        taken = {rater for case in cases for rater in case.masks}
        lost = [rater for rater in dict.fromkeys(wanted) if rater not in taken]
        if lost:
            self.notes.append(f"No mask could be taken of the raters {listed(lost)}: see left_out")

    def _make_legend(self, values: Mapping[Path, frozenset[int]]) -> None:
        given = {v: n for v, n in (self.draft.labels or {}).items() if v != self.unlabelled}
        union = frozenset[int]().union(*values.values())
        if _FULL not in given and all(v <= {1} or v <= {_FULL} for v in values.values()):
            union = frozenset({1} if union else ())
        guessed = sorted(union - given.keys())
        self.labels = given | {value: f"label-{value}" for value in guessed}
        if not self.labels:
            first = 1 + (self.unlabelled == 1)
            self.labels = {first: f"label-{first}"}
            self.notes.append(
                f"No mask marks anything: the legend holds 'label-{first}' to be renamed"
            )
        elif guessed and given:
            self.notes.append(f"Masks hold values without a name: {listed(map(str, guessed))}")
        elif guessed:
            self.notes.append("The labels have no names: rename them in cohort.toml")
        if max((len(present) for present in values.values()), default=0) > _INSTANCES_MIN_VALUES:
            self.notes.append(
                "Some masks hold so many values that they may number instances, not structures"
            )
