"""Train a segmenter on the labelled cases of a cohort and keep it in a folder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from suffice.core import Budget, Cohort, CohortError, FileFormatError, Listener, UsageError, silent
from suffice.files import require_free
from suffice.segmenters import RUNGS, Segmenter
from suffice.segmenters.pooled_unet import PooledUNetSegmenter
from suffice.segmenters.several_raters import FIRST, RatersUNetSegmenter
from suffice.segmenters.starting import read_source
from suffice.segmenters.unet import UNetSegmenter
from suffice.segmenters.yolo import YoloSegmenter
from suffice.training.partly_labelled import PartlyLabelled
from suffice.training.tuning import tuning_named
from suffice.workflows.allotting import AUTO, Rungs, choose_rung
from suffice.workflows.locking import alone_in

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
    rungs: Rungs = RUNGS,
    listener: Listener = silent,
) -> Trained:
    """Fit a segmenter within a budget and save it as the folder ``out``.

    A training that is killed goes on from its last checkpoint when it is called again with
    the same arguments.

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
        Seed of the draw, the initial weights and the batches.
    workdir : Path, optional
        Where checkpoints lie while training runs; ``OUT.work`` by default. Removed at the end.
    overwrite : bool
        Whether a model at ``out`` may be replaced.
    model : str
        Kind of the model, see `suffice.segmenters.RUNGS`; ``auto`` is a U-Net.
    init : Path, optional
        Trained weights to start a U-Net or a YOLO from.
    tune : sequence of str
        How those of a U-Net are changed, see `suffice.training.tuning.TUNINGS`.
    unlabelled : str, optional
        Let a U-Net learn from the cases without masks as well, in one of the ways of
        `suffice.segmenters.pooled_unet.STRATEGIES`.
    raters : str
        What a U-Net learns of a case that several people drew: the first one's mask, or one of
        `suffice.segmenters.several_raters.WAYS`.
    consistency : bool
        Whether a U-Net learns from voxels that masks leave unlabelled, too, see
        `suffice.training.partly_labelled`.
    rungs : dict of str to type of Segmenter
        The kinds to choose from.
    listener : callable
        Is told the progress.

    Raises
    ------
    SufficeError
        If the budget, the cases or ``out`` cannot be used, the disk is full, or another
        training is at work in ``workdir``.
    """
    out = Path(out)
    rung = choose_rung(model, rungs)
    untrained = _untrained(rung, init, tune, rungs)
    if not consistency:
        untrained = _without_consistency(untrained)
    if unlabelled is not None:
        untrained = with_pool(untrained, cohort.unlabelled(), unlabelled)
    require_free(out, overwrite=overwrite, mark=MODEL_MARK)
    budget = Budget(minutes=minutes)
    labelled = choose_labelled(cohort, n_labels=n_labels, cases=cases, seed=seed)
    if raters != FIRST:
        untrained = with_raters(untrained, labelled, raters)
    workdir = workdir or out.with_name(out.name + ".work")
    started = time.monotonic()
    with alone_in(workdir):
        segmenter = untrained.fit(
            labelled, budget=budget, seed=seed, workdir=workdir, listener=listener
        )
        segmenter.save(out, overwrite=overwrite)
        shutil.rmtree(workdir, ignore_errors=True)
    return Trained(
        model=out,
        cases=labelled.names,
        minutes=round((time.monotonic() - started) / 60, 2),
        notes=segmenter.notes_ if isinstance(segmenter, YoloSegmenter | UNetSegmenter) else (),
    )


def _untrained(rung: str, init: Path | None, tune: Sequence[str], rungs: Rungs) -> Segmenter:
    kind = rungs[rung]
    if init is None:
        starting(init, tune)
        return kind()
    if issubclass(kind, YoloSegmenter) and not tune:
        return kind(init=init)
    if not issubclass(kind, UNetSegmenter):
        raise UsageError(
            "Weights to start from are for U-Nets and YOLO, ways of tuning for U-Nets",
            got=rung,
            cure="Give --model unet, unet-plain, atlas-unet or prob_unet, or yolo without --tune.",
        )
    return kind(init=init, tuning=tuning_named(tune))


def _without_consistency(segmenter: Segmenter) -> Segmenter:
    """Let a U-Net learn nothing from voxels that masks leave unlabelled."""
    if isinstance(segmenter, UNetSegmenter) and isinstance(segmenter.objective, PartlyLabelled):
        segmenter.consistency = False
        return segmenter
    raise UsageError(
        "Only a U-Net learns from voxels that masks leave unlabelled",
        got=f"--no-consistency for '{segmenter.rung}'",
        cure="Leave --no-consistency out.",
    )


def with_pool(segmenter: Segmenter, pool: Cohort, strategy: str) -> Segmenter:
    """Let a U-Net learn from scans without masks as well.

    Raises
    ------
    UsageError
        If the segmenter is none that can, or there is no such way.
    CohortError
        If there is no such scan.
    """
    if type(segmenter) is not UNetSegmenter:
        raise UsageError(
            "Only a U-Net learns from scans without masks",
            got=segmenter.rung,
            cure="Give --model unet, or leave --unlabelled out.",
        )
    return PooledUNetSegmenter(
        pool, strategy=strategy, init=segmenter.init, tuning=segmenter.tuning
    )


def with_raters(segmenter: Segmenter, labelled: Cohort, way: str) -> Segmenter:
    """Let a U-Net learn from all raters of its cases.

    Raises
    ------
    UsageError
        If the segmenter is none that can, or there is no such way.
    CohortError
        If each case has one rater.
    """
    if type(segmenter) is not UNetSegmenter:
        raise UsageError(
            "Only a U-Net without a pool learns from several raters",
            got=segmenter.rung,
            cure="Give --model unet, and leave --unlabelled or --raters out.",
        )
    found = RatersUNetSegmenter(way, init=segmenter.init, tuning=segmenter.tuning)
    refusal = found.refusal(labelled)
    if refusal is not None:
        raise refusal
    return found


def starting(init: Path | None, tune: Sequence[str]) -> dict[str, Any]:
    """Say for the record of a study what its U-Nets start from; nothing where from nothing.

    Raises
    ------
    SufficeError
        If there is nothing to tune, or no such way.
    """
    if init is None and not tune:
        return {}
    if init is None:
        raise UsageError("Only weights to start from can be tuned", cure="Give --init too.")
    tuning_named(tune)
    read_source(init)
    return {"init": init.resolve().as_posix(), "tune": list(tune)}


def started(settings: Mapping[str, Any], kind: type[Segmenter]) -> dict[str, Any]:
    """Read from the record of a study what a kind of model starts from."""
    if "init" not in settings or not issubclass(kind, UNetSegmenter):
        return {}
    return {"init": Path(settings["init"]), "tune": tuple(settings["tune"])}


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
