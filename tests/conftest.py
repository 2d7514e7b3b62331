"""Fixtures for every room."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

from suffice.core import Case, Channel, Cohort, Legend
from suffice.io import write_cohort

if TYPE_CHECKING:
    from suffice.training.plan import Plan


@pytest.fixture(scope="session")
def tiny_cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Eight subjects with a bright ball each, in volumes of 20 voxels; the last two unlabelled."""
    folder = tmp_path_factory.mktemp("tiny")
    cases = tuple(_ball_case(folder, i, is_labelled=i < 6) for i in range(8))
    cohort = Cohort(
        "tiny", folder, (Channel(modality="MR"),), Legend.from_names({1: "ball"}), cases
    )
    write_cohort(cohort, folder)
    return cohort


def _ball_case(folder: Path, i: int, *, is_labelled: bool) -> Case:
    rng = np.random.default_rng(i)
    axes = np.stack(np.meshgrid(*[np.arange(20)] * 3, indexing="ij"))
    centre = rng.uniform(8, 11, size=(3, 1, 1, 1))
    ball = ((axes - centre) ** 2).sum(0) <= rng.uniform(4, 6) ** 2
    scan = (ball * 100 + rng.normal(0, 10, ball.shape)).astype(np.float32)
    affine = np.diag([-1.0, 1.0, 1.5, 1.0])
    affine[:3, 3] = rng.uniform(-50, 50, 3)
    name = f"case{i}"
    image, mask = folder / "images" / f"{name}.nii.gz", folder / "masks" / f"{name}.nii.gz"
    image.parent.mkdir(exist_ok=True)
    mask.parent.mkdir(exist_ok=True)
    nib.save(nib.Nifti1Image(scan, affine), image)
    if not is_labelled:
        return Case(name, f"subject{i}", {"image": image})
    nib.save(nib.Nifti1Image(ball.astype(np.uint8), affine), mask)
    return Case(name, f"subject{i}", {"image": image}, {"expert": mask})


@pytest.fixture
def disc_plan() -> Plan:
    """For pictures of discs, small enough to be learned in seconds."""
    from suffice.training.plan import Plan

    return Plan(
        ndim=2,
        slice_axis=None,
        spacing_mm=(1.0, 1.0),
        pixel_units=True,
        patch_size=(32, 32),
        batch_size=2,
        in_channels=1,
        n_classes=2,
        widths=(8, 16, 16),
        strides=((2, 2), (2, 2)),
        blocks=(1, 1, 1),
        normalisation=("scan",),
        intensity=((0.0, 1.0, 0.5, 0.5),),
        flip_axes=(0, 1),
        augmentation="light",
        precision="32-true",
    )
