"""Reference masks for a folder of predictions: a cohort's, by rater or fused, or plain files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suffice.core import (
    Case,
    Cohort,
    CohortError,
    FileFormatError,
    LabelError,
    LabelMap,
    Legend,
    UsageError,
)
from suffice.io import LeftOut, read_case_mask, read_cohort, read_mask, read_mask_array
from suffice.io.cohort_folder import COHORT_TOML
from suffice.io.formats import MODULES, stem_of, suffix_of
from suffice.io.layouts.names import subject_of
from suffice.raters import Method, fuse
from suffice.workflows.agreeing import CONSENSUS, drawn_by, people_of, read_masks

ALL_RATERS = "all"
_MAX_GUESSED_LABELS = 64


@dataclass(frozen=True, slots=True)
class Pair:
    """A case and its predicted mask."""

    case: Case
    predicted: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """Cases with reference masks, and how to read one.

    Parameters
    ----------
    cases : tuple of Case
        Those that have a reference.
    legend : Legend
    cohort : Cohort or None
        ``None`` where the references are plain files.
    rater : str or None
        Whose masks: a rater's name, ``all``, ``consensus``, or ``None`` for the first rater's.
    method : str
        How a consensus that the cohort does not hold is made.
    people : frozenset of str
        Raters who drew: all but a consensus.
    """

    cases: tuple[Case, ...]
    legend: Legend
    cohort: Cohort | None = None
    rater: str | None = None
    method: Method = "majority"
    people: frozenset[str] = frozenset()

    def read(self, case: Case) -> dict[str, LabelMap]:
        """Read the references of a case, by rater; several only where all raters are asked for.

        Raises
        ------
        SufficeError
            If a mask cannot be read.
        """
        return {rater: self.read_one(case, rater) for rater in self.raters_of(case)}

    def raters_of(self, case: Case) -> list[str]:
        """Name whose masks of a case are asked for; nobody by name where they are plain files."""
        if self.cohort is None:
            return [""]
        if self.rater == ALL_RATERS:
            return [r for r in case.masks if r in self.people] or list(case.masks)
        return [self.rater or next(iter(case.masks))]

    def read_one(self, case: Case, rater: str) -> LabelMap:
        """Read one of `raters_of`."""
        if self.cohort is None:
            return read_mask(next(iter(case.masks.values())), self.legend)
        if rater == CONSENSUS and CONSENSUS not in self.cohort.raters:
            return self._fused(self.cohort, case)
        return read_case_mask(self.cohort, case, rater)

    def _fused(self, cohort: Cohort, case: Case) -> LabelMap:
        case = drawn_by(case, self.people)
        if len(case.masks) == 1:
            return read_case_mask(cohort, case)
        masks, grid, left_out = read_masks(cohort, case)
        if grid is None or left_out:
            raise CohortError(
                f"The raters of '{case.name}' cannot be fused", got=left_out[0].reason
            )
        return LabelMap(fuse(masks, grid, self.legend, self.method).labels, grid, self.legend)


def read_references(
    references: Path | Cohort, rater: str | None = None, method: Method = "majority"
) -> References:
    """Find the reference masks of a cohort, a folder or a file.

    Raises
    ------
    CohortError
        If nobody, or not this rater, drew anything.
    """
    if isinstance(references, Path) and not (references / COHORT_TOML).is_file():
        masks = masks_in(references)
        # Visits and slices of one person are no independent evidence, as far as names tell them.
        cases = tuple(
            Case(name, subject_of(name), {}, {"expert": path}) for name, path in masks.items()
        )
        return References(cases=cases, legend=guess_legend(references, masks))
    cohort = read_cohort(references) if isinstance(references, Path) else references
    named = rater if rater in cohort.raters else None
    if rater is not None and named is None and rater not in (ALL_RATERS, CONSENSUS):
        raise CohortError(
            f"Cohort '{cohort.name}' has no reference mask by '{rater}'",
            got=", ".join(cohort.raters) or None,
            cure=f"Name one of them, '{ALL_RATERS}' or '{CONSENSUS}'.",
        )
    drawn = cohort.where(lambda case: named in case.masks if named else case.is_labelled)
    if not len(drawn):
        raise CohortError(f"Cohort '{cohort.name}' has no reference mask")
    return References(
        cases=drawn.cases,
        legend=cohort.legend,
        cohort=cohort,
        rater=rater,
        method=method,
        people=frozenset(people_of(cohort)),
    )


def masks_in(place: Path) -> dict[str, Path]:
    """Masks in a folder by the name of their case; hidden files and other formats are skipped."""
    if place.is_file():
        return {stem_of(place): place}
    if not place.is_dir():
        raise UsageError(f"'{place}' does not exist", expected="a folder of masks, or one mask")
    found: dict[str, Path] = {}
    for path in sorted(place.iterdir()):
        if path.name.startswith(".") or not path.is_file() or suffix_of(path) not in MODULES:
            continue
        name = stem_of(path)
        if name in found:
            raise UsageError(
                f"Two masks of '{place}' are called '{name}'",
                got=f"{found[name].name} and {path.name}",
                cure="Keep one of them.",
            )
        found[name] = path
    return found


def guess_legend(place: Path, masks: Mapping[str, Path]) -> Legend:
    """Make a legend of the values that occur; unreadable files are told when they are scored."""
    values: set[int] = set()
    for path in masks.values():
        try:
            values |= {int(v) for v in np.unique(read_mask_array(path)[0])} - {0}
        except (FileFormatError, LabelError):
            continue
    if not values or min(values) < 0 or len(values) > _MAX_GUESSED_LABELS:
        raise LabelError(
            f"The masks in '{place}' do not tell their structures",
            got=f"{len(values)} values besides 0",
            expected=f"1 to {_MAX_GUESSED_LABELS}",
            cure="Import them as a cohort first, which knows the labels.",
        )
    return Legend.from_names({value: f"label {value}" for value in values})


def pair(predicted: Mapping[str, Path], known: References) -> tuple[list[Pair], list[LeftOut]]:
    """Pair predictions with references by name.

    Predictions of cases that the cohort knows without a reference are passed over: a model draws
    what nobody drew. What else has no partner is left out.
    """
    pairs, left_out = [], []
    for case in known.cases:
        if case.name in predicted:
            pairs.append(Pair(case, predicted[case.name]))
        else:
            reference = next(iter(case.masks.values()))
            left_out.append(LeftOut(reference, f"no prediction is called '{case.name}'"))
    names = {case.name for case in known.cases}
    if known.cohort is not None:
        names |= set(known.cohort.names)
    left_out += [
        LeftOut(path, f"no reference is called '{name}'")
        for name, path in predicted.items()
        if name not in names
    ]
    return pairs, left_out
