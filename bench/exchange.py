"""What a way to train is worth in labelled cases: arms on the same cases, draws and minutes.

``python bench/exchange.py chest_xray_lungs --minutes 0.3 --core 0`` appends the scores of trainings
that are not in ``results/exchange.csv`` yet; give it again to go on. Minutes are those of one
core's own time, and hold reading and planning as ``suffice enough`` counts them. Weights to
transfer are learned once from all scans that are not scored, without their masks.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import pandas as pd

import own_core
from curves import FOLDERS, append, read_dataset

TABLE = "exchange.csv"
KEY = ["cohort", "way", "n_cases", "draw", "given"]


def done_before(path: Path) -> set[tuple[Any, ...]]:
    """The trainings of the table."""
    if not path.exists():
        return set()
    return set(pd.read_csv(path)[KEY].itertuples(index=False, name=None))


def pretrained(cohort: Any, test: set[str], minutes: float, work: Path) -> Path:
    """Learn from the scans that are not scored, once."""
    from suffice.workflows.pretraining import pretrain

    out = work / "pretrained"
    if not out.exists():
        scans = cohort.where(lambda case: case.name not in test)
        pretrain(scans, out, minutes=minutes)
    return out


def measure(options: argparse.Namespace) -> None:
    """Train whatever is not in the table yet, all ways of a size before the next."""
    from suffice.io import read_cohort
    from suffice.metrics import Panel
    from suffice.study import with_case_means
    from suffice.study.curve_design import design_curve
    from suffice.workflows.trying import fit_and_score
    from suffice.workflows.ways import TRANSFER, USUAL, parse_ways

    path = options.results / TABLE
    done, about = done_before(path), own_core.where_it_ran()
    place = options.work / "cohort"
    known = place.is_dir()
    cohort = read_cohort(place) if known else read_dataset(options.cohort, options.data, place)
    sizes = sorted({*options.usual_sizes, *options.way_sizes})
    design = design_curve(cohort, sizes=sizes)
    test = set(next(design.trainings(["unet"], draws=[0])).test)
    init = None
    if any(way.startswith(TRANSFER) for way in options.ways):
        init = pretrained(cohort, test, options.pretrain_minutes, options.work)
    ways = {way.name: way for way in parse_ways(options.ways, init=init)}
    trainings = design.trainings(["unet"], draws=range(options.draws), ways={"unet": tuple(ways)})
    for one in trainings:
        key = (options.cohort, one.way, one.n_subjects, one.draw, options.minutes)
        wanted = options.usual_sizes if one.way == USUAL else options.way_sizes
        if key in done or one.n_subjects not in wanted:
            continue
        started = time.process_time()
        way = ways[one.way]
        train = cohort.subset(one.cases)
        scores = fit_and_score(
            way.segmenter("unet", train, way.pool(cohort, one)),
            train,
            cohort.subset(one.test),
            options.work / one.name,
            minutes=options.minutes,
            seed=one.seed,
            panel=Panel(names=("dice",)),
        )
        means = with_case_means(scores)
        means = means[(means["label"] == "mean") & (means["metric"] == "dice")]
        row = {
            "cohort": options.cohort,
            "way": one.way,
            "n_cases": one.n_subjects,
            "draw": one.draw,
            "seed": one.seed,
            "given": options.minutes,
            "pretrain_minutes": options.pretrain_minutes if way.kind == TRANSFER else 0.0,
            "n_pool": len(way.pool(cohort, one)),
            "minutes": round((time.process_time() - started) / 60, 3),
        }
        rows = means.groupby("subject", sort=True)["value"].mean().round(6).reset_index()
        append(path, rows.assign(**row, **about)[[*row, "subject", "value", *about]])
        print(one.name, f"{rows['value'].mean():.4f} in {row['minutes']:.2f} min", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cohort", choices=tuple(FOLDERS))
    parser.add_argument("--ways", nargs="+", default=["unaugmented", "transfer", "pool"])
    parser.add_argument("--minutes", type=float, default=0.3, help="of each training")
    parser.add_argument("--pretrain-minutes", type=float, default=3.0)
    parser.add_argument("--usual-sizes", type=int, nargs="+", default=[2, 4, 9, 19])
    parser.add_argument("--way-sizes", type=int, nargs="+", default=[4, 9])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--core", type=int)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, required=True, help="kept, to go on from")
    parser.add_argument("--results", type=Path, default=own_core.RESULTS)
    options = parser.parse_args()
    own_core.keep_to(options.core)
    measure(options)


if __name__ == "__main__":
    main()
