"""Plausible masks of lung nodules: a probabilistic U-Net against U-Nets that know one answer.

All learn from the same patients, four raters each, for the same time on one core; the clock is the
process's own, so that a busy machine changes nothing. Scored a slice, by the generalised energy
distance of 16 masks to those of the four raters.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

import suffice
from machine import describe_machine
from suffice.core import Budget, Case, Cohort, Image, LabelMap
from suffice.io import read_case_image, read_case_mask, read_cohort
from suffice.metrics.plausible import PlausibleMasks
from suffice.segmenters import unet
from suffice.segmenters.prob_unet import ProbUNetSegmenter
from suffice.training.loop import train
from suffice.workflows.importing import import_cohort

CASES = Path(__file__).parent / "cases"
RESULTS = Path(__file__).parent / "results"
N_MASKS = 16
BoolArray = npt.NDArray[np.bool_]
Draw = Callable[[Image, np.random.Generator], list[BoolArray]]


class MajorityUNet(unet.UNetSegmenter):
    """Learns what most raters drew; ties are background."""

    def _masks(self, labelled: Cohort, case: Case) -> list[LabelMap]:
        masks = [read_case_mask(labelled, case, rater) for rater in case.masks]
        share = np.mean([mask.array > 0 for mask in masks], axis=0)
        return [replace(masks[0], array=(share > 0.5).astype(masks[0].array.dtype))]


class RatersUNet(unet.UNetSegmenter):
    """Learns one rater's mask for each patch, drawn anew each time, as the probabilistic one."""

    def _masks(self, labelled: Cohort, case: Case) -> list[LabelMap]:
        return [read_case_mask(labelled, case, rater) for rater in case.masks]


KINDS: dict[str, type[unet.UNetSegmenter]] = {
    "prob_unet": ProbUNetSegmenter,
    "unet, random rater": RatersUNet,
    "unet, majority": MajorityUNet,
}


def ways_to_draw(model: unet.UNetSegmenter) -> dict[str, Draw]:
    """How a model gives several masks of an image."""

    def probability(image: Image) -> npt.NDArray[np.float32]:
        kept = model.predict(image, keep_probabilities=True).probabilities
        assert kept is not None
        return kept[1].astype(np.float32)

    def drawn(image: Image, rng: np.random.Generator) -> list[BoolArray]:
        masks = model.draw(image, N_MASKS, seed=int(rng.integers(2**31)))
        return [mask.array > 0 for mask in masks]

    def levels(image: Image, rng: np.random.Generator) -> list[BoolArray]:
        share = probability(image)
        return [share > (i + 0.5) / N_MASKS for i in range(N_MASKS)]

    def voxels(image: Image, rng: np.random.Generator) -> list[BoolArray]:
        share = probability(image)
        return [share > rng.random(share.shape) for _ in range(N_MASKS)]

    def one(image: Image, rng: np.random.Generator) -> list[BoolArray]:
        return [model.predict(image).labels.array > 0]

    if isinstance(model, ProbUNetSegmenter):
        return {"drawn": drawn, "levels of its mean": levels}
    if isinstance(model, MajorityUNet):
        return {"its mask": one, "levels": levels}
    return {"its mask": one, "levels": levels, "each pixel by itself": voxels}


def scores(cohort: Cohort, draws: dict[str, Draw], kind: str) -> Iterator[dict[str, object]]:
    """Give a row for each slice and way to draw."""
    for case in cohort.cases:
        image = read_case_image(cohort, case)
        raters = [read_case_mask(cohort, case, rater).array > 0 for rater in case.masks]
        for way, draw in draws.items():
            masks = draw(image, np.random.default_rng(0))
            found = PlausibleMasks.of(masks, raters)
            yield {
                "model": kind,
                "masks": way,
                "case": case.name,
                "subject": case.subject,
                "ged": found.generalised_energy_distance(),
                "matched_iou": found.matched_iou(),
                "diversity": found.sample_diversity(),
                "raters_diversity": found.reference_diversity(),
            }


def read_nodules(data: Path, folder: Path) -> Cohort:
    """Import the slices, each a case of its own, as in docs/raters.md."""
    import_cohort(
        data / "lidc_nodules",
        folder,
        modality="CT",
        labels={1: "nodule"},
        pattern="{subject}/{nodule}/images/slice-{slice}.png",
        mask_pattern="{subject}/{nodule}/mask-{rater}/slice-{slice}.png",
    )
    return read_cohort(folder)


def patients(cohort: Cohort, name: str) -> Cohort:
    """The slices of the patients in a committed list."""
    wanted = set((CASES / f"lidc-{name}.txt").read_text().split())
    return cohort.where(lambda case: case.subject in wanted)


def trained(
    cohort: Cohort, kind: str, minutes: float, seed: int, folder: Path
) -> unet.UNetSegmenter:
    """A model of a kind, trained for so many minutes of one core's time."""
    model = KINDS[kind]().fit(
        cohort, budget=Budget(minutes=minutes), seed=seed, workdir=folder / f"{kind}.work"
    )
    model.save(folder / kind, overwrite=True)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", default="train20")
    parser.add_argument("--test", default="test14")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--models", type=Path, help="where the models are kept")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, object]] = []
    # The budget of a segmenter is wall-clock time; here what this process worked counts.
    unet.train = functools.partial(train, clock=time.process_time)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.models or Path(scratch)
        cohort = read_nodules(options.data, Path(scratch) / "nodules")
        learned, unseen = (patients(cohort, name) for name in (options.train, options.test))
        for kind in options.kinds:
            model = trained(learned, kind, options.minutes, options.seed, folder)
            setting = {
                "minutes": options.minutes,
                "seed": options.seed,
                "train": options.train,
                "test": options.test,
                "n_train": len(learned),
                "steps": model.card_.n_steps,
                "version": suffice.__version__,
                "torch": torch.__version__,
                **describe_machine(),
            }
            found = [{**row, **setting} for row in scores(unseen, ways_to_draw(model), kind)]
            rows += found
            table = pd.DataFrame(found).groupby(["model", "masks"])
            print(table[["ged", "matched_iou", "diversity", "raters_diversity"]].mean().round(3))
            options.results.mkdir(exist_ok=True)
            pd.DataFrame(rows).to_csv(
                options.results / "plausible.csv", index=False, float_format="%.5g"
            )


if __name__ == "__main__":
    main()
