"""Score kinds of models by the nuclei that they tell apart: average precision by IoU.

Each is trained on the same 12 pictures for the same minutes and scored on the same 40 others. The
U-Net's masks are split by the relief that tells the objects of the training pictures apart best.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import bootstrap

import side
from datasets import DATASETS
from machine import describe_machine

IOUS = (0.5, 0.6, 0.7, 0.8, 0.9)
# All objects count for COCO's curve, but those nobody would believe in.
LEAST_SCORE = 0.01
IntArray = npt.NDArray[np.int32]


def splitter(segmenter: Any, labelled: Any) -> Callable[[Any], IntArray]:
    """Split the masks of a segmenter as tells the labelled objects apart best."""
    from suffice.core import Budget
    from suffice.io import read_case_image, read_case_instances
    from suffice.segmenters.searching import Search
    from suffice.segmenters.splitting import search_splitting, split_instances

    masks, truths = [], []
    for case in labelled.cases:
        mask = segmenter.predict(read_case_image(labelled, case)).labels.array > 0
        masks.append(mask)
        truths.append(read_case_instances(labelled, case))
    splitting, _ = search_splitting(
        masks,
        truths,
        brightness=[np.zeros(m.shape, np.float32) for m in masks],
        spacings=[(1.0, 1.0)] * len(masks),
        search=Search(labelled.legend.names, Budget(minutes=1)),
        part=1.0,
    )
    return lambda image: split_instances(segmenter.predict(image).labels.array > 0, splitting)


def score(segmenter: Any, kind: str, labelled: Any, unseen: Any, out: Path) -> dict[str, Any]:
    """Average precision over unseen pictures, whose maps of instances are kept in ``out``."""
    from suffice.io import read_case_image, read_case_instances, write_instances
    from suffice.metrics import InstanceOverlaps, coco_precision, data_science_bowl_precision

    find = getattr(segmenter, "instances", None)
    if kind.startswith("unet"):
        find = splitter(segmenter, labelled)
    by_threshold: list[list[float]] = [[] for _ in IOUS]
    curves = []
    for case in unseen.cases:
        image, truth = read_case_image(unseen, case), read_case_instances(unseen, case)
        if kind == "yolo":
            curve = segmenter.predict_instances(image, least_score=LEAST_SCORE)
            curves.append((InstanceOverlaps.of(curve.instances, truth), curve.scores))
            found = segmenter.predict_instances(image).instances
        else:
            found = find(image)
        write_instances(out / f"{case.name}.png", found, image.grid, overwrite=True)
        overlaps = InstanceOverlaps.of(found, truth)
        for values, iou in zip(by_threshold, IOUS, strict=True):
            values.append(data_science_bowl_precision(overlaps, (iou,)))
    named = zip(by_threshold, IOUS, strict=True)
    row = {f"ap{round(100 * iou)}": round(float(np.mean(values)), 4) for values, iou in named}
    # Pictures that all score alike have no interval.
    low = high = row["ap50"]
    if np.ptp(by_threshold[0]) > 0:
        rng = np.random.default_rng(0)
        low, high = bootstrap((by_threshold[0],), np.mean, rng=rng).confidence_interval
    row |= {"low50": round(low, 4), "high50": round(high, 4)}
    row["coco_ap50"] = round(coco_precision(curves, (0.5,)), 4) if curves else ""
    row["coco_ap"] = round(coco_precision(curves), 4) if curves else ""
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=["yolo"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--core", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--init", type=Path, help="weights for YOLO to start from")
    parser.add_argument("--out", type=Path, required=True, help="folder for maps of instances")
    parser.add_argument(
        "--results", type=Path, default=Path(__file__).parent / "results" / "instances.csv"
    )
    options = parser.parse_args()
    side.limit_threads(options.threads, options.core)
    dataset = DATASETS["nuclei"]

    from suffice.core import Budget
    from suffice.io import read_case_instances
    from suffice.segmenters import RUNGS
    from suffice.workflows.importing import import_cohort

    about = {"minutes_given": options.minutes, "threads": options.threads, "seed": options.seed}
    with tempfile.TemporaryDirectory(prefix="instances-") as temporary:
        folder = Path(temporary)
        cohort = import_cohort(options.data / dataset.folder, folder / "cohort").cohort
        labelled = cohort.subset(dataset.case_names("train12"))
        unseen = cohort.subset(dataset.case_names("test40"))
        about |= {"n_cases": len(unseen), "torch": version("torch"), **describe_machine()}
        for kind in options.kinds:
            given = {"init": options.init} if kind == "yolo" and options.init else {}
            if kind == "watershed":
                given = {"read_instances": partial(read_case_instances, labelled)}
            begun = time.monotonic()
            segmenter = RUNGS[kind](**given).fit(
                labelled,
                budget=Budget(minutes=options.minutes),
                seed=options.seed,
                workdir=folder / kind,
            )
            minutes = (time.monotonic() - begun) / 60
            segmenter.save(options.out / f"{kind}-model", overwrite=True)
            row = {"kind": kind, "minutes": round(minutes, 2), **about}
            row |= score(segmenter, kind, labelled, unseen, options.out / kind)
            print(row, flush=True)
            keep(options.results, row)


def keep(path: Path, row: dict[str, Any]) -> None:
    """Add a kind's row to the table; it takes the place of that kind's earlier one."""
    rows = pd.read_csv(path) if path.exists() else pd.DataFrame([row])
    rows = pd.concat([rows[rows["kind"] != row["kind"]], pd.DataFrame([row])])
    path.parent.mkdir(exist_ok=True)
    rows.to_csv(path, index=False)


if __name__ == "__main__":
    main()
