"""Small cohorts and a U-Net that is trained by counted steps, however busy the machine."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from suffice.core import Budget, Case, Channel, Cohort, Grid, Image, LabelMap, Legend
from suffice.io import write_image, write_mask
from suffice.phantoms import picture_of_cells
from suffice.segmenters import UNetSegmenter
from suffice.segmenters import unet as unet_module
from suffice.training import loop
from suffice.training.machine import Machine
from suffice.training.plan import Plan

CPU = Machine(n_cores=1, memory_gb=8.0, accelerator="cpu", precision="32-true")

Fit = Callable[..., UNetSegmenter]


@pytest.fixture(scope="session")
def small_plan() -> Plan:
    """For volumes of 20 voxels a side."""
    return Plan(
        ndim=3,
        slice_axis=None,
        spacing_mm=(1.0, 1.0, 1.5),
        pixel_units=False,
        patch_size=(16, 16, 16),
        batch_size=2,
        in_channels=1,
        n_classes=2,
        widths=(8, 16),
        strides=((2, 2, 2),),
        blocks=(1, 1),
        normalisation=("scan",),
        intensity=((0.0, 1.0, 0.5, 0.5),),
        flip_axes=(),
        augmentation="light",
        precision="32-true",
    )


@pytest.fixture(scope="session")
def picture_plan(small_plan: Plan) -> Plan:
    return replace(
        small_plan,
        ndim=2,
        spacing_mm=(1.0, 1.0),
        pixel_units=True,
        patch_size=(48, 48),
        strides=((2, 2),),
        flip_axes=(0, 1),
    )


@pytest.fixture(scope="session")
def counted() -> Iterator[pytest.MonkeyPatch]:
    """Make a second of training two steps, on one core."""

    def counted_train(*arguments: Any, **options: Any) -> loop.Trained:
        ticks = itertools.count()
        return loop.train(*arguments, clock=lambda: float(next(ticks)), **options)

    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unet_module, "train", counted_train)
        patch.setattr(unet_module, "detect_machine", lambda: CPU)
        torch.set_num_threads(1)
        yield patch
    torch.set_num_threads(before)


@pytest.fixture
def fit(counted: pytest.MonkeyPatch, tmp_path: Path) -> Fit:
    """Fit a plan in about a quarter to half a step for each second of the budget."""
    return functools.partial(_fit, workdir=tmp_path / "work")


def _fit(
    plan: Plan | None, labelled: Cohort, *, workdir: Path, seconds: float = 40, **options: Any
):
    settings: dict = {"seed": 0, "budget": Budget(minutes=seconds / 60), **options}
    return UNetSegmenter(plan=plan).fit(labelled, workdir=workdir, **settings)


@pytest.fixture(scope="session")
def ball_model(
    counted: pytest.MonkeyPatch,
    tiny_cohort: Cohort,
    small_plan: Plan,
    tmp_path_factory: pytest.TempPathFactory,
) -> UNetSegmenter:
    """Trained on four of six balls."""
    workdir = tmp_path_factory.mktemp("ball") / "work"
    learned = tiny_cohort.subset([f"case{i}" for i in range(4)])
    return _fit(small_plan, learned, workdir=workdir, seconds=300)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * np.logical_and(a, b).sum() / max(1, a.sum() + b.sum()))


@pytest.fixture(name="dice")
def dice_fixture() -> Callable[[np.ndarray, np.ndarray], float]:
    return dice


@pytest.fixture(scope="session")
def cells_cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Four coloured pictures with nuclei."""
    folder = tmp_path_factory.mktemp("cells")
    rng = np.random.default_rng(0)
    cases = []
    for i in range(4):
        phantom = picture_of_cells(rng, (64, 72), n_cells=6)
        image, mask = folder / f"{i}.png", folder / f"{i}_mask.png"
        write_image(image, phantom.image)
        write_mask(mask, phantom.truth)
        cases.append(Case(f"cells{i}", f"s{i}", {"image": image}, {"expert": mask}))
    legend = Legend.from_names({1: "nucleus"})
    return Cohort("cells", folder, (Channel(modality="MIC"),), legend, tuple(cases))


@pytest.fixture(scope="session")
def stacks_cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Four stacks of thick slices in two channels, with a bright and a dark rod."""
    folder = tmp_path_factory.mktemp("stacks")
    rng = np.random.default_rng(0)
    legend = Legend.from_names({2: "bright", 7: "dark"})
    cases = []
    for i in range(4):
        grid = Grid.from_spacing((36, 32, 9), (1.0, 1.0, 6.0))
        x, y, _ = np.indices(grid.shape)
        labels = np.zeros(grid.shape, np.uint8)
        for value, place in ((2, 10), (7, 24)):
            labels[np.hypot(x - place - rng.uniform(-2, 2), y - 15) < rng.uniform(4, 6)] = value
        first = 100.0 * (labels == 2) + rng.normal(0, 10, grid.shape)
        second = -100.0 * (labels == 7) + rng.normal(0, 10, grid.shape)
        paths = {name: folder / f"{i}_{name}.nii.gz" for name in ("t1", "t2", "mask")}
        for name, array in (("t1", first), ("t2", second)):
            write_image(paths[name], Image(array[None].astype(np.float32), grid))
        mask = paths.pop("mask")
        write_mask(mask, LabelMap(labels, grid, legend))
        cases.append(Case(f"stack{i}", f"s{i}", paths, {"expert": mask}))
    return Cohort("stacks", folder, (Channel("t1"), Channel("t2")), legend, tuple(cases))


ANATOMY = Legend.from_names({2: "body", 5: "spot"})


def draw_anatomy(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A body with a spot that is no brighter than the rest: known by where it lies alone."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((40, 44)).astype(float)
    row, column = rows - 20 - rng.uniform(-3, 3), columns - 22 - rng.uniform(-3, 3)
    down, right = (14, 9) * rng.uniform(0.9, 1.1, 2)
    labels = 2 * (np.hypot(row / down, column / right) < 1).astype(np.uint8)
    labels[np.hypot(row / down - 0.3, column / right) < 0.35] = 5
    grey = 60 + 120 * (labels > 0) + rng.normal(0, 4, labels.shape)
    return np.clip(grey, 0, 255).astype(np.uint8), labels


def make_anatomy_cohort(folder: Path, n: int = 4) -> Cohort:
    cases = []
    for i in range(n):
        grey, labels = draw_anatomy(i)
        grid = Grid(grey.shape)
        image, mask = folder / f"{i}.png", folder / f"{i}_mask.png"
        write_image(image, Image(grey[None], grid))
        write_mask(mask, LabelMap(labels, grid, ANATOMY))
        cases.append(Case(f"c{i}", f"s{i}", {"image": image}, {"expert": mask}))
    return Cohort("anatomy", folder, (Channel(),), ANATOMY, tuple(cases))


@pytest.fixture(scope="session", name="anatomy")
def anatomy_fixture() -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    return draw_anatomy


@pytest.fixture(scope="session")
def anatomy_cohort() -> Callable[..., Cohort]:
    return make_anatomy_cohort
