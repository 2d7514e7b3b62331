"""Let a study say how good the masks are that nobody drew, from those that somebody did."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from suffice.quality import (
    LEAST_SUBJECTS,
    QUALITY,
    Doubts,
    HeldBack,
    Quality,
    read_quality,
    write_quality,
)
from suffice.study import read_scores, write_scores
from suffice.study.estimates import (
    BY_LABEL_COLUMNS,
    compare_estimates,
    estimate_masks,
    write_estimates,
)
from suffice.workflows.climbing import Job
from suffice.workflows.predicting import predict_scans
from suffice.workflows.scans import scan_of_case
from suffice.workflows.witnessing import Witness, read_doubts

HELD_BACK, TEST = "held back", "test"


def judge_study(job: Job) -> None:
    """Learn from the scored cases how Dice can be told without a drawn mask, and tell it.

    Writes ``quality.json`` into the study and the final model, ``quality.csv`` (true and
    predicted Dice of the scored cases, each predicted without its own subject) and the estimates
    for the masks of the unlabelled cases. Where too few subjects were scored, nothing.
    """
    if not job.judged:
        return
    study = job.study
    quality = read_quality(study.quality)
    if quality is None:
        quality = _learn(job)
        if quality is None:
            return
        write_scores(study.quality_table, _compare(job, quality))
        write_quality(study.model(job.record.rung) / QUALITY, quality)
        # It comes last: where it stands, all of this is done.
        write_quality(study.quality, quality)
    doubts = read_doubts(study.predictions) if study.predictions.is_dir() else {}
    if doubts:
        write_estimates(study.predictions, doubts, quality)


def _learn(job: Job) -> Quality | None:
    """Gather the doubts about every held-back case, and its true Dice."""
    folds, final = job.division.folds, job.division.final
    doubts: dict[str, Doubts] = {}
    for fold, split in enumerate(folds):
        # The masks are those of validation/RUNG over again; work/ is removed at the end.
        place = job.study.work / f"doubts-{fold}"
        predict_scans(
            [scan_of_case(job.cohort, case) for case in job.cohort.subset(split.test).cases],
            place,
            load=partial(job.load, job.study.model(job.record.rung, fold)),
            mirror=job.mirror,
            witness=Witness(partial(job.traits.likeness, split.train), mirror=job.mirror),
            task=f"judge, model {fold + 1} of {len(folds)}",
            listener=job.listener,
        )
        doubts |= read_doubts(place) if place.is_dir() else {}
    if not folds:
        doubts = read_doubts(job.study.validation(job.record.rung))
    dice = _true_dice(job, is_test=not folds)
    subject_of = {case.name: case.subject for case in job.cohort.cases}
    held_back = tuple(
        HeldBack(name, subject_of[name], dice[name], mine)
        for name, mine in sorted(doubts.items())
        if dice.get(name)
    )
    if len({held.subject for held in held_back}) < LEAST_SUBJECTS:
        return None
    return Quality(job.traits.likeness(final.train), held_back, job.mirror)


def _true_dice(job: Job, *, is_test: bool) -> dict[str, dict[str, float]]:
    """Dice of the chosen rung's masks by case and label, where it is defined."""
    table = read_scores(job.study.scores)
    is_mine = (table["rung"] == job.record.rung) & (table["metric"] == "dice")
    is_mine &= np.isfinite(table["value"]) & ((table["fold"] == "") == is_test)
    found: dict[str, dict[str, float]] = {}
    for case, label, value in table.loc[is_mine, ["case", "label", "value"]].itertuples(
        index=False
    ):
        found.setdefault(str(case), {})[str(label)] = float(value)
    return found


def _compare(job: Job, quality: Quality) -> pd.DataFrame:
    """Set true beside predicted Dice: held-back cases without their subjects, then the test's."""
    scores = read_scores(job.study.scores)
    mine = scores[scores["rung"] == job.record.rung]
    rows = [
        {"case": held.case, "label": label, "predicted_dice": dice}
        for held in quality.judge.held_back
        for label, dice in quality.judge.honest(held).items()
    ]
    honest = pd.DataFrame(rows, columns=list(BY_LABEL_COLUMNS))
    if not job.division.folds:
        return compare_estimates(honest, mine).assign(part=HELD_BACK)
    is_test = mine["fold"] == ""
    parts = [compare_estimates(honest, mine[~is_test]).assign(part=HELD_BACK)]
    if is_test.any():
        doubts = read_doubts(job.study.validation(job.record.rung))
        table = compare_estimates(estimate_masks(doubts, quality), mine[is_test])
        parts.append(table.assign(part=TEST))
    return pd.concat(parts)
