"""Score a folder of masks against references, case by case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
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
    SufficeError,
    silent,
)
from suffice.cores import usable_cores
from suffice.files import require_free, writing_folder
from suffice.io import LeftOut
from suffice.io.left_out import LEFT_OUT_CSV, write_left_out
from suffice.metrics import Advice, Panel, StructureFacts, advise, mask_facts
from suffice.raters import CeilingRow, Method
from suffice.study import (
    score_rows,
    scores_table,
    summarise,
    undefined_rows,
    write_scores,
)
from suffice.study.ceiling import CEILING_SUMMARY_CSV, ceiling_scores, summarise_ceiling
from suffice.study.estimates import compare_estimates, read_estimates
from suffice.study.scores import mean_over_raters
from suffice.workflows.objects import ObjectSource, objects_table
from suffice.workflows.references import (
    ALL_RATERS,
    Pair,
    References,
    masks_in,
    pair,
    read_references,
)
from suffice.workflows.scoring import CaseScores, Wanted, score_pair

SCORES_CSV = "scores.csv"
_ONE_TABLE = ".csv"


@dataclass(frozen=True)
class Evaluation:
    """Scores of every case, their summary, and what could not be scored with the reason.

    Parameters
    ----------
    scores, summary : DataFrame
        With the column ``rater`` where every rater was asked for; the rater ``all`` of the
        summary averages them in each case first.
    left_out : tuple of LeftOut
    undefined : DataFrame
        The values that are in no mean, with the reason.
    ceiling : DataFrame
        Each rater against the consensus of the others, with the columns ``case, subject, label,
        rater, metric, value``; empty where no scored case has several raters.
    ceiling_summary : DataFrame
        Its means with intervals, as ``summary``.
    objects : DataFrame
        What told the objects apart where metrics of instances were asked for: the columns
        ``case, rater, drawn, predicted``, each ``map`` or ``components``.
    quality : DataFrame
        True beside predicted Dice, where a table of estimates lies with the masks and one rater
        is the reference, see `suffice.study.estimates.compare_estimates`.
    partly : DataFrame
        References that label a part of the voxels, which alone are scored: the columns ``case,
        rater, labelled``, the last the part from 0 to 1.
    """

    scores: pd.DataFrame
    summary: pd.DataFrame
    left_out: tuple[LeftOut, ...]
    undefined: pd.DataFrame = field(default_factory=pd.DataFrame)
    ceiling: pd.DataFrame = field(default_factory=pd.DataFrame)
    ceiling_summary: pd.DataFrame = field(default_factory=pd.DataFrame)
    objects: pd.DataFrame = field(default_factory=pd.DataFrame)
    quality: pd.DataFrame = field(default_factory=pd.DataFrame)
    partly: pd.DataFrame = field(default_factory=pd.DataFrame)


def evaluate(
    predictions: Path | str,
    references: Path | str | Cohort,
    out: Path | str | None = None,
    *,
    rater: str | None = None,
    consensus: Method = "majority",
    panel: Panel | None = None,
    instances: bool = False,
    ceiling: bool = True,
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
        A folder of masks, each named after its case, or one mask. Probabilities in its folder
        ``probabilities`` are scored too (Brier, ECE, log loss).
    references : Path or Cohort
        A cohort, its folder, a folder of masks, or one mask. Without a cohort the structures
        are the values that occur in the references, and the subject is read from the name, as in
        ``sub-01_ses-2``; a file whose name tells none is a subject of its own.
    out : Path, optional
        Folder for the tables of an `Evaluation`, ``scores.csv`` first. A name that ends in
        ``.csv`` is that of a file for the scores alone.
    rater : str, optional
        Whose masks of a cohort are the reference; the first rater's by default. ``all`` scores
        against each, ``consensus`` against what they come to.
    consensus : str
        How a consensus that the cohort does not hold is made, see `suffice.raters.fuse`.
    panel : Panel, optional
        Metrics, tolerance, definition of surfaces and policy for empty masks.
    instances : bool
        Whether single objects are scored as well: those of the maps of instances that the
        cohort keeps and that lie in the folder ``instances`` of the predictions, connected
        components where there is none.
    ceiling : bool
        Whether to work out the human ceiling where a cohort has several raters.
    level, seed : float, int
        Coverage of the intervals and seed of their bootstrap.
    workers : int, optional
        Cases scored at a time; the cores by default. Each holds its masks in memory.
    overwrite : bool
        Whether ``out`` may be replaced.
    listener : callable

    Returns
    -------
    Evaluation
        References without a prediction, predictions without a reference and pairs that do not
        fit are in ``left_out``; predictions of cases that a cohort knows as unlabelled are not.

    Raises
    ------
    SufficeError
        If nothing can be scored, or ``out`` cannot be written.
    """
    predictions, place = Path(predictions), _free_place(out, overwrite=overwrite)
    known = read_references(_path(references), rater, consensus)
    pairs, left_out = pair(_masks_of(known, predictions), known)
    wanted = Wanted(panel=panel or Panel.default(), instances=instances, ceiling=ceiling)
    scored = _score_all(known, wanted, pairs, workers, listener)
    found = _gathered(known, scored, left_out, predictions, seed=seed, level=level)
    if place is not None:
        _write(found, place, overwrite=overwrite)
    return found


def _free_place(out: Path | str | None, *, overwrite: bool) -> Path | None:
    if out is None:
        return None
    place = Path(out)
    mark = None if place.suffix == _ONE_TABLE else SCORES_CSV
    require_free(place, overwrite=overwrite, mark=mark)
    return place


def _masks_of(known: References, predictions: Path) -> dict[str, Path]:
    """Name predicted masks; a single one is that of a single reference, whatever its name."""
    if predictions.is_file() and len(known.cases) == 1:
        return {known.cases[0].name: predictions}
    return masks_in(predictions)


def _gathered(
    known: References,
    scored: Iterable[tuple[Case, CaseScores]],
    left_out: Sequence[LeftOut],
    predictions: Path,
    *,
    seed: int,
    level: float,
) -> Evaluation:
    """Put the cases' scores together; raise where there is none."""
    rows: list[dict[str, object]] = []
    ceilings: list[CeilingRow] = []
    sources: list[ObjectSource] = []
    partly: list[dict[str, object]] = []
    failed = [*left_out]
    for case, result in scored:
        failed += result.left_out
        ceilings += result.ceiling
        sources += result.objects
        for name, labelled in result.labelled.items():
            partly.append({"case": case.name, "rater": name, "labelled": round(labelled, 6)})
        rows += _rows(case, result, known.rater == ALL_RATERS)
    if not rows:
        raise CohortError(
            f"No mask of '{predictions}' could be scored",
            got=failed[0].reason if failed else "no masks",
            cure="Name each mask after its case.",
        )
    evaluation = _evaluation(rows, ceilings, failed, seed=seed, level=level)
    return replace(
        evaluation,
        objects=objects_table(sources),
        quality=_quality(predictions, evaluation.scores),
        partly=pd.DataFrame(partly),
    )


def advise_on(
    references: Path | str | Cohort, *, listener: Listener = silent
) -> tuple[Advice, int]:
    """Name the metrics that suit the drawn masks of a cohort, with reasons.

    Parameters
    ----------
    references : Path or Cohort
        As for `evaluate`; the masks of all raters of a cohort speak for it, a consensus only
        where nobody else drew.
    listener : callable

    Returns
    -------
    advice : Advice
    n_masks : int
        How many masks it rests on; those that cannot be read are passed over.
    """
    known = read_references(_path(references), ALL_RATERS)
    facts: list[StructureFacts] = []
    n_masks = 0
    for i, case in enumerate(known.cases, 1):
        for mask in _readable(known, case):
            facts += mask_facts(np.asarray(mask.array), mask.grid, known.legend)
            n_masks += 1
        listener(Progress("advise", i / len(known.cases), note=case.name))
    return advise(facts, n_raters=max(len(known.people), 1)), n_masks


def _readable(known: References, case: Case) -> Iterator[LabelMap]:
    for rater in known.raters_of(case):
        try:
            yield known.read_one(case, rater)
        except SufficeError:
            continue


def _quality(predictions: Path, scores: pd.DataFrame) -> pd.DataFrame:
    """Compare the estimates that `predict` left beside the masks with what became of them."""
    estimates = read_estimates(predictions) if predictions.is_dir() else None
    if estimates is None or "rater" in scores.columns:
        return pd.DataFrame()
    return compare_estimates(estimates, scores)


def _path(place: Path | str | Cohort) -> Path | Cohort:
    return place if isinstance(place, Cohort) else Path(place)


def _score_all(
    known: References,
    wanted: Wanted,
    pairs: list[Pair],
    workers: int | None,
    listener: Listener,
) -> Iterator[tuple[Case, CaseScores]]:
    # Threads, as reading and the distance transform run outside of the interpreter's lock.
    pool = ThreadPoolExecutor(workers or usable_cores())
    try:
        results = pool.map(partial(score_pair, known, wanted), pairs)
        for i, (each, result) in enumerate(zip(pairs, results, strict=True), 1):
            yield each.case, result
            listener(Progress("evaluate", i / len(pairs), note=each.case.name))
    finally:
        pool.shutdown(cancel_futures=True)


def _rows(case: Case, result: CaseScores, by_rater: bool) -> Iterator[dict[str, object]]:
    for rater, scores in result.by_rater.items():
        for row in score_rows(case, scores):
            yield {**row, "rater": rater} if by_rater else row


def _evaluation(
    rows: list[dict[str, object]],
    ceilings: Iterable[CeilingRow],
    left_out: Iterable[LeftOut],
    *,
    seed: int,
    level: float,
) -> Evaluation:
    scores = scores_table(rows)
    if "rater" in rows[0]:
        scores["rater"] = [str(row["rater"]) for row in rows]
        parts = {str(name): part for name, part in scores.groupby("rater", sort=False)}
        parts = {ALL_RATERS: mean_over_raters(scores), **parts}
        summary, undefined = (
            pd.concat([of(part).assign(rater=name) for name, part in parts.items()])
            for of in (lambda part: summarise(part, seed=seed, level=level), undefined_rows)
        )
        summary, undefined = summary.reset_index(drop=True), undefined.reset_index(drop=True)
    else:
        summary, undefined = summarise(scores, seed=seed, level=level), undefined_rows(scores)
    top = ceiling_scores(ceilings)
    return Evaluation(
        scores=scores,
        summary=summary,
        left_out=tuple(left_out),
        undefined=undefined,
        ceiling=top,
        ceiling_summary=summarise_ceiling(top, seed=seed, level=level),
    )


def _write(evaluation: Evaluation, out: Path, *, overwrite: bool) -> None:
    if out.suffix == _ONE_TABLE:
        write_scores(out, evaluation.scores, overwrite=overwrite)
        return
    with writing_folder(out, overwrite=overwrite) as folder:
        write_scores(folder / SCORES_CSV, evaluation.scores)
        write_scores(folder / "summary.csv", evaluation.summary)
        if len(evaluation.undefined):
            write_scores(folder / "undefined.csv", evaluation.undefined)
        if len(evaluation.ceiling):
            write_scores(folder / "ceiling.csv", evaluation.ceiling)
            write_scores(folder / CEILING_SUMMARY_CSV, evaluation.ceiling_summary)
        if len(evaluation.objects):
            write_scores(folder / "objects.csv", evaluation.objects)
        if len(evaluation.quality):
            write_scores(folder / "quality.csv", evaluation.quality)
        if len(evaluation.partly):
            write_scores(folder / "partly.csv", evaluation.partly)
        if evaluation.left_out:
            write_left_out(folder / LEFT_OUT_CSV, evaluation.left_out)
