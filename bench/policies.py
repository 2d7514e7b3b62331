"""What augmentation is worth: the same U-Net, cases, seed and minutes under several policies.

One network is planned and trained under each policy; the clock is the process's own on one core,
so that a busy machine changes nothing. Differences to no augmentation are paired by case.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

import side
from datasets import DATASETS, dice
from machine import describe_machine

RESULTS = Path(__file__).parent / "results"
RUN = ["dataset", "policy", "minutes", "seed"]


def fit_and_score(
    cohort: Any, plan: Any, policy: str, options: argparse.Namespace, folder: Path
) -> list[dict[str, Any]]:
    """Train under one policy and score every unseen case."""
    from suffice.core import Budget
    from suffice.io import read_case_image
    from suffice.segmenters import UNetSegmenter

    dataset = DATASETS[options.dataset]
    model = UNetSegmenter(plan=replace(plan, augmentation=policy)).fit(
        cohort.subset(dataset.case_names(options.train or dataset.train)),
        budget=Budget(minutes=options.minutes),
        seed=options.seed,
        workdir=folder / policy,
    )
    rows = []
    for case in cohort.subset(dataset.case_names(options.test or dataset.test)).cases:
        found = model.predict(read_case_image(cohort, case)).labels.array
        truth = dataset.truth(options.data, case.name)
        for label, value in dataset.labels.items():
            score = round(dice(truth, found.astype(np.uint8), value), 6)
            rows.append({"case": case.name, "label": label, "dice": score})
    return [{**row, "steps": model.card_.n_steps} for row in rows]


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Mean Dice under each policy, and its paired difference to no augmentation."""
    means = table.groupby(["policy", "case"], sort=False)["dice"].mean().unstack("policy")
    rows = []
    for policy in means:
        row = {"policy": policy, "dice": means[policy].mean()}
        if policy != "none" and "none" in means:
            apart = (means[policy] - means["none"]).to_numpy()
            found = bootstrap((apart,), np.mean, n_resamples=9999, rng=np.random.default_rng(0))
            low, high = found.confidence_interval
            row |= {"gain": apart.mean(), "low": low, "high": high}
        rows.append(row)
    return pd.DataFrame(rows).round(4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", nargs="?", choices=tuple(DATASETS), default="hippocampus")
    parser.add_argument("--policies", nargs="+", default=["none", "standard", "strong"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--core", type=int)
    parser.add_argument("--train", help="a list of bench/cases, or a file of names")
    parser.add_argument("--test", help="a list of bench/cases, or a file of names")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    side.limit_threads(1, options.core)

    from suffice.core import Budget
    from suffice.segmenters import unet
    from suffice.segmenters.planning import plan_for
    from suffice.training.loop import train
    from suffice.workflows.importing import import_cohort
    from versus_nnunet import replace_rows

    unet.train = functools.partial(train, clock=time.process_time)
    dataset = DATASETS[options.dataset]
    about = {"dataset": options.dataset, "minutes": options.minutes, "seed": options.seed}
    about |= {"suffice": version("suffice"), "torch": version("torch"), **describe_machine()}
    path = options.results / "policies.csv"
    with tempfile.TemporaryDirectory(prefix="policies-") as temporary:
        folder = Path(temporary)
        cohort = import_cohort(options.data / dataset.folder, folder / "cohort").cohort
        learned = cohort.subset(dataset.case_names(options.train or dataset.train))
        plan = plan_for(learned, budget=Budget(minutes=options.minutes))
        for policy in options.policies:
            rows = fit_and_score(cohort, plan, policy, options, folder)
            table = pd.DataFrame([{**about, "policy": policy, **row} for row in rows])
            replace_rows(path, table, RUN)
            print(policy, round(table["dice"].mean(), 4), table["steps"].iloc[0], flush=True)
    rows = pd.read_csv(path)
    alike = (rows["dataset"] == options.dataset) & (rows["minutes"] == options.minutes)
    print(summarise(rows[alike]).to_string(index=False))


if __name__ == "__main__":
    main()
