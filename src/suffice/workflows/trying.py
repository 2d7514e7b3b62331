"""Fit a model for its scores alone: nothing else of it is kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from suffice.core import Budget, Cohort, Listener, silent
from suffice.metrics import Panel
from suffice.segmenters import Segmenter
from suffice.workflows.evaluating import evaluate
from suffice.workflows.predicting import predict_scans
from suffice.workflows.scans import scan_of_case


def fit_and_score(
    segmenter: Segmenter,
    train: Cohort,
    test: Cohort,
    place: Path,
    *,
    minutes: float,
    seed: int,
    panel: Panel | None = None,
    then: Callable[[Segmenter], None] | None = None,
    listener: Listener = silent,
) -> pd.DataFrame:
    """Fit a model to some cases and score it on others.

    Parameters
    ----------
    segmenter : Segmenter
        Untrained.
    train, test : Cohort
    place : Path
        Folder of checkpoints, from which a killed call goes on, and of masks. Emptied at the end.
    minutes, seed : float, int
        Of the training.
    panel : Panel, optional
    then : callable, optional
        Gets the fitted model before it is forgotten.
    listener : callable

    Returns
    -------
    DataFrame
        Columns ``case, subject, label, metric, value``.
    """
    model = segmenter.fit(
        train,
        budget=Budget(minutes=minutes),
        seed=seed,
        workdir=place / "work",
        listener=listener,
    )
    scans = [scan_of_case(test, case) for case in test.cases]
    predict_scans(scans, place / "masks", load=lambda: model, overwrite=True)
    scores = evaluate(place / "masks", test, panel=panel, ceiling=False).scores
    if then is not None:
        then(model)
    shutil.rmtree(place / "work", ignore_errors=True)
    shutil.rmtree(place / "masks", ignore_errors=True)
    return scores
