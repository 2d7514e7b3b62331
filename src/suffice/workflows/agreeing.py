"""How far the raters of a cohort agree, and how good the best of them could be."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from suffice.core import (
    Case,
    Cohort,
    CohortError,
    Grid,
    Listener,
    Progress,
    SufficeError,
    UsageError,
    silent,
)
from suffice.cores import usable_cores
from suffice.files import require_free, writing_folder
from suffice.io import LeftOut, read_case_mask, read_cohort
from suffice.io.left_out import LEFT_OUT_CSV, write_left_out
from suffice.raters import (
    Agreement,
    CeilingRow,
    DuplicateRaters,
    agreement,
    ceiling,
    find_duplicate_raters,
)
from suffice.raters.votes import Masks
from suffice.report.heatmap import write_heatmap
from suffice.study import write_scores
from suffice.study.agreement import (
    agreement_table,
    ceiling_table,
    pairings,
    sizes_table,
    summarise_agreement,
    to_adjudicate,
    undefined_agreement,
)

AGREEMENT_CSV = "agreement.csv"
CEILING_CSV = "ceiling.csv"
UNDEFINED_CSV = "undefined.csv"
CONSENSUS = "consensus"
STATISTICS_CSV = "rater_statistics.csv"
"""What `suffice fuse` writes beside a cohort whose first rater is the consensus."""


@dataclass(frozen=True, kw_only=True)
class RaterAgreement:
    """What the raters of a cohort agree on; tables as in `suffice.study.agreement`.

    Parameters
    ----------
    raters : tuple of str
    n_cases, n_subjects : int
        With two raters or more.
    n_single : int
        Labelled cases with one rater, which say nothing here.
    pairs, summary, ceiling, undefined, adjudicate, sizes : DataFrame
    duplicates : tuple of DuplicateRaters
        Raters whose masks are copies of another's.
    left_out : tuple of LeftOut
        Masks that could not be read or do not fit.
    """

    raters: tuple[str, ...]
    n_cases: int
    n_subjects: int
    n_single: int
    pairs: pd.DataFrame
    summary: pd.DataFrame
    ceiling: pd.DataFrame
    undefined: pd.DataFrame
    adjudicate: pd.DataFrame
    sizes: pd.DataFrame
    duplicates: tuple[DuplicateRaters, ...]
    left_out: tuple[LeftOut, ...]


def agree(
    cohort: Path | str | Cohort,
    out: Path | str | None = None,
    *,
    without: Sequence[str] = (),
    person_pattern: str | None = None,
    nsd_tolerance_mm: float = 1.0,
    level: float = 0.95,
    seed: int = 0,
    workers: int | None = None,
    overwrite: bool = False,
    listener: Listener = silent,
) -> RaterAgreement:
    """Compare the raters of a cohort with each other.

    Parameters
    ----------
    cohort : Path or Cohort
        With two raters or more in some cases.
    out : Path, optional
        Folder for ``agreement.csv``, ``summary.csv``, ``ceiling.csv``, ``undefined.csv``,
        ``adjudicate.csv``, ``sizes.csv``, ``left_out.csv`` and ``heatmap.png``.
    without : sequence of str
        Raters to leave out, e.g. one who copies another.
    person_pattern : str, optional
        Regular expression with one group that names the person in a rater's name: pairs of one
        person's masks are then summarised apart from those of two persons.
    nsd_tolerance_mm : float
        In mm (pixels where the spacing is unknown).
    level : float
        Coverage of the intervals.
    seed : int
        Seed of the bootstrap.
    workers : int, optional
        Cases compared at a time; the cores by default. Each holds its raters' masks in memory.
    overwrite : bool
        Whether ``out`` may be replaced.
    listener : callable

    Raises
    ------
    CohortError
        If no case has two raters.
    UsageError
        If a rater to leave out is unknown.
    StorageError
        If ``out`` is taken or cannot be written.
    """
    out = None if out is None else Path(out)
    if out is not None:
        require_free(out, overwrite=overwrite, mark=AGREEMENT_CSV)
    cohort = cohort if isinstance(cohort, Cohort) else read_cohort(Path(cohort))
    cohort, n_single = shared_cases(cohort, without)
    kind_of = pairings(cohort.raters, person_pattern)
    results = _compare_all(cohort, nsd_tolerance_mm, workers, listener)
    found = _gathered(cohort, results, n_single, kind_of, seed=seed, level=level)
    if out is not None:
        _write(found, out, overwrite=overwrite)
    return found


def _gathered(
    cohort: Cohort,
    results: Iterable[_Compared],
    n_single: int,
    kind_of: Callable[[str, str], str | None] | None,
    *,
    seed: int,
    level: float,
) -> RaterAgreement:
    """Put the cases' comparisons together; raise where there is none."""
    left_out: list[LeftOut] = []
    compared: list[Agreement] = []
    ceilings: list[CeilingRow] = []
    for result in results:
        left_out += result.left_out
        compared += [result.agreement] if result.agreement else []
        ceilings += result.ceiling
    pairs = [pair for each in compared for pair in each.pairs]
    if not pairs:
        reason = left_out[0].reason if left_out else "nothing"
        raise CohortError(f"No two masks of a case in '{cohort.name}' could be read", got=reason)
    structures = [structure for each in compared for structure in each.structures]
    table, top = agreement_table(pairs), ceiling_table(ceilings)
    return RaterAgreement(
        raters=cohort.raters,
        n_cases=len({pair.case for pair in pairs}),
        n_subjects=len({pair.subject for pair in pairs}),
        n_single=n_single,
        pairs=table,
        summary=summarise_agreement(
            table, structures, top, seed=seed, level=level, kind_of=kind_of
        ),
        ceiling=top,
        undefined=undefined_agreement(table, top, structures),
        adjudicate=to_adjudicate(pairs, structures),
        sizes=sizes_table(structures),
        duplicates=tuple(find_duplicate_raters(pairs)),
        left_out=tuple(left_out),
    )


def shared_cases(cohort: Cohort, without: Sequence[str] = ()) -> tuple[Cohort, int]:
    """Return the cases with two raters or more, and how many have but one.

    Raises
    ------
    UsageError
        If a rater to leave out is unknown.
    CohortError
        If no case has two raters.
    """
    cohort = of_people(without_raters(cohort, without))
    shared = cohort.where(lambda case: len(case.masks) > 1)
    if not len(shared):
        raise CohortError(
            f"No case of '{cohort.name}' has two raters",
            got=", ".join(cohort.raters) or "no mask",
            cure="Import with {rater} in --mask-pattern, or add a column mask_NAME to cases.csv.",
        )
    return shared, len(cohort.labelled()) - len(shared)


def people_of(cohort: Cohort) -> tuple[str, ...]:
    """Raters of a cohort who drew, without what they came to.

    A consensus is a rater called ``consensus``, or the first one of a cohort that `suffice fuse`
    wrote. It must not be held against those whom it is made of, nor vote with them.
    """
    fused = cohort.raters[:1] if (cohort.root / STATISTICS_CSV).is_file() else ()
    return tuple(r for r in cohort.raters if r != CONSENSUS and r not in fused)


def of_people(cohort: Cohort) -> Cohort:
    """Take the masks of a consensus out of a cohort, see `people_of`."""
    return _drawn_by(cohort, people_of(cohort))


def without_raters(cohort: Cohort, without: Sequence[str]) -> Cohort:
    """Take the masks of some raters out of a cohort; raise a `UsageError` for unknown names."""
    unknown = [rater for rater in without if rater not in cohort.raters]
    if unknown:
        raise UsageError(
            f"Cohort '{cohort.name}' has no rater '{unknown[0]}'", got=", ".join(cohort.raters)
        )
    return _drawn_by(cohort, [rater for rater in cohort.raters if rater not in without])


def _drawn_by(cohort: Cohort, raters: Sequence[str]) -> Cohort:
    return replace(cohort, cases=tuple(drawn_by(case, raters) for case in cohort.cases))


def drawn_by(case: Case, raters: Container[str]) -> Case:
    """Return a case with the masks, plain and soft, of these raters alone."""
    return replace(
        case,
        masks={r: path for r, path in case.masks.items() if r in raters},
        soft_masks={r: path for r, path in case.soft_masks.items() if r in raters},
    )


def read_masks(cohort: Cohort, case: Case) -> tuple[Masks, Grid | None, list[LeftOut]]:
    """Read every rater's mask of a case; those that cannot be read are told."""
    masks, left_out = {}, []
    grid = None
    for rater, path in case.masks.items():
        try:
            mask = read_case_mask(cohort, case, rater)
            if mask.unlabelled is not None:
                left_out.append(LeftOut(path, "its unlabelled voxels agree with nothing"))
                continue
            masks[rater], grid = mask.array, mask.grid
        except SufficeError as error:
            left_out.append(LeftOut(path, str(error)))
    return masks, grid, left_out


@dataclass(frozen=True, slots=True)
class _Compared:
    agreement: Agreement | None
    ceiling: tuple[CeilingRow, ...]
    left_out: tuple[LeftOut, ...]


def _compare_all(
    cohort: Cohort, nsd_tolerance_mm: float, workers: int | None, listener: Listener
) -> Iterator[_Compared]:
    # Threads, as reading and the distance transform run outside of the interpreter's lock.
    pool = ThreadPoolExecutor(workers or usable_cores())
    try:
        results = pool.map(partial(_compare, cohort, nsd_tolerance_mm), cohort.cases)
        for i, (case, result) in enumerate(zip(cohort.cases, results, strict=True), 1):
            yield result
            listener(Progress("agree", i / len(cohort), note=case.name))
    finally:
        pool.shutdown(cancel_futures=True)


def _compare(cohort: Cohort, nsd_tolerance_mm: float, case: Case) -> _Compared:
    masks, grid, left_out = read_masks(cohort, case)
    if grid is None or len(masks) < 2:
        return _Compared(None, (), tuple(left_out))
    about: dict[str, Any] = {"case": case.name, "subject": case.subject}
    about["nsd_tolerance_mm"] = nsd_tolerance_mm
    found = agreement(masks, grid, cohort.legend, **about)
    top = ceiling(masks, grid, cohort.legend, **about)
    return _Compared(found, top, tuple(left_out))


def _write(found: RaterAgreement, out: Path, *, overwrite: bool) -> None:
    with writing_folder(out, overwrite=overwrite) as folder:
        write_scores(folder / AGREEMENT_CSV, found.pairs)
        write_scores(folder / "summary.csv", found.summary)
        write_scores(folder / CEILING_CSV, found.ceiling)
        if len(found.undefined):
            write_scores(folder / UNDEFINED_CSV, found.undefined)
        write_scores(folder / "adjudicate.csv", found.adjudicate)
        write_scores(folder / "sizes.csv", found.sizes)
        write_heatmap(folder / "heatmap.png", found.pairs)
        if found.left_out:
            write_left_out(folder / LEFT_OUT_CSV, found.left_out)
