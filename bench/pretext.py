"""What weights save that learned elsewhere: minutes to what random weights come to.

All scans that are not scored are learned from once without their masks, or the labelled cases of
another data set with theirs. Then a few labelled ones train the same planned network from these
weights and from random ones, with several numbers of
minutes, each a whole training with its own schedule. The clock is the process's own on one core;
reading and preparing are not counted. Scored on the fixed test cases.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

import side
from datasets import DATASETS
from machine import describe_machine
from pool import draw_labels, score

RESULTS = Path(__file__).parent / "results"
SCRATCH, TRANSFER = "scratch", "transfer"
RUN = ["dataset", "way", "tuning", "n_labels", "draw", "minutes", "pretrain_minutes", "test"]


def planned(cohort: Any, test: list[str], options: argparse.Namespace, folder: Path) -> Any:
    """Plan one network for all trainings, for the first labels drawn and the most minutes."""
    from suffice.core import Budget
    from suffice.files import write_text
    from suffice.segmenters.planning import plan_for
    from suffice.training.plan import plan_from_toml, plan_to_toml

    path = folder / "plan.toml"
    if not path.exists():
        labelled, _ = draw_labels(cohort, test, options.labels, options.draws[0])
        plan = plan_for(labelled, budget=Budget(minutes=max(options.minutes)))
        write_text(path, plan_to_toml(plan))
    return plan_from_toml(path.read_text(encoding="utf-8"))


def taught_elsewhere(options: argparse.Namespace, plan: Any, folder: Path, out: Path) -> None:
    """Train the planned network on all labelled cases of another data set, voxels as they are."""
    from suffice.core import Budget
    from suffice.segmenters import UNetSegmenter
    from suffice.workflows.importing import import_cohort

    source = DATASETS[options.source]
    made = import_cohort(options.data / source.folder, folder / "source", overwrite=True).cohort
    as_is = replace(plan, spacing_mm=(1.0,) * len(plan.spacing_mm), flip_axes=())
    model = UNetSegmenter(plan=as_is).fit(
        made.labelled(),
        budget=Budget(minutes=options.pretrain_minutes),
        seed=0,
        workdir=folder / f"{out.name}.work",
    )
    model.save(out)
    print(f"{options.source}: Dice {model.history_[-1]['dice']:.3f} in training", flush=True)


def pretrained(
    way: str, scans: Any, plan: Any, options: argparse.Namespace, folder: Path
) -> Path | None:
    """Learn elsewhere or from scans alone, unless it was done; nothing for random weights."""
    from suffice.core import Budget
    from suffice.segmenters.pretrained import PretrainedUNet

    minutes = options.pretrain_minutes
    out = folder / (f"{way}-{minutes:g}" + (f"-{options.source}" if way == TRANSFER else ""))
    if way == SCRATCH or out.exists():
        return None if way == SCRATCH else out
    if way == TRANSFER:
        taught_elsewhere(options, plan, folder, out)
        return out
    model = PretrainedUNet(method=way, plan=plan).fit(
        scans, budget=Budget(minutes=minutes), seed=0, workdir=folder / f"{out.name}.work"
    )
    model.save(out)
    last = model.history_[-1]
    print(f"{way}: {last['step']} steps, {last['explained']:.3f} of the variance", flush=True)
    return out


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", choices=tuple(DATASETS))
    parser.add_argument("--ways", nargs="+", default=[SCRATCH, "spark", "denoise"])
    parser.add_argument("--labels", type=int, default=8)
    parser.add_argument("--draws", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, nargs="+", default=[2.5, 5.0, 10.0])
    parser.add_argument("--pretrain-minutes", type=float, default=30.0)
    parser.add_argument(
        "--source", choices=tuple(DATASETS), help="the other data set, for the way 'transfer'"
    )
    parser.add_argument("--tuning", default="all", help="how pretrained weights are changed")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--core", type=int)
    parser.add_argument("--test", help="a list of bench/cases, or a file of names")
    parser.add_argument("--work", type=Path, help="keeps plan, weights and trainings to go on from")
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args()


def main() -> None:
    options = parsed()
    side.limit_threads(1, options.core)

    from suffice.core import Budget
    from suffice.segmenters import UNetSegmenter, unet
    from suffice.training.loop import train
    from suffice.training.tuning import tuning_named
    from suffice.workflows.importing import import_cohort
    from versus_nnunet import replace_rows

    unet.train = functools.partial(train, clock=time.process_time)
    # Every training gets the minutes that it is listed with, however long reading took.
    unet.LEAST_TRAINING = 1.0
    dataset = DATASETS[options.dataset]
    versions = {"suffice": version("suffice"), "torch": version("torch"), **describe_machine()}
    test = dataset.case_names(options.test or dataset.test)
    with ExitStack() as stack:
        made = options.work or stack.enter_context(tempfile.TemporaryDirectory(prefix="pretext-"))
        folder = Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        source = options.data / dataset.folder
        cohort = import_cohort(source, folder / "cohort", overwrite=True).cohort
        scans = cohort.where(lambda case: case.name not in set(test))
        plan = planned(cohort, test, options, folder)
        for way in options.ways:
            spent = 0.0 if way == SCRATCH else options.pretrain_minutes
            init = pretrained(way, scans, plan, options, folder)
            for draw, minutes in itertools.product(options.draws, options.minutes):
                labelled, _ = draw_labels(cohort, test, options.labels, draw)
                tuning = "none" if init is None else options.tuning
                name = f"{way}-{tuning}-{spent:g}-{options.labels}-{draw}-{minutes:g}.work"
                how = None if init is None else tuning_named(options.tuning.split(","))
                model = UNetSegmenter(plan=plan, init=init, tuning=how).fit(
                    labelled, budget=Budget(minutes=minutes), seed=draw, workdir=folder / name
                )
                about = {
                    "dataset": options.dataset,
                    "way": f"{way} from {options.source}" if way == TRANSFER else way,
                    "tuning": tuning,
                    "n_labels": options.labels,
                    "n_scans": len(scans) if way not in (SCRATCH, TRANSFER) else 0,
                    "draw": draw,
                    "minutes": minutes,
                    "pretrain_minutes": spent,
                    "test": options.test or dataset.test,
                    **versions,
                }
                found = score(model, cohort, test, options)
                table = pd.DataFrame([{**about, **each} for each in found])
                replace_rows(options.results / "pretext.csv", table, RUN)
                mean = round(table["dice"].mean(), 4)
                print(way, tuning, draw, minutes, mean, model.card_.n_steps, flush=True)


if __name__ == "__main__":
    main()
