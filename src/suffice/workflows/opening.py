"""Begin a study in a folder, or go on with the one that was begun there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from suffice.core import Cohort, StorageError, UsageError
from suffice.files import PARTIAL_PREFIX
from suffice.io import read_case_mask
from suffice.study import (
    Split,
    StudyFolder,
    StudyRecord,
    data_hash,
    hold_out,
    k_folds,
    read_record,
    read_splits,
    write_record,
    write_splits,
)
from suffice.workflows.allotting import Allotment
from suffice.workflows.locking import LOCK
from suffice.workflows.training import choose_labelled

N_FOLDS = 3
ENOUGH_TO_HOLD_OUT = 30
TEST_FRACTION = 0.2


@dataclass(frozen=True, slots=True)
class Division:
    """Who teaches and who tests.

    Parameters
    ----------
    final : Split
        What the final model learns from, and the cases that no model learns from.
    folds : tuple of Split
        For each scored model what it learns from and what it is scored on; none where the
        final model alone is scored, on cases set apart.
    """

    final: Split
    folds: tuple[Split, ...] = ()

    def fold_of(self) -> dict[str, str]:
        """For each scored case the fold whose model is scored on it; empty for the final one."""
        folds = {name: str(i) for i, fold in enumerate(self.folds) for name in fold.test}
        return folds | dict.fromkeys(self.final.test, "")


def divide(
    cohort: Cohort, *, test: Sequence[str] | None, seed: int, is_choice: bool = False
) -> Division:
    """Divide the labelled cases by subject: the named test cases, else one or three folds.

    Where there ``is_choice`` among kinds of models, the cases that are not set apart for the
    test are divided into folds as well, as the test must have no part in it.
    """
    labelled = cohort.labelled()
    if test is not None:
        apart = _set_apart(cohort, test)
        if not is_choice:
            return Division(apart)
        inner = divide(cohort.subset(apart.train), test=None, seed=seed)
        return Division(apart, inner.folds)
    everything = Split(labelled.names, ())
    n_subjects = len(labelled.subjects)
    # Masks are read quickly, and a rare structure must not be left to chance.
    presence = _labels_present(labelled) if n_subjects > 1 else None
    if n_subjects >= ENOUGH_TO_HOLD_OUT:
        split = hold_out(cohort, test_fraction=TEST_FRACTION, seed=seed, presence=presence)
        return Division(everything, (split,))
    n_folds = max(2, min(N_FOLDS, n_subjects))
    return Division(everything, k_folds(cohort, n_folds=n_folds, seed=seed, presence=presence))


def _labels_present(labelled: Cohort) -> dict[str, list[str]]:
    name_of = {label.value: label.name for label in labelled.legend}
    present = {}
    for case in labelled.cases:
        values = np.unique(read_case_mask(labelled, case).array)
        present[case.name] = [name_of[int(value)] for value in values if int(value) in name_of]
    return present


def _set_apart(cohort: Cohort, test: Sequence[str]) -> Split:
    held = choose_labelled(cohort, cases=test, purpose="score on")
    rest = cohort.labelled().where(lambda case: case.name not in set(held.names))
    torn = sorted(set(held.subjects) & set(rest.subjects))
    if torn:
        raise UsageError(
            f"Subject '{torn[0]}' would be on both sides of the split",
            got=f"{len(torn)} such subjects",
            cure="Name all labelled cases of a test subject, or none.",
        )
    if not len(rest):
        raise UsageError("No labelled case is left to learn from", cure="Name fewer test cases.")
    return Split(rest.names, held.names)


def open_study(
    cohort: Cohort,
    out: Path,
    division: Division,
    *,
    allot: Callable[[], Allotment],
    seed: int,
    minutes: float,
    settings: Mapping[str, Any],
    overwrite: bool = False,
) -> tuple[StudyFolder, Division, StudyRecord]:
    """Write ``study.toml`` and ``splits.csv``, or check that the study there is the same.

    Parameters
    ----------
    division : Division
        For a new study; one that was begun keeps its own.
    allot : callable
        Divides the minutes; asked where a study begins, which then keeps them.
    minutes : float
        For all trainings.
    overwrite : bool
        Whether a study with other settings or data may be replaced. One with the same is
        always gone on with.

    Raises
    ------
    UsageError
        If the study there was begun with other settings or data.
    StorageError
        If something else is in the folder, or it cannot be written.
    """
    study = StudyFolder(out)
    record = StudyRecord(
        name=cohort.name,
        cohort=Path(os.path.relpath(cohort.root.resolve(), out.resolve())).as_posix(),
        rung="",
        seed=seed,
        minutes=minutes,
        data_hash=data_hash(cohort),
        settings=settings,
    )
    if study.record.is_file():
        _require_same(study, record, overwrite=overwrite)
    elif out.exists() and (not out.is_dir() or _holds_other_things(study)):
        raise StorageError(
            f"'{out}' is there already and is not a study", cure="Name another folder with --out."
        )
    if not study.record.is_file():
        allotment = allot()
        record = replace(record, allotted=allotment.minutes, refused=allotment.refused)
        write_splits(study.splits, cohort, division.final.test, division.folds)
        write_record(study.record, record)
    return study, Division(*read_splits(study.splits)), read_record(study.record)


def _require_same(study: StudyFolder, record: StudyRecord, *, overwrite: bool) -> None:
    begun = read_record(study.record)
    facts: dict[str, tuple[object, object]] = {
        "data": (begun.data_hash, record.data_hash),
        "seed": (begun.seed, record.seed),
        "minutes": (begun.minutes, record.minutes),
    }
    # What only the study there was begun with, as weights to start from, differs as well.
    for key in (*record.settings, *begun.settings):
        facts[key] = (begun.settings.get(key), record.settings.get(key))
    other = next((name for name, (old, new) in facts.items() if old != new), None)
    if other is None:
        return
    if overwrite:
        _clear(study)
        return
    old, new = facts[other]
    raise UsageError(
        f"The study in '{study.root}' was begun with other {other}",
        got=_short(new),
        expected=_short(old),
        cure="Give the settings it was begun with, name another --out, or give --force to replace"
        " that study.",
    )


def _holds_other_things(study: StudyFolder) -> bool:
    """Whether there is more than a kill leaves before the record stands."""
    return any(
        path != study.splits and not path.name.startswith((PARTIAL_PREFIX, LOCK))
        for path in study.root.iterdir()
    )


def _clear(study: StudyFolder) -> None:
    """Remove what a study wrote, and nothing that a person put beside it."""
    for path in study.parts:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
