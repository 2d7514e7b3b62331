"""Train a segmenter on the labelled cases of a cohort and keep it in a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from suffice.core import Budget, Cohort, CohortError, FileFormatError, Listener, UsageError, silent
from suffice.files import require_free
from suffice.segmenters import RUNGS, Segmenter
from suffice.segmenters.several_raters import FIRST
from suffice.segmenters.unet import UNetSegmenter
from suffice.segmenters.yolo import YoloSegmenter
from suffice.workflows.allotting import AUTO, Rungs
from suffice.workflows.learning import untrained
from suffice.workflows.locking import working_in

# Every model folder holds one, whatever its kind.
MODEL_MARK = "history.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training left: the model's folder, the cases it saw and how long it took.

    ``notes`` say what a person should know: what a model started from, what were taken as objects.
    """

    model: Path
    cases: tuple[str, ...]
    minutes: float
    notes: tuple[str, ...] = ()


def train(
    cohort: Cohort,
    out: Path,
    *,
    minutes: float,
    n_labels: int | None = None,
    cases: Sequence[str] | None = None,
    seed: int = 0,
    workdir: Path | None = None,
    overwrite: bool = False,
    model: str = AUTO,
    init: Path | None = None,
    tune: Sequence[str] = (),
    unlabelled: str | None = None,
    raters: str = FIRST,
    consistency: bool = True,
    devices: int = 1,
    rungs: Rungs = RUNGS,
    listener: Listener = silent,
) -> Trained:
    """Fit a segmenter within a budget and save it as the folder ``out``.

    Killed, it goes on from its last checkpoint when called again with the same arguments.

    Parameters
    ----------
    cohort : Cohort
        Its labelled cases are learned from.
    out : Path
        Folder of the model; it appears when the training is done.
    minutes : float
        Wall-clock minutes for preprocessing, calibration and training.
    n_labels : int, optional
        Learn from the labelled cases of as many subjects, drawn with ``seed``.
    cases : sequence of str, optional
        Learn from these cases and no others.
    seed : int
        Of the draw, the initial weights and the batches.
    workdir : Path, optional
        Where checkpoints lie while training runs; ``OUT.work`` by default. Removed at the end.
    overwrite : bool
        Whether a model at ``out`` may be replaced.
    model, init, tune, unlabelled, raters, consistency, devices : optional
        What learns, from what and how: see `suffice.workflows.learning.untrained`.
    rungs : dict of str to type of Segmenter
        The kinds to choose from.
    listener : callable

    Raises
    ------
    SufficeError
        If an argument cannot be used, the disk is full, or another training is in ``workdir``.
    """
    out = Path(out)
    require_free(out, overwrite=overwrite, mark=MODEL_MARK)
    budget = Budget(minutes=minutes)
    labelled = choose_labelled(cohort, n_labels=n_labels, cases=cases, seed=seed)
    learner = untrained(
        labelled,
        cohort.unlabelled(),
        model=model,
        init=init,
        tune=tune,
        unlabelled=unlabelled,
        raters=raters,
        consistency=consistency,
        devices=devices,
        rungs=rungs,
    )
    place = workdir or out.with_name(out.name + ".work")
    with working_in(place):
        fit = partial(learner.fit, budget=budget, seed=seed, workdir=place, listener=listener)
        return _saved(fit, labelled, out, overwrite=overwrite)


def _saved(
    fit: Callable[[Cohort], Segmenter], labelled: Cohort, out: Path, *, overwrite: bool
) -> Trained:
    """Fit, save, and say what was learned from in how many minutes."""
    started = time.monotonic()
    learned = fit(labelled)
    learned.save(out, overwrite=overwrite)
    return Trained(
        model=out,
        cases=labelled.names,
        minutes=round((time.monotonic() - started) / 60, 2),
        notes=learned.notes_ if isinstance(learned, YoloSegmenter | UNetSegmenter) else (),
    )


def choose_labelled(
    cohort: Cohort,
    *,
    n_labels: int | None = None,
    cases: Sequence[str] | None = None,
    seed: int = 0,
    purpose: str = "learn from",
) -> Cohort:
    """Return labelled cases: all, those named, or those of ``n_labels`` subjects at random.

    Parameters
    ----------
    cohort : Cohort
    n_labels : int, optional
        Subjects, each with all its labelled cases: two scans of one person teach less than
        scans of two.
    cases : sequence of str, optional
    seed : int
    purpose : str
        What the cases are for, in the words of an error.

    Raises
    ------
    CohortError
        If there is none, or a named case has no mask.
    UsageError
        If so many subjects cannot be had.
    """
    if n_labels is not None and cases is not None:
        raise UsageError("Name the cases or say how many subjects to draw, not both")
    if cases is not None:
        return _named(cohort, cases, purpose)
    labelled = cohort.labelled()
    if not len(labelled):
        raise CohortError(
            f"Cohort '{cohort.name}' has no labelled case",
            cure="Draw a mask for a few scans and import the cohort again.",
        )
    if n_labels is None:
        return labelled
    subjects = labelled.subjects
    if not 1 <= n_labels <= len(subjects):
        raise UsageError(
            f"The number of labelled subjects to {purpose} cannot be had",
            got=n_labels,
            expected=f"1 to {len(subjects)}",
        )
    order = np.random.default_rng(seed).permutation(len(subjects))
    drawn = {subjects[i] for i in order[:n_labels]}
    return labelled.where(lambda case: case.subject in drawn)


def _named(cohort: Cohort, cases: Sequence[str], purpose: str) -> Cohort:
    chosen = cohort.subset(cases)
    bare = chosen.unlabelled().names
    if bare or not len(chosen):
        raise CohortError(
            f"Cases to {purpose} have no mask" if bare else f"No case to {purpose} is named",
            got=", ".join(bare[:5]) or None,
            cure="Name labelled cases of the cohort.",
        )
    return chosen


def read_names(path: Path) -> tuple[str, ...]:
    """Read case names from a text file, one a line; empty lines and ``#`` remarks are skipped."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(
            f"Cannot read the list of cases '{path}'",
            got=getattr(error, "strerror", None) or error,
            cure="Give a text file with the name of a case on each line.",
        ) from error
    names = tuple(line.strip() for line in lines)
    return tuple(name for name in names if name and not name.startswith("#"))
