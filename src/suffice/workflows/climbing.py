"""Fit every rung of a study on the same splits, score them on the same cases, choose one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from suffice.core import (
    Cohort,
    Listener,
    Progress,
    StorageError,
    SufficeError,
    UsageError,
)
from suffice.io import LeftOut
from suffice.quality import LEAST_SUBJECTS
from suffice.segmenters.gauging import gauging
from suffice.study import (
    Choice,
    Cost,
    StudyFolder,
    StudyRecord,
    choice_of,
    ladder_table,
    read_costs,
    write_costs,
    write_record,
    write_scores,
)
from suffice.workflows.allotting import Rungs
from suffice.workflows.evaluating import Evaluation, evaluate
from suffice.workflows.learning import started
from suffice.workflows.opening import Division
from suffice.workflows.predicting import Predicted, SegmenterLoader, predict_scans
from suffice.workflows.scans import scan_of_case
from suffice.workflows.training import train
from suffice.workflows.witnessing import Traits, Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What every step of a run needs."""

    cohort: Cohort
    study: StudyFolder
    record: StudyRecord
    division: Division
    mirror: bool
    rungs: Rungs
    load: SegmenterLoader
    traits: Traits
    judge: bool
    listener: Listener

    @property
    def judged(self) -> bool:
        """Whether masks are judged: where that is wanted and enough subjects are held back."""
        scored = self.cohort.subset(self.division.fold_of())
        return self.judge and len(scored.subjects) >= LEAST_SUBJECTS

    @property
    def seed(self) -> int:
        """Seed of the split, the trainings and the intervals."""
        return self.record.seed

    @property
    def climbed(self) -> tuple[str, ...]:
        """Rungs that are fitted, the cheapest first."""
        return tuple(n for n in self.record.allotted if n not in self.record.refused)

    def keeping(self, **changes: object) -> Job:
        """Write what has become of the study into its record."""
        record: StudyRecord = replace(self.record, **changes)  # type: ignore[arg-type]
        write_record(self.study.record, record)
        return replace(self, record=record)


def fit_folds(job: Job) -> tuple[Job, list[LeftOut]]:
    """Train, rung after rung, the models that are scored, and predict what they are scored on.

    A rung that cannot be fitted to this cohort is noted with its reason where there are others.
    """
    failed: list[LeftOut] = []
    for rung in job.climbed:
        try:
            for fold, split in enumerate(job.division.folds):
                _train(job, rung, fold, split.train)
                done = predict_cases(job, rung, fold, split.test, job.study.validation(rung))
                failed += done.failed
        except (StorageError, UsageError):
            raise
        except SufficeError as error:
            if len(job.climbed) == 1:
                raise
            job = job.keeping(refused={**job.record.refused, rung: str(error)})
    return job, failed


def fit_final(job: Job) -> list[LeftOut]:
    """Train the model for the scans without a mask, and predict them and the cases set apart."""
    rung, final = job.record.rung, job.division.final
    _train(job, rung, None, final.train)
    failed: list[LeftOut] = []
    likeness = partial(job.traits.likeness, final.train)
    witness = Witness(likeness, mirror=job.mirror) if job.judged else None
    places = (
        (final.test, job.study.validation(rung)),
        (
            job.cohort.unlabelled().names,
            job.study.predictions,
        ),
    )
    for names, folder in places:
        failed += predict_cases(job, rung, None, names, folder, witness).failed
    return failed


def choose(job: Job) -> Job:
    """Choose the rung with the best mean Dice over the folds, and say so in the record.

    Raises
    ------
    CohortError
        If no rung could be scored.
    """
    if len(job.record.allotted) == 1:
        (only,) = job.record.allotted
        return job.keeping(rung=only, choice="the only kind of model that was asked for")
    scores = pd.concat([score_rung(job, rung, is_final=False).scores for rung in job.climbed])
    choice = choice_of(write_ladder(job, scores))
    return job.keeping(rung=choice.best, choice=_words(choice, len(job.climbed)))


def _words(choice: Choice, n_rungs: int) -> str:
    if n_rungs == 1:
        return "the only kind of model that could be fitted"
    words = f"best mean Dice of {n_rungs} kinds of models over the folds"
    return words if choice.enough == choice.best else f"{words}; {choice.enough} would be enough"


def write_ladder(job: Job, scores: pd.DataFrame) -> pd.DataFrame:
    """Put the rungs side by side in ``ladder.csv``."""
    folds = {str(fold) for fold in range(len(job.division.folds))} or {""}
    costs = [cost for cost in read_costs(job.study.costs) if cost.fold in folds]
    table = ladder_table(scores, costs, job.record.refused, seed=job.seed)
    write_scores(job.study.ladder, table)
    return table


def score_rung(job: Job, rung: str, *, is_final: bool, ceiling: bool = False) -> Evaluation:
    """Score a rung: its fold models on their folds, or the final model on the cases set apart."""
    fold_of = {c: f for c, f in job.division.fold_of().items() if (f == "") == is_final}
    evaluation = evaluate(
        job.study.validation(rung),
        job.cohort.subset(fold_of),
        ceiling=ceiling,
        seed=job.seed,
        listener=job.listener,
    )
    here = evaluation.scores["case"].map(fold_of)
    return replace(evaluation, scores=evaluation.scores.assign(rung=rung, fold=here))


def predict_cases(
    job: Job,
    rung: str,
    fold: int | None,
    names: Sequence[str],
    folder: Path,
    witness: Witness | None = None,
) -> Predicted:
    """Predict cases with a model of the study into a folder; note what a scan took."""
    cases = job.cohort.subset(names).cases
    witnessed = witness.seconds if witness else 0.0
    with gauging() as gauge:
        done = predict_scans(
            [scan_of_case(job.cohort, case) for case in cases],
            folder,
            load=partial(job.load, job.study.model(rung, fold)),
            mirror=job.mirror,
            witness=witness,
            task=f"predict {folder.name}",
            listener=job.listener,
        )
    if done.written:
        seconds = gauge.seconds - (witness.seconds if witness else 0.0) + witnessed
        _note_cost(job, rung, fold, seconds_per_scan=seconds / len(done.written))
    return done


def _train(job: Job, rung: str, fold: int | None, names: Sequence[str]) -> None:
    place = job.study.model(rung, fold)
    if place.exists():
        return
    with gauging() as gauge:
        train(
            job.cohort,
            place,
            minutes=job.record.allotted[rung],
            cases=names,
            seed=job.seed,
            workdir=job.study.work / place.name,
            model=rung,
            rungs=job.rungs,
            **started(job.record.settings, job.rungs[rung]),
            listener=_part_of(job, rung, fold),
        )
    _note_cost(job, rung, fold, minutes=gauge.minutes, memory_gb=gauge.peak_gb)


def _note_cost(job: Job, rung: str, fold: int | None, **seen: float) -> None:
    """Keep what a training or its predictions took in ``costs.csv``."""
    name = "" if fold is None else str(fold)
    costs = {(c.rung, c.fold): c for c in read_costs(job.study.costs)}
    known = costs.get((rung, name), Cost(rung, name, math.nan))
    costs[rung, name] = Cost(
        rung,
        name,
        seen.get("minutes", known.minutes),
        seen.get("memory_gb", known.memory_gb),
        seen.get("seconds_per_scan", known.seconds_per_scan),
    )
    write_costs(job.study.costs, list(costs.values()))


def _part_of(job: Job, rung: str, fold: int | None) -> Listener:
    """Name the training in what is told, and count in the time of those that follow."""
    n_folds = len(job.division.folds)
    words = "final model" if fold is None else f"model {fold + 1} of {n_folds}"
    if len(job.record.allotted) > 1:
        words = f"{rung}, {words}"
    after = sum(_minutes_after(job, rung, fold))

    def listen(progress: Progress) -> None:
        left = progress.minutes_left
        left = None if left is None else left + after
        job.listener(replace(progress, task=f"{words}: {progress.task}", minutes_left=left))

    return listen


def _minutes_after(job: Job, rung: str, fold: int | None) -> Iterator[float]:
    if fold is None:
        return
    n_folds, names = len(job.division.folds), job.climbed
    yield (n_folds - 1 - fold) * job.record.allotted[rung]
    for later in names[names.index(rung) + 1 :]:
        yield n_folds * job.record.allotted[later]
    yield max(job.record.allotted[name] for name in names)
