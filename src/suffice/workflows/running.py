"""The main job: from a few masks to a model, an honest score, masks, volumes and a report."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from suffice.core import Budget, Cohort, Listener, silent
from suffice.io import LeftOut
from suffice.io.left_out import LEFT_OUT_CSV, read_left_out, write_left_out
from suffice.qc import labelled_duplicates, labelled_in_part
from suffice.report import write_report
from suffice.segmenters import RUNGS, load_segmenter
from suffice.segmenters.several_raters import FIRST
from suffice.study import (
    MEAN,
    Caution,
    changed_versions,
    read_cautions,
    summarise,
    write_cautions,
    write_scores,
)
from suffice.workflows.allotting import AUTO, Rungs, allot, choose_rungs
from suffice.workflows.climbing import Job, choose, fit_final, fit_folds, score_rung, write_ladder
from suffice.workflows.evaluating import Evaluation
from suffice.workflows.judging import judge_study
from suffice.workflows.learning import check_ways, doubt_of_start, starting
from suffice.workflows.locking import alone_in
from suffice.workflows.measuring import measure_study
from suffice.workflows.opening import Division, divide, open_study
from suffice.workflows.predicting import SegmenterLoader
from suffice.workflows.references import masks_in
from suffice.workflows.witnessing import Traits


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What a run left.

    Parameters
    ----------
    folder, report, ladder : Path
        The study, its report, and the table of the kinds of models.
    rung, choice : str
        The kind of model that was chosen, and why.
    dice, dice_low, dice_high : float
        Its mean Dice over the structures on unseen subjects, with its interval.
    n_scored, n_predicted : int
        Cases with a score, and cases without a mask that got one.
    left_out : tuple of LeftOut
    cautions : tuple of Caution
        What makes the score doubtful: scans that are there twice under different subjects.
    """

    folder: Path
    report: Path
    ladder: Path
    rung: str
    choice: str
    dice: float
    dice_low: float
    dice_high: float
    n_scored: int
    n_predicted: int
    left_out: tuple[LeftOut, ...]
    cautions: tuple[Caution, ...] = ()


def run(
    cohort: Cohort,
    out: Path,
    *,
    minutes: float,
    models: Sequence[str] = (AUTO,),
    test: Sequence[str] | None = None,
    seed: int = 0,
    mirror: bool = False,
    judge: bool = True,
    init: Path | None = None,
    tune: Sequence[str] = (),
    unlabelled: str | None = None,
    raters: str = FIRST,
    overwrite: bool = False,
    rungs: Rungs = RUNGS,
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
        For all trainings together. Each kind of model gets what it expects to need at most, and
        those that could always use more share the rest equally.
    models : sequence of str
        Kinds of models, see `suffice.segmenters.RUNGS`; ``all`` of them, or ``auto``, a U-Net,
        with a template beside it where that suits the cases.
        Several are fitted on the same folds, and the best by mean Dice over these is the final
        model. Kinds that do not apply are listed with the reason.
    test : sequence of str, optional
        Labelled cases to score on, which no model of the study learns from and which have no
        part in the choice among several kinds. By default a fifth of the subjects is held out
        for the score where at least 30 are labelled, and fewer are scored in three folds; the
        final model then learns from all of them.
    seed : int
        Of the split, the trainings and the intervals.
    mirror : bool
        Whether to average predictions over mirrored pictures; volumes are never mirrored.
    judge : bool
        Whether to estimate the Dice of each mask that nobody drew, where at least four scored
        subjects tell how: each of these masks and of the scored ones takes three predictions.
    init, tune : Path, sequence of str
        Trained weights that every U-Net of the study starts from, and how these are changed.
    unlabelled, raters : str, optional
        How U-Nets, alone or with a partner, learn from the cases without a mask, which are in no
        fold, or the kind ``unet`` from all raters: see `suffice.workflows.learning.untrained`.
    overwrite : bool
        Whether a study with other settings or data may be replaced.
    rungs, load : dict of str to type of Segmenter, callable
        The kinds of models to choose from, and what reads the folder of a model.
    listener : callable

    Raises
    ------
    SufficeError
        If the cohort, a setting or the folder cannot be used, or another run is at work in it.
    """
    out = Path(out)
    Budget(minutes=minutes)
    how = starting(init, tune, unlabelled=unlabelled, raters=raters)
    division = divide(cohort, test=test, seed=seed)
    names = _names(cohort, models, division, rungs, is_usual=raters == FIRST)
    if len(names) > 1:
        division = divide(cohort, test=test, seed=seed, is_choice=True)
    learned, n_folds = cohort.subset(division.final.train), len(division.folds)
    check_ways(learned, cohort.unlabelled(), names, how)
    settings = {"models": list(names), "test": list(test or ()), "mirror": mirror, **how}
    allotting = partial(allot, learned, names, minutes=minutes, n_folds=n_folds, seed=seed)
    allotting = partial(allotting, rungs=rungs, listener=listener)
    with alone_in(out):
        study, division, record = open_study(
            cohort,
            out,
            division,
            allot=allotting,
            seed=seed,
            minutes=minutes,
            settings=settings,
            overwrite=overwrite,
        )
        return _run(
            Job(
                cohort=cohort,
                study=study,
                record=record,
                division=division,
                mirror=mirror,
                rungs=rungs,
                load=load,
                traits=Traits(cohort),
                judge=judge,
                listener=listener,
            )
        )


def _names(
    cohort: Cohort, models: Sequence[str], division: Division, rungs: Rungs, *, is_usual: bool
) -> tuple[str, ...]:
    """Resolve kinds of models; ``auto`` is one that suits what each fold learns from.

    The score must be of what is handed out, so what suits all cases is not taken where it does
    not suit a fold's.
    """
    parts = [split.train for split in division.folds] or [division.final.train]
    fewest = min(parts, key=lambda names: len(cohort.subset(names).subjects))
    return choose_rungs(models, rungs, labelled=cohort.subset(fewest), is_usual=is_usual)


def _run(job: Job) -> Study:
    """Do what of a study is not done yet, in a folder that nobody else is at work in."""
    cohort, study = job.cohort, job.study
    cautions = _doubts(job)
    job, failed = fit_folds(job)
    if not job.record.rung:
        job = choose(job)
    failed += fit_final(job)
    summary, unscored = _score(job)
    judge_study(job)
    measures = measure_study(cohort, study, job.record.rung, listener=job.listener)
    write_scores(study.measures, measures)
    left_out = (*read_left_out(cohort.root / LEFT_OUT_CSV), *failed, *unscored)
    write_left_out(study.left_out, left_out)
    report = write_report(study.root)
    shutil.rmtree(study.work, ignore_errors=True)
    return _conclude(job, summary, report, left_out, cautions)


def _doubts(job: Job) -> tuple[Caution, ...]:
    """Write ``cautions.csv`` before the first training, and add to it what a later start finds."""
    path = job.study.cautions
    if path.is_file():
        cautions = read_cautions(path)
    else:
        copies = labelled_duplicates(job.cohort, listener=job.listener)
        cautions = tuple(Caution(f.kind, f.cases, f.message, f.cure) for f in copies)
        partly = labelled_in_part(job.cohort)
        cautions += tuple(Caution(f.kind, (), f.message, f.cure) for f in partly)
        start = doubt_of_start(job.record.settings)
        cautions += () if start is None else (start,)
    changed = changed_versions(job.record.versions)
    if changed is not None and changed not in cautions:
        cautions = (*cautions, changed)
    write_cautions(path, cautions)
    return cautions


def _score(job: Job) -> tuple[pd.DataFrame, tuple[LeftOut, ...]]:
    """Write the scores of all rungs and their summary; return that of the chosen one's model.

    Where cases were set apart for the test, the score on them is the one that counts.
    """
    chosen, has_test = job.record.rung, bool(job.division.final.test)
    parts: list[tuple[str, Evaluation]] = []
    left_out: list[LeftOut] = []
    if job.division.folds:
        for rung in job.climbed:
            is_first = rung == chosen and not has_test
            evaluation = score_rung(job, rung, is_final=False, ceiling=is_first)
            parts.append(("train", evaluation))
            left_out += evaluation.left_out
    if has_test:
        evaluation = score_rung(job, chosen, is_final=True, ceiling=True)
        parts.append(("test", evaluation))
        left_out += evaluation.left_out
    by_folds = [e.scores for part, e in parts if part == "train"]
    write_ladder(job, pd.concat(by_folds or [parts[0][1].scores]))
    write_scores(job.study.scores, pd.concat([e.scores for _, e in parts]))
    summaries = [summarise(e.scores, seed=job.seed).assign(part=part) for part, e in parts]
    summary = pd.concat(summaries)
    write_scores(job.study.summary, summary)
    top = next((e for _, e in parts if len(e.ceiling)), None)
    if top is not None:
        write_scores(job.study.ceiling, top.ceiling)
        write_scores(job.study.ceiling_summary, top.ceiling_summary)
    counts = summary["part"] == ("test" if has_test else "train")
    return summary[counts & (summary["rung"] == chosen)], tuple(left_out)


def _conclude(
    job: Job,
    summary: pd.DataFrame,
    report: Path,
    left_out: tuple[LeftOut, ...],
    cautions: tuple[Caution, ...],
) -> Study:
    is_headline = (summary["label"] == MEAN) & (summary["metric"] == "dice")
    # Nothing but correctly absent structures has no Dice.
    headline = summary[is_headline].to_dict("records") or [{}]
    predicted = job.study.predictions
    return Study(
        folder=job.study.root,
        report=report,
        ladder=job.study.ladder,
        rung=job.record.rung,
        choice=job.record.choice,
        dice=float(headline[0].get("mean", "nan")),
        dice_low=float(headline[0].get("low", "nan")),
        dice_high=float(headline[0].get("high", "nan")),
        n_scored=int(headline[0].get("n_cases", 0)),
        n_predicted=len(masks_in(predicted)) if predicted.is_dir() else 0,
        left_out=left_out,
        cautions=cautions,
    )
