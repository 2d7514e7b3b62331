"""One mask from those of several raters, for every case of a cohort."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from suffice.core import (
    Case,
    Cohort,
    CohortError,
    LabelMap,
    Listener,
    Progress,
    StorageError,
    UsageError,
    silent,
)
from suffice.core.cohort import is_file_name
from suffice.cores import usable_cores
from suffice.files import require_free, writing_folder
from suffice.io import (
    LeftOut,
    mask_suffix_for,
    read_cohort,
    write_cohort,
    write_mask,
    write_probabilities,
)
from suffice.io.cohort_folder import COHORT_TOML
from suffice.raters import (
    METHODS,
    Consensus,
    Method,
    StapleResult,
    fuse,
    staple_cohort,
    staple_consensus,
)
from suffice.study import write_scores
from suffice.workflows.agreeing import (
    CONSENSUS,
    STATISTICS_CSV,
    of_people,
    read_masks,
    without_raters,
)

_PER_CASE_CSV = "rater_statistics_by_case.csv"
# As `suffice agree` has it, but for masks equal to the voxel.
_COPIED_SHARE = 0.8
_STATISTICS = ("dice", "sensitivity", "specificity", "weight")
# Of cases without the structure: those who rightly drew nothing have no Dice.
_SOMETIMES_UNDEFINED = ("dice", "sensitivity")


@dataclass(frozen=True, kw_only=True)
class Fusion:
    """A cohort with a consensus, and what it says of the raters.

    Parameters
    ----------
    cohort : Cohort
        As written and read again; the consensus is its first rater.
    method : str
    n_fused : int
        Cases with two raters or more.
    single : tuple of str
        Cases whose one rater's mask stands for the consensus.
    statistics : DataFrame
        Columns ``rater, label, method, dice, sensitivity, specificity, weight, n_cases, n_dice,
        n_sensitivity``: means over the cases, against the consensus; STAPLE's are its own
        estimates. ``n_cases`` are those that the rater has a mask of, ``n_dice`` those of them
        in which rater or consensus have the structure, ``n_sensitivity`` the consensus.
    notes : tuple of str
        What the fusion says of single cases, each with the case before it.
    left_out : tuple of LeftOut
        Masks that could not be read.
    """

    cohort: Cohort
    method: str
    n_fused: int
    single: tuple[str, ...]
    statistics: pd.DataFrame
    notes: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


def fuse_cohort(
    cohort: Path | str | Cohort,
    out: Path | str,
    *,
    method: Method = "majority",
    pooled: bool = False,
    name: str = CONSENSUS,
    without: Sequence[str] = (),
    only: bool = False,
    workers: int | None = None,
    overwrite: bool = False,
    listener: Listener = silent,
) -> Fusion:
    """Write a cohort whose first rater is the consensus of all.

    A consensus of before neither votes nor is in the new cohort.

    Parameters
    ----------
    cohort : Path or Cohort
    out : Path
        Folder of the new cohort. Images and raters' masks stay where they lie.
    method : {"majority", "staple", "simple", "shape", "soft"}
        See `suffice.raters.fuse`. ``soft`` writes the raters' share of votes as probabilities
        beside the mask; so does STAPLE with its posterior, and SIMPLE.
    pooled : bool
        Whether STAPLE estimates one performance of each rater from all cases together, as suits
        small or missing structures, rather than one a case. The votes of all cases are then in
        memory at once, a byte or two a voxel.
    name : str
        The consensus as a rater.
    without : sequence of str
        Raters who do not vote and are not in the new cohort.
    only : bool
        Whether the new cohort has the consensus alone.
    workers : int, optional
        Cases fused at a time; the cores by default.
    overwrite : bool
        Whether a cohort in ``out`` may be replaced.
    listener : callable

    Raises
    ------
    UsageError
        If the method or a rater is unknown, a rater has the name of the consensus, or other
        methods than STAPLE shall be pooled.
    CohortError
        If no case has two raters.
    StorageError
        If ``out`` is taken, holds the source or cannot be written.
    """
    out = Path(out)
    cohort = cohort if isinstance(cohort, Cohort) else read_cohort(Path(cohort))
    cohort = of_people(without_raters(cohort, without))
    _require_sense(cohort, out, method, name, pooled=pooled, overwrite=overwrite)
    with writing_folder(out, overwrite=overwrite) as folder:
        known = _pooled(cohort) if pooled else {}
        fuse_one = partial(_fuse_one, cohort, folder, method, known, name)
        found = _Gathered(name, only=only)
        for case, masks, result in _fuse_all(cohort, fuse_one, name, workers, listener):
            found.add(case, masks, result)
        statistics = _write_fused(cohort, found, folder, method)
    return Fusion(
        cohort=read_cohort(out),
        method=method,
        n_fused=found.n_fused,
        single=tuple(found.single),
        statistics=statistics,
        notes=(*_who_votes_twice(found.votes, found.copies), *found.notes),
        left_out=tuple(found.left_out),
    )


class _Gathered:
    """What the cases of a fusion come to, in their order."""

    def __init__(self, name: str, *, only: bool) -> None:
        self.name, self.only = name, only
        self.cases: list[Case] = []
        self.rows: list[dict[str, object]] = []
        self.notes: list[str] = []
        self.left_out: list[LeftOut] = []
        self.n_fused = 0
        self.single: list[str] = []
        self.votes: Counter[tuple[str, str]] = Counter()
        self.copies: Counter[tuple[str, str]] = Counter()

    def add(self, case: Case, masks: Mapping[str, Path], result: _Result) -> None:
        """Take in one case with its masks, the consensus first."""
        name = self.name
        kept = _alone(case, masks, name) if self.only else replace(case, masks=dict(masks))
        self.cases.append(kept)
        self.left_out += result.left_out
        if result.consensus is None:
            self.single += [case.name] if name in masks else []
            return
        self.n_fused += 1
        self.votes.update(result.drawn)
        self.copies.update(result.copied)
        self.notes += [f"{case.name}: {note}" for note in result.consensus.notes]
        self.rows += _rows(case, result.consensus)


def _write_fused(cohort: Cohort, found: _Gathered, folder: Path, method: str) -> pd.DataFrame:
    """Write the new cohort and the raters' statistics, which are returned."""
    if not found.n_fused:
        raise CohortError(
            f"No case of '{cohort.name}' has two masks that can be read",
            got=found.left_out[0].reason if found.left_out else None,
        )
    cases = tuple(_with_soft(case, found.name, folder) for case in found.cases)
    write_cohort(replace(cohort, root=folder, cases=cases), folder, left_out=found.left_out)
    by_case = pd.DataFrame(found.rows)
    statistics = summarise_raters(by_case, method)
    write_scores(folder / STATISTICS_CSV, statistics)
    write_scores(folder / _PER_CASE_CSV, by_case)
    return statistics


def _who_votes_twice(
    votes: Counter[tuple[str, str]], copies: Counter[tuple[str, str]]
) -> Iterator[str]:
    for (a, b), n in copies.items():
        if n > 1 and n >= _COPIED_SHARE * votes[a, b]:
            yield (
                f"'{a}' and '{b}' hold the same masks in {n} of {votes[a, b]} cases and so vote "
                f"twice: look where they came from, and leave one out with --without '{b}'"
            )


def summarise_raters(by_case: pd.DataFrame, method: str) -> pd.DataFrame:
    """Mean of every statistic over the cases in which it is defined, a row a rater and label."""
    means = by_case.pivot_table(
        index=["rater", "label"], columns="statistic", values="value", sort=False, dropna=False
    )
    counts = by_case.groupby(["rater", "label"], sort=False)["case"].nunique()
    table = means.reset_index()
    table.insert(2, "method", method)
    table["n_cases"] = [
        int(counts[r, x]) for r, x in zip(table["rater"], table["label"], strict=True)
    ]
    known = by_case.dropna(subset="value").groupby(["rater", "label", "statistic"])["case"].count()
    counted = [f"n_{name}" for name in _SOMETIMES_UNDEFINED]
    for name, column in zip(_SOMETIMES_UNDEFINED, counted, strict=True):
        table[column] = [
            int(known.get((r, x, name), 0))
            for r, x in zip(table["rater"], table["label"], strict=True)
        ]
    shown = [name for name in _STATISTICS if name in table.columns]
    return pd.DataFrame(table[["rater", "label", "method", *shown, "n_cases", *counted]])


def _require_sense(
    cohort: Cohort, out: Path, method: str, name: str, *, pooled: bool, overwrite: bool
) -> None:
    if method not in METHODS:
        raise UsageError("Unknown way to fuse", got=method, expected=", ".join(METHODS))
    if pooled and method != "staple":
        raise UsageError("Only STAPLE pools cases", got=method, cure="Add --method staple.")
    if name in cohort.raters or not is_file_name(name):
        raise UsageError(
            f"The consensus cannot be called '{name}'",
            got="a rater of that name" if name in cohort.raters else "a name that no file has",
            cure="Give it another with --name, or leave that rater out with --without.",
        )
    if not any(len(case.masks) > 1 for case in cohort.cases):
        raise CohortError(
            f"No case of '{cohort.name}' has two raters",
            got=", ".join(cohort.raters) or "no mask",
            cure="Import with {rater} in --mask-pattern, or add a column mask_NAME to cases.csv.",
        )
    require_free(out, overwrite=overwrite, mark=COHORT_TOML)
    here = out.resolve()
    files = (
        path for case in cohort.cases for path in (*case.images.values(), *case.masks.values())
    )
    if out.exists() and any(here in path.resolve().parents for path in files):
        raise StorageError(
            f"'{out}' holds images or masks of the cohort that is fused",
            cure="Name another folder.",
        )


@dataclass(frozen=True, slots=True)
class _Result:
    consensus: Consensus | None
    mask: Path | None
    left_out: tuple[LeftOut, ...] = ()
    drawn: tuple[tuple[str, str], ...] = ()
    copied: tuple[tuple[str, str], ...] = ()


def _pooled(cohort: Cohort) -> dict[str, StapleResult]:
    """STAPLE over all cases with two masks that can be read, by name."""
    read = ((case.name, read_masks(cohort, case)[0]) for case in cohort.cases)
    shared = ((name, masks) for name, masks in read if len(masks) > 1)
    return dict(staple_cohort(shared, cohort.legend.values))


def _fuse_all(
    cohort: Cohort,
    fuse_one: Callable[[Case], _Result],
    name: str,
    workers: int | None,
    listener: Listener,
) -> Iterator[tuple[Case, Mapping[str, Path], _Result]]:
    """Fuse case by case; give each with its masks, the consensus first."""
    pool = ThreadPoolExecutor(workers or usable_cores())
    try:
        results = pool.map(fuse_one, cohort.cases)
        for i, (case, result) in enumerate(zip(cohort.cases, results, strict=True), 1):
            bad = {item.path for item in result.left_out}
            own = {rater: path for rater, path in case.masks.items() if path not in bad}
            first = {name: result.mask} if result.mask else {}
            yield case, first | own, result
            listener(Progress("fuse", i / len(cohort), note=case.name))
    finally:
        pool.shutdown(cancel_futures=True)


def _fuse_one(
    cohort: Cohort,
    folder: Path,
    method: Method,
    known: dict[str, StapleResult],
    name: str,
    case: Case,
) -> _Result:
    if len(case.masks) < 2:
        return _Result(None, next(iter(case.masks.values()), None))
    masks, grid, left_out = read_masks(cohort, case)
    if grid is None or len(masks) < 2:
        alone = next((case.masks[rater] for rater in masks), None)
        return _Result(None, alone, tuple(left_out))
    # Taken out, as its posterior is large.
    pooled = known.pop(case.name, None)
    if pooled is None:
        found = fuse(masks, grid, cohort.legend, method)
    else:
        found = staple_consensus(pooled, masks, cohort.legend)
    image = case.images[cohort.channels[0].name]
    path = folder / "masks" / name / f"{case.name}{mask_suffix_for(image)}"
    write_mask(path, LabelMap(found.labels, grid, cohort.legend), like=image)
    if found.probabilities is not None:
        write_probabilities(_soft_path(folder, name, case, grid.ndim), found.probabilities, grid)
    pairs = [
        (a, b) for a, b in itertools.combinations(masks, 2) if masks[a].any() or masks[b].any()
    ]
    copied = [(a, b) for a, b in pairs if np.array_equal(masks[a], masks[b])]
    # What was written is not kept in memory for all the other cases.
    told = replace(found, probabilities=None, labels=found.labels[:0])
    return _Result(told, path, tuple(left_out), tuple(pairs), tuple(copied))


def _soft_path(folder: Path, name: str, case: Case, ndim: int) -> Path:
    return folder / "soft" / name / f"{case.name}{'.nii.gz' if ndim == 3 else '.tif'}"


def _with_soft(case: Case, name: str, folder: Path) -> Case:
    found = next((p for n in (2, 3) if (p := _soft_path(folder, name, case, n)).is_file()), None)
    return replace(case, soft_masks={name: found, **case.soft_masks}) if found else case


def _alone(case: Case, masks: Mapping[str, Path], name: str) -> Case:
    return replace(case, masks={name: masks[name]} if name in masks else {}, soft_masks={})


def _rows(case: Case, consensus: Consensus) -> Iterable[dict[str, object]]:
    for row in consensus.statistics:
        yield {
            "case": case.name,
            "subject": case.subject,
            "rater": row.rater,
            "label": row.label,
            "statistic": row.statistic,
            "value": row.value,
        }
