"""The whole study on people who do not exist."""

from __future__ import annotations

from pathlib import Path

from suffice.core import Budget, Listener, StorageError, silent
from suffice.io import read_cohort
from suffice.io.cohort_folder import COHORT_TOML
from suffice.workflows.demo import write_demo_cohort
from suffice.workflows.running import Study, run


def demonstrate(out: Path, *, minutes: float, seed: int = 0, listener: Listener = silent) -> Study:
    """Make a cohort of phantoms and run a study on it; goes on where it was when killed.

    Parameters
    ----------
    out : Path
        Holds ``cohort`` and ``study`` afterwards.
    minutes : float
        For all trainings together.
    seed : int
        Seed of the phantoms and of the study.
    listener : callable
        Is told the progress.

    Raises
    ------
    SufficeError
        If ``out`` cannot be written or holds a study with other settings.
    """
    Budget(minutes=minutes)
    folder = out / "cohort"
    if out.exists() and not (folder / COHORT_TOML).is_file() and any(out.iterdir()):
        raise StorageError(
            f"'{out}' is there already and is no demo", cure="Name another folder with --out."
        )
    if (folder / COHORT_TOML).is_file():
        cohort = read_cohort(folder)
    else:
        cohort = write_demo_cohort(folder, seed=seed, listener=listener)
    return run(cohort, out / "study", minutes=minutes, seed=seed, listener=listener)
