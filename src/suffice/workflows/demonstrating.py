"""The whole study on people who do not exist."""

from __future__ import annotations

from pathlib import Path

from suffice.core import Budget, Listener, StorageError, silent
from suffice.files import PARTIAL_PREFIX
from suffice.io import read_cohort
from suffice.io.cohort_folder import COHORT_TOML
from suffice.report import write_report
from suffice.segmenters import RUNGS, load_segmenter
from suffice.study import StudyFolder
from suffice.workflows.allotting import Rungs
from suffice.workflows.demo import write_demo_cohort
from suffice.workflows.demo_spirometry import SPIROMETRY_CSV
from suffice.workflows.predicting import SegmenterLoader
from suffice.workflows.running import Study, run
from suffice.workflows.tracking import track


def demonstrate(
    out: Path,
    *,
    minutes: float,
    n_subjects: int = 12,
    seed: int = 0,
    rungs: Rungs = RUNGS,
    load: SegmenterLoader = load_segmenter,
    listener: Listener = silent,
) -> Study:
    """Make a cohort of phantoms, run a study on it and follow its subjects over their visits.

    Goes on where it was when killed.

    Parameters
    ----------
    out : Path
        Holds ``cohort`` and ``study`` afterwards.
    minutes : float
        For the training: a third of the labelled subjects is set apart for the score, so that
        one model has all the time.
    n_subjects : int
        At least 4; half of them are labelled.
    seed : int
        Seed of the phantoms and of the study.
    rungs, load
        See `suffice.workflows.running.run`.
    listener : callable
        Is told the progress.

    Raises
    ------
    SufficeError
        If ``out`` cannot be written or holds a study with other settings.
    """
    Budget(minutes=minutes)
    folder = out / "cohort"
    if not (folder / COHORT_TOML).is_file() and _holds_other_things(out):
        raise StorageError(
            f"'{out}' is there already and is no demo", cure="Name another folder with --out."
        )
    if (folder / COHORT_TOML).is_file():
        cohort = read_cohort(folder)
    else:
        cohort = write_demo_cohort(folder, n_subjects=n_subjects, seed=seed, listener=listener)
    subjects = cohort.labelled().subjects
    unseen = subjects[-max(1, len(subjects) // 3) :]
    study = run(
        cohort,
        out / "study",
        minutes=minutes,
        test=cohort.labelled().where(lambda case: case.subject in unseen).names,
        seed=seed,
        rungs=rungs,
        load=load,
        listener=listener,
    )
    table = folder / SPIROMETRY_CSV
    if table.is_file():
        follow(study.folder, table, listener=listener)
    return study


def follow(study: Path, tests: Path, *, listener: Listener = silent) -> None:
    """Track a study against a table of spirometry, and write its report anew with that."""
    track(
        study,
        StudyFolder(study).track,
        spirometry=tests,
        breath="inspiration",
        overwrite=True,
        listener=listener,
    )
    write_report(study)


def _holds_other_things(out: Path) -> bool:
    """Whether there is more than a kill leaves while the phantoms are made."""
    return out.exists() and any(not p.name.startswith(PARTIAL_PREFIX) for p in out.iterdir())
