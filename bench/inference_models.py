"""The networks and the cases that tiled inference is measured on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from datasets import DATASETS
from suffice.core import Budget, Case, Channel, Cohort, LabelMap, Legend
from suffice.io import read_case_image, read_case_mask, write_image, write_mask
from suffice.phantoms import Phantom, chest_ct, chest_grid, draw_chest
from suffice.segmenters import UNetSegmenter
from suffice.segmenters.planning import plan_for
from suffice.segmenters.preparing import prepare_image, prepare_labels
from suffice.training.plan import Plan
from suffice.workflows.importing import import_cohort

# A chest of 256x256x128 voxels has about this spacing.
SPACING_MM = (1.6, 1.6, 2.6)
SHAPE = (256, 256, 128)
LUNGS = Legend.from_names({1: "lungs"})


@dataclass(frozen=True)
class Sample:
    """One case as the network sees it, and its truth."""

    image: npt.NDArray[np.float32]
    truth: npt.NDArray[np.uint8] | None


def train_network(cohort: Cohort, patch: int, minutes: float, folder: Path) -> Path:
    """Train a small U-Net (16 channels at full resolution) on cubes; keep what stands there."""
    if folder.exists():
        return folder
    budget = Budget(minutes=minutes)
    plan = replace(
        plan_for(cohort, budget=budget),
        spacing_mm=_spacing(cohort),
        patch_size=(patch,) * 3,
        batch_size=1 if patch > 64 else 2,
        widths=(16, 32, 64, 128),
        strides=((2, 2, 2),) * 3,
        blocks=(1, 1, 1, 1),
    )
    segmenter = UNetSegmenter(plan=plan).fit(
        cohort, budget=budget, seed=0, workdir=folder.with_name(folder.name + ".work")
    )
    segmenter.save(folder)
    return folder


def _spacing(cohort: Cohort) -> tuple[float, ...]:
    spacing = read_case_image(cohort, cohort.cases[0]).grid.spacing_mm
    return SPACING_MM if spacing is None else tuple(float(s) for s in spacing)


def chest_phantom(seed: int) -> Phantom:
    """A chest of 256x256x128 voxels about its middle."""
    rng = np.random.default_rng([99, seed])
    chest = draw_chest(rng)
    grid = chest_grid(chest, SPACING_MM)
    start = [(have - want) // 2 for have, want in zip(grid.shape, SHAPE, strict=True)]
    return chest_ct(
        rng, chest=chest, grid=grid.with_shape(SHAPE, start), difficulty=0.3, label_nodules=False
    )


def phantom_cohort(folder: Path, n_cases: int = 6) -> Cohort:
    """Chests to train on."""
    cases = []
    for seed in range(n_cases):
        phantom = chest_phantom(1000 + seed)
        image, mask = folder / f"image{seed}.nii.gz", folder / f"mask{seed}.nii.gz"
        write_image(image, phantom.image)
        write_mask(mask, lungs_of(phantom.truth))
        cases.append(Case(f"chest{seed}", f"chest{seed}", {"image": image}, {"expert": mask}))
    channel = Channel(modality="CT", unit="HU")
    return Cohort("chests", folder, (channel,), LUNGS, tuple(cases))


def lungs_of(truth: LabelMap) -> LabelMap:
    """Both lungs as one structure: minutes do not teach a network the airway or left from right."""
    lungs = (truth.array == 1) | (truth.array == 2)
    return LabelMap(lungs.astype(np.uint8), truth.grid, LUNGS)


def phantom_samples(plan: Plan, n_samples: int) -> Iterator[Sample]:
    """Give chests that the network never saw."""
    for seed in range(n_samples):
        phantom = chest_phantom(seed)
        prepared = np.ascontiguousarray(prepare_image(phantom.image, plan), dtype=np.float32)
        labels = prepare_labels(lungs_of(phantom.truth), phantom.image, plan)
        yield Sample(prepared, np.asarray(labels))


def hippocampus_cohort(data: Path, folder: Path) -> Cohort:
    """The real cases."""
    dataset = DATASETS["hippocampus"]
    return import_cohort(data / dataset.folder, folder, overwrite=True).cohort


def hippocampus_samples(cohort: Cohort, plan: Plan) -> Iterator[Sample]:
    """Give the fixed test cases."""
    dataset = DATASETS["hippocampus"]
    for case in cohort.subset(dataset.case_names(dataset.test)).cases:
        image = read_case_image(cohort, case)
        labels = prepare_labels(read_case_mask(cohort, case), image, plan)
        prepared = np.ascontiguousarray(prepare_image(image, plan), dtype=np.float32)
        yield Sample(prepared, np.asarray(labels))


def noise_sample() -> Sample:
    """A volume without air, which no tile can be skipped in; there is nothing to score."""
    noise = np.random.default_rng(0).standard_normal((1, *SHAPE), dtype=np.float32)
    return Sample(noise, None)
