"""Score a folder of masks against references, case by case."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from suffice.core import (
    Case,
    Cohort,
    CohortError,
    FileFormatError,
    LabelError,
    LabelMap,
    Legend,
    Listener,
    Progress,
    SufficeError,
    UsageError,
    silent,
)
from suffice.files import require_free, writing_folder
from suffice.io import LeftOut, read_case_mask, read_cohort, read_mask, read_mask_array
from suffice.io.formats import MODULES, stem_of, suffix_of
from suffice.io.left_out import LEFT_OUT_CSV, write_left_out
from suffice.metrics import Panel, Score, score_case
from suffice.study import available_cores, score_rows, scores_table, summarise, write_scores

SCORES_CSV = "scores.csv"
_MAX_GUESSED_LABELS = 64


@dataclass(frozen=True)
class Evaluation:
    """Scores of every case, their summary, and what could not be scored with the reason."""

    scores: pd.DataFrame
    summary: pd.DataFrame
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class _Pair:
    case: Case
    predicted: Path


@dataclass(frozen=True, slots=True)
class _References:
    """Cases with reference masks, and how to read one."""

    cases: tuple[Case, ...]
    legend: Legend
    cohort: Cohort | None = None
    rater: str | None = None

    def read(self, case: Case) -> LabelMap:
        if self.cohort is not None:
            return read_case_mask(self.cohort, case, self.rater)
        return read_mask(next(iter(case.masks.values())), self.legend)


def evaluate(
    predictions: Path,
    references: Path | Cohort,
    out: Path | None = None,
    *,
    rater: str | None = None,
    nsd_tolerance_mm: float = 1.0,
    level: float = 0.95,
    seed: int = 0,
    workers: int | None = None,
    overwrite: bool = False,
    listener: Listener = silent,
) -> Evaluation:
    """Score predicted masks against references of the same name.

    Parameters
    ----------
    predictions : Path
        A folder of masks, each named after its case, or one mask.
    references : Path or Cohort
        A cohort, its folder, a folder of masks, or one mask. Without a cohort the structures
        are the values that occur in the references, and every file is a subject of its own.
    out : Path, optional
        Folder for ``scores.csv``, ``summary.csv`` and ``left_out.csv``.
    rater : str, optional
        Whose masks of a cohort are the reference; the first rater's by default.
    nsd_tolerance_mm : float
        Tolerance of the surface Dice, in mm (pixels where the spacing is unknown).
    level : float
        Coverage of the intervals.
    seed : int
        Seed of the bootstrap.
    workers : int, optional
        Cases scored at a time; the cores by default. Each holds two masks in memory.
    overwrite : bool
        Whether ``out`` may be replaced.
    listener : callable
        Told the progress.

    Returns
    -------
    Evaluation
        References without a prediction, predictions without a reference and pairs that do not
        fit are in ``left_out``.

    Raises
    ------
    SufficeError
        If nothing can be scored, or ``out`` cannot be written.
    """
    if out is not None:
        require_free(out, overwrite=overwrite, mark=SCORES_CSV)
    predicted = _masks_in(predictions)
    known = _read_references(references, rater)
    if predictions.is_file() and len(known.cases) == 1:
        predicted = {known.cases[0].name: predictions}
    pairs, left_out = _pair(predicted, known)
    rows = []
    # Threads, as reading and the distance transform run outside of the interpreter's lock.
    pool = ThreadPoolExecutor(workers or available_cores())
    try:
        results = pool.map(partial(_score_pair, known, nsd_tolerance_mm), pairs)
        for i, (pair, result) in enumerate(zip(pairs, results, strict=True), 1):
            if isinstance(result, SufficeError):
                left_out.append(LeftOut(pair.predicted, str(result)))
            else:
                rows += score_rows(pair.case, result)
            listener(Progress("evaluate", i / len(pairs), note=pair.case.name))
    finally:
        pool.shutdown(cancel_futures=True)
    if not rows:
        raise CohortError(
            f"No mask of '{predictions}' could be scored",
            got=left_out[0].reason if left_out else "no masks",
            cure="Name each mask after its case.",
        )
    scores = scores_table(rows)
    evaluation = Evaluation(scores, summarise(scores, seed=seed, level=level), tuple(left_out))
    if out is not None:
        _write(evaluation, out, overwrite=overwrite)
    return evaluation


def _masks_in(place: Path) -> dict[str, Path]:
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


def _read_references(references: Path | Cohort, rater: str | None) -> _References:
    if isinstance(references, Path) and not (references / "cohort.toml").is_file():
        masks = _masks_in(references)
        cases = tuple(Case(name, name, {}, {"expert": path}) for name, path in masks.items())
        return _References(cases, _guess_legend(references, masks))
    cohort = read_cohort(references) if isinstance(references, Path) else references
    drawn = cohort.where(lambda case: rater in case.masks if rater else case.is_labelled)
    if not len(drawn):
        raise CohortError(
            f"Cohort '{cohort.name}' has no reference mask" + (f" by '{rater}'" if rater else ""),
            got=", ".join(cohort.raters) or None,
        )
    return _References(drawn.cases, cohort.legend, cohort, rater)


def _guess_legend(place: Path, masks: Mapping[str, Path]) -> Legend:
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


def _pair(predicted: Mapping[str, Path], known: _References) -> tuple[list[_Pair], list[LeftOut]]:
    pairs, left_out = [], []
    for case in known.cases:
        if case.name in predicted:
            pairs.append(_Pair(case, predicted[case.name]))
        else:
            reference = next(iter(case.masks.values()))
            left_out.append(LeftOut(reference, f"no prediction is called '{case.name}'"))
    names = {case.name for case in known.cases}
    left_out += [
        LeftOut(path, f"no reference is called '{name}'")
        for name, path in predicted.items()
        if name not in names
    ]
    return pairs, left_out


def _score_pair(
    known: _References, nsd_tolerance_mm: float, pair: _Pair
) -> list[Score] | SufficeError:
    """Score a pair; what is wrong with it is returned, so that the others go on."""
    try:
        reference = known.read(pair.case)
        predicted = read_mask(pair.predicted, known.legend)
        reference.grid.require_match(predicted.grid, "the reference", f"'{pair.predicted}'")
        return score_case(
            predicted.array,
            reference.array,
            reference.grid,
            known.legend,
            panel=Panel(nsd_tolerance_mm=nsd_tolerance_mm),
        )
    except UsageError:
        raise
    except SufficeError as error:
        return error


def _write(evaluation: Evaluation, out: Path, *, overwrite: bool) -> None:
    with writing_folder(out, overwrite=overwrite) as folder:
        write_scores(folder / SCORES_CSV, evaluation.scores)
        write_scores(folder / "summary.csv", evaluation.summary)
        if evaluation.left_out:
            write_left_out(folder / LEFT_OUT_CSV, evaluation.left_out)
