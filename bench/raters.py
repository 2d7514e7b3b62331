"""Noisy raters: ways to learn from several masks a case against learning from the first one's.

Phase-contrast cells, five persons with one tool, as they are and with the first two spoilt on
purpose in training: the first draws far too much, the second draws nothing in half of the
pictures. Pictures are shrunk sixfold. Every way gets the same plan and the same minutes of one
core's own time; pictures that no way has seen are scored against what the five persons as they are
come to. Small networks and minutes: this tells ways apart, it is not what they can reach.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import tempfile
import time
import zlib
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image
from scipy import ndimage

import side
from datasets import dice
from machine import describe_machine
from suffice.core import Budget, Case, Channel, Cohort, Legend
from suffice.io import read_case_image, read_case_mask, write_mask
from suffice.raters import majority, staple
from suffice.segmenters import UNetSegmenter, unet
from suffice.segmenters.several_raters import RatersUNetSegmenter
from suffice.training.loop import train
from suffice.training.plan import Plan
from versus_nnunet import replace_rows

CASES = Path(__file__).parent / "cases"
RESULTS = Path(__file__).parent / "results"
FIRST = "first"
RUN = ["noise", "way", "seed", "minutes", "test"]
RATERS, TOOL = tuple(f"Person{i}" for i in range(1, 6)), "Amira"
SHRUNK = 6
# Pixels that the first draws too many, and how often the second draws nothing.
TOO_WIDE, LEFT_OUT = 4, 0.5
# A small network on small patches: hundreds of steps in a minute of one core.
PLAN = Plan(
    ndim=2,
    slice_axis=None,
    spacing_mm=(1.0, 1.0),
    pixel_units=True,
    patch_size=(64, 64),
    batch_size=4,
    in_channels=1,
    n_classes=2,
    widths=(16, 32, 64),
    strides=((2, 2), (2, 2)),
    blocks=(1, 1, 1),
    normalisation=("scan",),
    intensity=((0.0, 255.0, 128.0, 64.0),),
    flip_axes=(0, 1),
    augmentation="light",
    precision="32-true",
)


def spoilt(
    mask: npt.NDArray[np.bool_], number: int, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """What the first (0) or second (1) rater draws in place of a mask."""
    if number == 0:
        return np.asarray(ndimage.binary_dilation(mask, iterations=TOO_WIDE))
    return np.zeros_like(mask) if rng.random() < LEFT_OUT else mask


def cells(data: Path, name: str, folder: Path) -> Cohort:
    """Pictures in a list of bench/cases, shrunk, with the masks of five persons."""
    source, cases = data / "cells_10_raters", []
    for case in (CASES / f"cells-{name}.txt").read_text().split():
        paths = {"image": source / "RawImages" / f"{case}.png"}
        for rater in RATERS:
            drawn = (source / "ExpertsAnnotations" / f"{rater}_{TOOL}").glob(f"*_{case}.png")
            paths[rater] = next(drawn)
        small = {key: folder / key / f"{case}.png" for key in paths}
        for key, path in paths.items():
            array = np.asarray(Image.open(path)).astype(float)
            array = array if array.ndim == 2 else array[..., 0]
            # What they drew is 0.
            array = array if key == "image" else 1.0 * (array == 0)
            rows, columns = (n // SHRUNK for n in array.shape)
            blocks = array[: rows * SHRUNK, : columns * SHRUNK]
            mean = blocks.reshape(rows, SHRUNK, columns, SHRUNK).mean((1, 3))
            small[key].parent.mkdir(parents=True, exist_ok=True)
            mean = mean if key == "image" else mean > 0.5
            Image.fromarray(mean.astype(np.uint8)).save(small[key])
        image = small.pop("image")
        cases.append(Case(case, case, {"image": image}, small))
    legend = Legend.from_names({1: "cell"})
    return Cohort("cells", data, (Channel(modality="MIC"),), legend, tuple(cases))


def spoil(cohort: Cohort, folder: Path) -> Cohort:
    """The cohort with its first two raters spoilt, each case alike in every run."""
    cases = []
    for case in cohort.cases:
        rng = np.random.default_rng(zlib.crc32(case.name.encode()))
        masks = dict(case.masks)
        for number, rater in enumerate(cohort.raters[:2]):
            drawn = read_case_mask(cohort, case, rater)
            array = spoilt(drawn.array > 0, number, rng)
            masks[rater] = folder / rater / f"{case.name}.png"
            masks[rater].parent.mkdir(parents=True, exist_ok=True)
            write_mask(masks[rater], replace(drawn, array=array.astype(np.uint8)))
        cases.append(replace(case, masks=masks))
    return replace(cohort, cases=tuple(cases))


def scores(model: UNetSegmenter, cohort: Cohort) -> pd.DataFrame:
    """Dice of every picture against the majority of the raters and against STAPLE."""
    rows = []
    for case in cohort.cases:
        masks = {rater: read_case_mask(cohort, case, rater).array for rater in case.masks}
        found = model.predict(read_case_image(cohort, case)).labels.array.astype(np.uint8)
        truths = {"majority": majority(masks, (1,)), "staple": staple(masks, (1,)).labels}
        for name, labels in truths.items():
            truth = labels.astype(np.uint8)
            size = found.sum() / truth.sum()
            rows.append((case.name, name, round(dice(truth, found, 1), 5), round(size, 4)))
    return pd.DataFrame(rows, columns=["case", "truth", "dice", "size"])


def habits(model: RatersUNetSegmenter, cohort: Cohort, true: Cohort) -> pd.DataFrame:
    """What matrices say of each rater, and what the masks say against the true ones' majority."""
    counts = {rater: np.zeros((2, 2)) for rater in cohort.raters}
    for case, other in zip(cohort.cases, true.cases, strict=True):
        truth = majority({r: read_case_mask(true, other, r).array for r in other.masks}, (1,))
        for rater in case.masks:
            drawn = read_case_mask(cohort, case, rater).array
            np.add.at(counts[rater], (truth.ravel(), drawn.ravel()), 1)
    rows = []
    for rater, matrix in model.confusion_.items():
        shares = counts[rater] / counts[rater].sum(1, keepdims=True)
        rows.append((rater, matrix[1, 0], shares[1, 0], matrix[0, 1], shares[0, 1]))
    names = ["rater", "leaves_out", "left_out", "adds", "added"]
    return pd.DataFrame(rows, columns=names).round(4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ways", nargs="+", help="first, soft, staple, confusion")
    parser.add_argument("--noise", nargs="+", choices=("none", "two"), default=["none", "two"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--train", default="train18")
    parser.add_argument("--test", default="test12")
    parser.add_argument("--core", type=int)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    side.limit_threads(1, options.core)

    unet.train = functools.partial(train, clock=time.process_time)
    # All of the minutes are for the steps, however busy the machine is with the rest.
    unet.LEAST_TRAINING = 1.0
    budget = Budget(minutes=options.minutes)
    with tempfile.TemporaryDirectory(prefix="raters-") as scratch:
        folder = Path(scratch)
        learned = cells(options.data, options.train, folder / "small")
        unseen = cells(options.data, options.test, folder / "small")
        sources = {"none": learned, "two": spoil(learned, folder / "spoilt")}
        runs = itertools.product(options.seeds, options.noise, options.ways)
        for seed, noise, way in runs:
            model = UNetSegmenter(plan=PLAN)
            if way != FIRST:
                model = RatersUNetSegmenter(way, plan=PLAN)
            workdir = folder / f"{way}-{noise}-{seed}"
            model.fit(sources[noise], budget=budget, seed=seed, workdir=workdir)
            about = {
                "noise": noise,
                "way": way,
                "seed": seed,
                "minutes": options.minutes,
                "test": options.test,
                "n_train": len(learned),
                "steps": model.card_.n_steps,
                "torch": version("torch"),
                **describe_machine(),
            }
            table = scores(model, unseen).assign(**about)
            options.results.mkdir(exist_ok=True)
            replace_rows(options.results / "raters.csv", table, RUN)
            print(noise, way, seed, model.card_.n_steps, *model.notes_, flush=True)
            if isinstance(model, RatersUNetSegmenter) and model.confusion_:
                found = habits(model, sources[noise], learned).assign(**about)
                replace_rows(options.results / "raters_habits.csv", found, RUN)
            print(table.groupby("truth")[["dice", "size"]].mean().round(4), flush=True)


if __name__ == "__main__":
    main()
