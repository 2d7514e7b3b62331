"""No labels at all, and one: clusters that drawn cases merely name, and one case as an atlas.

Clusters are found in unscored cases and named by their masks, never by those of the scored ones.
One shot is a U-Net on one labelled case and a pool that registration labels first, beside the
same U-Net without the pool. Minutes are of one core's time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

import pool
import side
from datasets import DATASETS
from machine import describe_machine

CLUSTERS = ("kmeans", "gmm", "superpixels")
ONE_SHOT = ("supervised", "registration")
RUN = ["dataset", "way", "n_labels", "draw", "minutes"]


def fitted(way: str, labelled: Any, others: Any, budget: Any, seed: int, workdir: Path) -> Any:
    """Fit the model of one way."""
    from suffice.segmenters.clusters import ClusterSegmenter
    from suffice.segmenters.planning import plan_for

    if way in CLUSTERS:
        model = ClusterSegmenter(method=way)
    else:
        model = pool.untrained(way, plan_for(labelled, budget=budget), others)
    return model.fit(labelled, budget=budget, seed=seed, workdir=workdir)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", choices=tuple(DATASETS))
    parser.add_argument("ways", nargs="+", choices=(*CLUSTERS, *ONE_SHOT))
    parser.add_argument("--draws", type=int, nargs="+", default=[0])
    parser.add_argument("--names", type=int, default=8, help="cases that name the clusters")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--core", type=int)
    parser.add_argument("--test", help="a list of bench/cases, or a file of names")
    parser.add_argument("--results", type=Path, default=pool.RESULTS)
    options = parser.parse_args()
    side.limit_threads(1, options.core)
    # All that keeps to the minutes counts those of its own core, however busy the machine.
    time.monotonic = time.process_time

    from suffice.core import Budget
    from suffice.workflows.importing import import_cohort
    from versus_nnunet import replace_rows

    dataset, budget = DATASETS[options.dataset], Budget(minutes=options.minutes)
    versions = {"suffice": version("suffice"), "torch": version("torch"), **describe_machine()}
    test = dataset.case_names(options.test or dataset.test)
    with tempfile.TemporaryDirectory(prefix="no-labels-") as temporary:
        folder = Path(temporary)
        cohort = import_cohort(options.data / dataset.folder, folder / "cohort").cohort
        for draw in options.draws:
            for way in options.ways:
                n_labels = options.names if way in CLUSTERS else 1
                labelled, others = pool.draw_labels(cohort, test, n_labels, draw)
                workdir = folder / f"{way}-{draw}"
                model = fitted(way, labelled, others, budget, draw, workdir)
                about = {
                    "dataset": options.dataset,
                    "way": way,
                    "n_labels": n_labels,
                    "draw": draw,
                    "minutes": options.minutes,
                    "test": options.test or dataset.test,
                    **versions,
                }
                found = pool.score(model, cohort, test, options)
                table = pd.DataFrame([{**about, **row} for row in found])
                options.results.mkdir(exist_ok=True)
                replace_rows(options.results / "no_labels.csv", table, RUN)
                own = getattr(model, "parameters_", None)
                print(way, draw, round(table["dice"].mean(), 4), own, flush=True)


if __name__ == "__main__":
    main()
