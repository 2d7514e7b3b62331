"""Labels for scans without masks before any network knows something: labelled ones as atlases."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from suffice.core import Budget, Cohort, Listener, Progress
from suffice.files import write_text, writing_file
from suffice.segmenters.atlasing import (
    LEAST_DICE,
    MOST_VOXELS,
    Atlas,
    Compared,
    brightness,
    compared,
    shares_by_atlases,
)
from suffice.segmenters.fitting import Fitting
from suffice.segmenters.searching import FloatArray, Search, shape_within
from suffice.training.plan import Plan
from suffice.training.resampling import resample_image, resample_labels
from suffice.training.store import StoredCase

# More atlases are better by less each, and each pair takes a second.
MOST_ATLASES = 5
# Parts of the time: to choose a registration, and for all of it.
CHOOSING, ALL = 0.06, 0.3


def share_by_registration(fitting: Fitting, pool: Cohort, plan: Plan, folder: Path) -> str:
    """Write the probabilities of the classes on each scan of a pool, as registration finds them.

    The registration is chosen on the labelled cases, each segmented by the others. Where that
    fails, nothing is written: the scans share no anatomy. What the time does not suffice for is
    left out, too. Called again after a kill, it goes on with what is not written yet.

    Parameters
    ----------
    fitting : Fitting
        Its store holds labelled cases and the pool, prepared; some of its budget is taken.
    pool : Cohort
    plan : Plan
    folder : Path
        ``NAME.npy`` for each scan: float16 of shape (n_classes, *spatial), on the store's voxels.

    Returns
    -------
    str
        What was done, for a person.
    """
    note = folder / "done.json"
    if note.exists():
        return str(json.loads(note.read_text(encoding="utf-8")))
    folder.mkdir(parents=True, exist_ok=True)
    labelled, store, budget = fitting.labelled, fitting.store, fitting.budget
    started = time.monotonic()
    is_colour = plan.in_channels > len(labelled.channels)
    spacing = tuple(s or 1.0 for s in plan.spacing_mm)
    atlases = [_atlas(case, spacing, plan, is_colour) for case in store.read(labelled.names)]
    found = _chosen(atlases, labelled, budget, fitting.listener)
    # With one subject there is nobody to try it on.
    tried = (
        "" if math.isnan(found.dice) else f"; on the labelled cases its Dice is {found.dice:.2f}"
    )
    if found.dice < LEAST_DICE:
        account = f"registration found no anatomy that the scans share{tried}"
    else:
        n_done = 0
        for i, case in enumerate(store.read(pool.names)):
            path = folder / f"{case.name}.npy"
            if not path.exists():
                if time.monotonic() - started > ALL * budget.seconds:
                    continue
                fitting.listener(Progress("register", i / len(pool), note=case.name))
                shares = _shares(case, spacing, atlases, found, plan, is_colour)
                with writing_file(path) as partial, partial.open("wb") as file:
                    np.save(file, shares.astype(np.float16))
            n_done += 1
        account = f"registration labelled {n_done} of {len(pool)} scans without masks{tried}"
    write_text(note, json.dumps(account))
    return account


def _chosen(
    atlases: Sequence[Atlas], labelled: Cohort, budget: Budget, listener: Listener
) -> Compared:
    """Choose a registration within a part of the time; with one subject, the usual one."""
    search = Search(labelled.legend.names, Budget(minutes=CHOOSING * budget.minutes), listener)
    subjects = [case.subject for case in labelled.cases]
    return compared(atlases, subjects, labelled.legend.names, MOST_ATLASES, search)


def _coarse_shape(case: StoredCase, spacing: Sequence[float]) -> tuple[int, ...]:
    shape = case.labels.shape
    return shape_within(shape, spacing, MOST_VOXELS[len(shape)])


def _seen(
    case: StoredCase, spacing: Sequence[float], is_colour: bool
) -> tuple[FloatArray, tuple[float, ...]]:
    """Brightness of a scan, sampled down, and the spacing of its voxels."""
    shape = _coarse_shape(case, spacing)
    coarse = resample_image(np.asarray(case.image, np.float32), shape)
    sizes = zip(spacing, case.labels.shape, shape, strict=True)
    return brightness(coarse, is_colour), tuple(s * n / m for s, n, m in sizes)


def _atlas(case: StoredCase, spacing: Sequence[float], plan: Plan, is_colour: bool) -> Atlas:
    scan, coarser = _seen(case, spacing, is_colour)
    return Atlas(
        scan, coarser, resample_labels(np.asarray(case.labels), scan.shape, plan.n_classes)
    )


def _shares(
    case: StoredCase,
    spacing: Sequence[float],
    atlases: Sequence[Atlas],
    found: Compared,
    plan: Plan,
    is_colour: bool,
) -> FloatArray:
    target, coarser = _seen(case, spacing, is_colour)
    shares = shares_by_atlases(target, coarser, atlases, found.way, plan.n_classes)
    return resample_image(shares, case.labels.shape)
