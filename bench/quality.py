"""Dice predicted without a drawn mask against the true one, on cases that nothing was learned from.

A study as `suffice run` makes it: a few labelled cases in three folds, a final model, and all
other cases as scans that nobody drew. The clock of trainings is the process's own on one core.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import side
from datasets import DATASETS, Dataset, dice, read_mask
from machine import describe_machine

RESULTS = Path(__file__).parent / "results"
RUN = ["dataset", "kind", "n_labels", "draw", "minutes"]
N_FOLDS = 3


def with_bare_cases(cohort: Any, labelled: Any, n_unseen: int, draw: int) -> Any:
    """Take the masks from up to ``n_unseen`` cases that are not ``labelled``."""
    rest = sorted(set(cohort.labelled().names) - set(labelled.names))
    order = np.random.default_rng([11, draw]).permutation(len(rest))
    unseen = cohort.subset(rest[i] for i in order[:n_unseen])
    bare = [replace(case, masks={}, soft_masks={}, instance_maps={}) for case in unseen.cases]
    return replace(cohort, cases=(*labelled.cases, *bare))


def true_scores(dataset: Dataset, data: Path, folder: Path, cases: list[str]) -> pd.DataFrame:
    """Score the masks in a folder with the benchmark's own Dice."""
    rows = []
    for case in cases:
        (path,) = folder.glob(f"{case}.*")
        truth, found = dataset.truth(data, case), read_mask(path)
        for label, value in dataset.labels.items():
            about = {"case": case, "subject": case, "label": label, "metric": "dice"}
            rows.append({**about, "value": dice(truth, found, value)})
    return pd.DataFrame(rows)


def compared(study: Path, dataset: Dataset, data: Path, bare: Any) -> pd.DataFrame:
    """True and predicted Dice of the unseen cases, beside what a constant would have said."""
    from suffice.study.estimates import compare_estimates, read_estimates

    masks = study / "predictions"
    estimates = read_estimates(masks)
    if estimates is None:
        raise SystemExit("The study judged no mask: give more labels.")
    # The cohort may call its labels otherwise than the benchmark does.
    name_of = {value: name for name, value in dataset.labels.items()}
    names = {label.name: name_of[label.value] for label in bare.legend}
    estimates = estimates.replace({"label": names})
    table = compare_estimates(estimates, true_scores(dataset, data, masks, list(bare.names)))
    held_back = pd.read_csv(study / "quality.csv", dtype={"label": str}).replace({"label": names})
    constant = held_back.groupby("label")["dice"].mean()
    n_subjects = held_back["subject"].nunique()
    return table.assign(constant=table["label"].map(constant).round(4), n_held_back=n_subjects)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", nargs="?", choices=tuple(DATASETS), default="hippocampus")
    parser.add_argument("--kinds", nargs="+", default=["forest", "unet"], help="kinds of models")
    parser.add_argument("--labels", type=int, nargs="+", default=[16])
    parser.add_argument("--draws", type=int, nargs="+", default=[0])
    parser.add_argument("--unseen", type=int, default=60, help="cases to score on at most")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--minutes", type=float, default=4.0, help="for each of four trainings")
    parser.add_argument("--core", type=int)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    side.limit_threads(1, options.core)

    from pool import draw_labels
    from suffice.segmenters import unet
    from suffice.study.estimates import estimate_errors
    from suffice.training.loop import train
    from suffice.workflows.importing import import_cohort
    from suffice.workflows.running import run
    from versus_nnunet import replace_rows

    unet.train = functools.partial(train, clock=time.process_time)
    dataset = DATASETS[options.dataset]
    versions = {"suffice": version("suffice"), "torch": version("torch"), **describe_machine()}
    options.results.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="quality-") as temporary:
        folder = Path(temporary)
        cohort = import_cohort(options.data / dataset.folder, folder / "cohort").cohort
        todo = itertools.product(options.labels, options.draws, options.kinds)
        for n_labels, draw, kind in todo:
            labelled, _ = draw_labels(cohort, [], n_labels, draw)
            given = with_bare_cases(cohort, labelled, options.unseen, draw)
            study = folder / f"{kind}-{n_labels}-{draw}"
            minutes = (N_FOLDS + 1) * options.minutes
            run(given, study, minutes=minutes, models=[kind], seed=draw)
            table = compared(study, dataset, options.data, given.unlabelled())
            about = {"dataset": options.dataset, "kind": kind, "n_labels": n_labels, "draw": draw}
            about |= {"minutes": options.minutes, **versions}
            rows = pd.DataFrame([{**about, **row} for row in table.to_dict("records")])
            replace_rows(options.results / "quality.csv", rows, RUN)
            print(kind, n_labels, draw, flush=True)
            print(estimate_errors(table).to_string(index=False), flush=True)


if __name__ == "__main__":
    main()
