"""The main job: from a few masks to a model, an honest score, masks, volumes and a report."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from suffice.core import Budget, Cohort, Listener, Progress, silent
from suffice.io import LeftOut
from suffice.io.left_out import LEFT_OUT_CSV, read_left_out, write_left_out
from suffice.qc import labelled_duplicates
from suffice.report import write_report
from suffice.segmenters import UNetSegmenter, load_segmenter
from suffice.study import (
    MEAN,
    Caution,
    StudyFolder,
    changed_versions,
    read_cautions,
    read_record,
    summarise,
    write_cautions,
    write_scores,
)
from suffice.workflows.evaluating import evaluate
from suffice.workflows.locking import alone_in
from suffice.workflows.measuring import measure_study
from suffice.workflows.opening import Division, divide, open_study
from suffice.workflows.predicting import SegmenterLoader, predict_scans
from suffice.workflows.scans import scan_of_case
from suffice.workflows.training import SegmenterMaker, train

RUNG = "unet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What a run left.

    Parameters
    ----------
    folder, report : Path
    dice, dice_low, dice_high : float
        Mean Dice over the structures on unseen subjects, with its interval.
    n_scored, n_predicted : int
        Cases with a score, and cases without a mask that got one.
    left_out : tuple of LeftOut
    cautions : tuple of Caution
        What makes the score doubtful: scans that are there twice under different subjects.
    """

    folder: Path
    report: Path
    dice: float
    dice_low: float
    dice_high: float
    n_scored: int
    n_predicted: int
    left_out: tuple[LeftOut, ...]
    cautions: tuple[Caution, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What every step of a run needs."""

    cohort: Cohort
    study: StudyFolder
    division: Division
    minutes_each: float
    seed: int
    mirror: bool
    make_segmenter: SegmenterMaker
    load: SegmenterLoader
    listener: Listener


def run(
    cohort: Cohort,
    out: Path,
    *,
    minutes: float,
    test: Sequence[str] | None = None,
    seed: int = 0,
    mirror: bool = False,
    overwrite: bool = False,
    make_segmenter: SegmenterMaker = UNetSegmenter,
    load: SegmenterLoader = load_segmenter,
    listener: Listener = silent,
) -> Study:
    """Train, score on unseen subjects, predict, measure and report, all in one study folder.

    A run that is killed goes on where it was when it is called again with the same arguments:
    models and masks that stand whole are kept, a training goes on from its checkpoint.

    Parameters
    ----------
    cohort : Cohort
        At least two of its subjects must be labelled.
    out : Path
        The study folder.
    minutes : float
        For all trainings together; each model gets an equal share.
    test : sequence of str, optional
        Labelled cases to score on, which no model of the study learns from. By default a
        fifth of the subjects is held out for the score where at least 30 are labelled, and
        fewer are scored in three folds; the final model then learns from all of them.
    seed : int
        Seed of the split, the trainings and the intervals.
    mirror : bool
        Whether to average predictions over mirrored pictures; volumes are never mirrored.
    overwrite : bool
        Whether a study with other settings or data may be replaced.
    make_segmenter, load : callable
        Make the segmenter that is to be fitted, and read a fitted one.
    listener : callable
        Is told the progress.

    Raises
    ------
    SufficeError
        If the cohort, a setting or the folder cannot be used, or another run is at work in it.
    """
    out = Path(out)
    Budget(minutes=minutes)
    division = divide(cohort, test=test, seed=seed)
    minutes_each = minutes / division.n_models
    settings = {"minutes_in_all": minutes, "test": list(test or ()), "mirror": mirror}
    with alone_in(out):
        study, division = open_study(
            cohort,
            out,
            division,
            rung=RUNG,
            seed=seed,
            minutes=minutes_each,
            settings=settings,
            overwrite=overwrite,
        )
        return _run(
            _Job(
                cohort=cohort,
                study=study,
                division=division,
                minutes_each=minutes_each,
                seed=seed,
                mirror=mirror,
                make_segmenter=make_segmenter,
                load=load,
                listener=listener,
            )
        )


def _run(job: _Job) -> Study:
    """Do what of a study is not done yet, in a folder that nobody else is at work in."""
    cohort, study = job.cohort, job.study
    cautions = _doubts(job)
    _train_models(job)
    failed = _predict_scored(job)
    unlabelled = cohort.unlabelled()
    failed += _predict_cases(job, None, unlabelled.names, study.predictions)
    summary, unscored = _score(job)
    write_scores(study.measures, measure_study(cohort, study, listener=job.listener))
    left_out = (*read_left_out(cohort.root / LEFT_OUT_CSV), *failed, *unscored)
    write_left_out(study.left_out, left_out)
    report = write_report(study.root)
    shutil.rmtree(study.work, ignore_errors=True)
    return _conclude(job, summary, report, left_out, cautions)


def _doubts(job: _Job) -> tuple[Caution, ...]:
    """Write ``cautions.csv`` before the first training, and add to it what a later start finds."""
    path = job.study.cautions
    if path.is_file():
        cautions = read_cautions(path)
    else:
        copies = labelled_duplicates(job.cohort, listener=job.listener)
        cautions = tuple(Caution(f.kind, f.cases, f.message, f.cure) for f in copies)
    changed = changed_versions(read_record(job.study.record).versions)
    if changed is not None and changed not in cautions:
        cautions = (*cautions, changed)
    write_cautions(path, cautions)
    return cautions


def _train_models(job: _Job) -> None:
    """Train the final model, then those that are scored: their folders lie inside its own."""
    models = job.division.learned_from()
    for i, (fold, names) in enumerate(models.items()):
        place = job.study.model(RUNG, fold)
        if place.exists():
            continue
        words = "final model" if fold is None else f"model {fold + 1} of {len(models) - 1}"
        train(
            job.cohort,
            place,
            minutes=job.minutes_each,
            cases=names,
            seed=job.seed,
            workdir=job.study.work / place.name,
            make_segmenter=job.make_segmenter,
            listener=_part_of(
                job.listener, words, minutes_after=job.minutes_each * (len(models) - 1 - i)
            ),
        )


def _part_of(listener: Listener, words: str, *, minutes_after: float) -> Listener:
    """Name the training in what is told, and count in the time of those that follow."""

    def listen(progress: Progress) -> None:
        left = progress.minutes_left
        left = None if left is None else left + minutes_after
        listener(replace(progress, task=f"{words}: {progress.task}", minutes_left=left))

    return listen


def _predict_scored(job: _Job) -> list[LeftOut]:
    failed: list[LeftOut] = []
    for fold, names in job.division.scored_on().items():
        failed += _predict_cases(job, fold, names, job.study.validation)
    return failed


def _predict_cases(
    job: _Job, fold: int | None, names: Sequence[str], folder: Path
) -> tuple[LeftOut, ...]:
    """Predict cases with a fold's model into ``folder``; return those that cannot be read."""
    cases = job.cohort.subset(names).cases
    return predict_scans(
        [scan_of_case(job.cohort, case) for case in cases],
        folder,
        load=partial(job.load, job.study.model(RUNG, fold)),
        mirror=job.mirror,
        task=f"predict {folder.name}",
        listener=job.listener,
    ).failed


def _score(job: _Job) -> tuple[pd.DataFrame, tuple[LeftOut, ...]]:
    """Write ``scores.csv`` and ``summary.csv``; return the summary and what has no score."""
    fold_of = {
        name: "" if fold is None else str(fold)
        for fold, names in job.division.scored_on().items()
        for name in names
    }
    scored = job.cohort.subset(fold_of)
    evaluation = evaluate(job.study.validation, scored, seed=job.seed, listener=job.listener)
    scores = evaluation.scores.assign(rung=RUNG, fold=evaluation.scores["case"].map(fold_of))
    summary = summarise(scores, seed=job.seed)
    write_scores(job.study.scores, scores)
    write_scores(job.study.summary, summary)
    if len(evaluation.ceiling):
        write_scores(job.study.ceiling, evaluation.ceiling)
        write_scores(job.study.ceiling_summary, evaluation.ceiling_summary)
    return summary, evaluation.left_out


def _conclude(
    job: _Job,
    summary: pd.DataFrame,
    report: Path,
    left_out: tuple[LeftOut, ...],
    cautions: tuple[Caution, ...],
) -> Study:
    is_headline = (summary["label"] == MEAN) & (summary["metric"] == "dice")
    # Nothing but correctly absent structures has no Dice.
    headline = summary[is_headline].to_dict("records") or [{}]
    return Study(
        folder=job.study.root,
        report=report,
        dice=float(headline[0].get("mean", "nan")),
        dice_low=float(headline[0].get("low", "nan")),
        dice_high=float(headline[0].get("high", "nan")),
        n_scored=int(headline[0].get("n_cases", 0)),
        n_predicted=sum(not path.name.startswith(".") for path in _files(job.study.predictions)),
        left_out=left_out,
        cautions=cautions,
    )


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
