"""No labels at all, and one: clusters that drawn cases merely name, and one case as an atlas.

Clusters are found in unscored cases and named by their masks, never by those of the scored ones.
One shot is a U-Net on one labelled case and a pool that registration labels first, beside the
same U-Net without the pool. Minutes are of one core's time.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Any

import pandas as pd

import own_core
import pool
from datasets import DATASETS

CLUSTERS = ("kmeans", "gmm", "superpixels")
ONE_SHOT = ("supervised", "registration")
RUN = ["dataset", "way", "n_labels", "draw", "minutes", "test"]


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
    parser.add_argument("--names", type=int, default=8, help="cases that name the clusters")
    own_core.add_arguments(parser, minutes=2.0)
    options = parser.parse_args()
    with own_core.setting(options) as given:
        from versus_nnunet import replace_rows

        for draw, way in itertools.product(options.draws, options.ways):
            n_labels = options.names if way in CLUSTERS else 1
            labelled, others = pool.draw_labels(given.cohort, given.test, n_labels, draw)
            workdir = given.folder / f"{way}-{draw}"
            model = fitted(way, labelled, others, given.budget, draw, workdir)
            about = {"dataset": options.dataset, "way": way, "n_labels": n_labels, "draw": draw}
            found = pool.score(model, given.cohort, given.test, options)
            table = pd.DataFrame([{**about, **given.about, **row} for row in found])
            options.results.mkdir(exist_ok=True)
            replace_rows(options.results / "no_labels.csv", table, RUN)
            own = getattr(model, "parameters_", None)
            print(way, draw, round(table["dice"].mean(), 4), own, flush=True)


if __name__ == "__main__":
    main()
