"""Few labels and a pool of unlabelled scans: ways to learn from it against learning without it.

Labelled cases are drawn from all that are not scored; the others of them are the pool. Every way
gets the same plan and the same minutes of one core's time. Scored on the fixed test cases.
"""

from __future__ import annotations

import argparse
import itertools
from typing import Any

import numpy as np
import pandas as pd

import own_core
from datasets import DATASETS, dice

ALONE = "supervised"
# Steps cost half as much where a processor knows bfloat16, so its runs stand beside the others.
RUN = ["dataset", "strategy", "n_labels", "draw", "minutes", "test", "flags"]


def draw_labels(cohort: Any, test: list[str], n_labels: int, draw: int) -> tuple[Any, Any]:
    """Split what is not scored into labelled cases and a pool; larger draws hold the smaller."""
    rest = sorted(name for name in cohort.labelled().names if name not in set(test))
    order = np.random.default_rng([7, draw]).permutation(len(rest))
    names = [rest[i] for i in order]
    return cohort.subset(names[:n_labels]), cohort.subset(names[n_labels:])


def untrained(strategy: str, plan: Any, pool: Any) -> Any:
    """Make the segmenter of one way, ``KIND``, ``WAY`` of a U-Net, or ``KIND+WAY``."""
    from suffice.segmenters import RUNGS, UNetSegmenter
    from suffice.segmenters.pooled_unet import POOLED

    if strategy == ALONE:
        return UNetSegmenter(plan=plan)
    if strategy in RUNGS:
        return RUNGS[strategy]()
    kind, _, way = strategy.rpartition("+")
    return POOLED[RUNGS[kind or UNetSegmenter.rung]](pool, strategy=way, plan=plan)


def score(model: Any, cohort: Any, test: list[str], options: argparse.Namespace) -> list[Any]:
    """Dice of every unseen case and label."""
    from suffice.io import read_case_image

    dataset = DATASETS[options.dataset]
    rows = []
    for case in cohort.subset(test).cases:
        found = model.predict(read_case_image(cohort, case)).labels.array.astype(np.uint8)
        truth = dataset.truth(options.data, case.name)
        for label, value in dataset.labels.items():
            rows.append(
                {
                    "case": case.name,
                    "label": label,
                    "dice": round(dice(truth, found, value), 6),
                    "steps": model.card_.n_steps,
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", choices=tuple(DATASETS))
    parser.add_argument(
        "strategies",
        nargs="+",
        help="supervised, a kind of model, a way to use the pool, or KIND+WAY",
    )
    parser.add_argument("--labels", type=int, nargs="+", default=[8])
    own_core.add_arguments(parser, minutes=10.0)
    options = parser.parse_args()
    with own_core.setting(options) as given:
        compare(given, options)


def compare(given: own_core.Setting, options: argparse.Namespace) -> None:
    """Train every way on every draw of labels, and keep what it scores."""
    from suffice.segmenters.planning import plan_for
    from suffice.segmenters.pooled_unet import STRATEGIES
    from versus_nnunet import replace_rows

    options.results.mkdir(exist_ok=True)
    for draw, n_labels in itertools.product(options.draws, options.labels):
        labelled, pool = draw_labels(given.cohort, given.test, n_labels, draw)
        # One plan for all, made for the labelled cases alone.
        plan = plan_for(labelled, budget=given.budget)
        for strategy in options.strategies:
            model = untrained(strategy, plan, pool).fit(
                labelled,
                budget=given.budget,
                seed=draw,
                workdir=given.folder / f"{strategy}-{n_labels}-{draw}",
            )
            about = {
                "dataset": options.dataset,
                "strategy": strategy,
                "n_labels": n_labels,
                "n_pool": len(pool) if strategy.rpartition("+")[2] in STRATEGIES else 0,
                "draw": draw,
                "precision": plan.precision,
                **given.about,
            }
            found = score(model, given.cohort, given.test, options)
            table = pd.DataFrame([{**about, **row} for row in found])
            replace_rows(options.results / "pool.csv", table, RUN)
            mean = round(table["dice"].mean(), 4)
            print(strategy, n_labels, draw, mean, model.card_.n_steps, flush=True)


if __name__ == "__main__":
    main()
