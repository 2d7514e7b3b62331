"""Scribbles against whole masks: what strokes teach alone, and with the consistency term.

Strokes are made from the drawn masks and imported as a person's would be, 0 for unlabelled. Every
way learns from the same cases by the same plan in the same time of one core, and is scored on the
whole masks of the same unseen cases.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import own_core
from datasets import DATASETS, Dataset
from pool import draw_labels, score

WHOLE, STROKES, CONSISTENT = "whole", "strokes", "strokes-consistency"
RUN = ["dataset", "way", "n_labels", "draw", "minutes", "test"]


def stroke_cohort(cohort: Any, dataset: Dataset, data: Path, folder: Path) -> Any:
    """Import the scans of labelled cases again, with strokes in place of their masks."""
    from suffice.core import LabelMap, Legend
    from suffice.io import read_image, write_mask
    from suffice.io.masks import mask_suffix_for
    from suffice.phantoms import scribble
    from suffice.workflows.importing import import_cohort

    names = {value: name for name, value in dataset.labels.items()}
    background, source = max(names) + 1, folder / "source"
    for i, case in enumerate(cohort.cases):
        path = dataset.image_path(data, case.name)
        truth, grid = dataset.truth(data, case.name), read_image(path).grid
        whole = LabelMap(truth, grid, Legend.from_names(names))
        drawn = scribble(whole, np.random.default_rng([11, i]), ignore=background).array.astype(int)
        # As many such files are: 0 is unlabelled, background has a value of its own.
        swapped = np.select([drawn == 0, drawn == background], [background, 0], drawn)
        strokes = LabelMap(
            swapped.astype(np.uint8), grid, Legend.from_names({**names, background: "background"})
        )
        for part in ("images", "labels"):
            (source / part).mkdir(parents=True, exist_ok=True)
        (source / "images" / path.name).symlink_to(path.resolve())
        write_mask(source / "labels" / f"{case.name}{mask_suffix_for(path)}", strokes)
    out = folder / "strokes"
    return import_cohort(source, out, ignore=0, background=background, labels=names).cohort


def share_labelled(cohort: Any) -> float:
    """Mean part of the voxels that strokes label."""
    from suffice.io import read_case_mask

    masks = [read_case_mask(cohort, case) for case in cohort.cases]
    return float(np.mean([1 - np.mean(mask.array == mask.legend.ignore) for mask in masks]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", choices=tuple(DATASETS))
    parser.add_argument("ways", nargs="+", choices=(WHOLE, STROKES, CONSISTENT))
    parser.add_argument("--labels", type=int, default=8)
    own_core.add_arguments(parser, minutes=2.0)
    options = parser.parse_args()
    with own_core.setting(options) as given:
        compare(given, options)


def compare(given: own_core.Setting, options: argparse.Namespace) -> None:
    """Train every way on every draw of labels, and keep what it scores."""
    from suffice.segmenters import UNetSegmenter
    from suffice.segmenters.planning import plan_for
    from versus_nnunet import replace_rows

    options.results.mkdir(exist_ok=True)
    dataset, folder = given.dataset, given.folder
    # What is scored at last is never learned from, also where a way is chosen on other cases.
    unseen = sorted({*given.test, *dataset.case_names(dataset.test)})
    for draw in options.draws:
        labelled, _ = draw_labels(given.cohort, unseen, options.labels, draw)
        strokes = stroke_cohort(labelled, dataset, options.data, folder / f"draw{draw}")
        plan = plan_for(strokes, budget=given.budget)
        for way in options.ways:
            model = UNetSegmenter(plan=plan, consistency=way == CONSISTENT).fit(
                labelled if way == WHOLE else strokes,
                budget=given.budget,
                seed=draw,
                workdir=folder / f"{way}-{draw}",
            )
            about = {
                "dataset": options.dataset,
                "way": way,
                "n_labels": options.labels,
                "draw": draw,
                "labelled_percent": round(100 * share_labelled(strokes), 2),
                **given.about,
            }
            found = score(model, given.cohort, given.test, options)
            table = pd.DataFrame([{**about, **row} for row in found])
            replace_rows(options.results / "scribbles.csv", table, RUN)
            mean = round(table["dice"].mean(), 4)
            print(way, draw, mean, model.card_.n_steps, flush=True)


if __name__ == "__main__":
    main()
