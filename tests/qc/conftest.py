from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from suffice.core import Case, Channel, Cohort, Grid, Image, LabelMap, Legend
from suffice.io import write_image, write_mask
from suffice.phantoms import discs
from suffice.qc import Finding

MakeCohort = Callable[..., Cohort]


@pytest.fixture
def pictures(tmp_path: Path) -> MakeCohort:
    """Write a cohort of pictures of discs: ``pictures(n, {case: array}, {case: mask})``."""

    def make(
        n: int = 6,
        arrays: dict[str, np.ndarray] | None = None,
        masks: dict[str, np.ndarray] | None = None,
    ) -> Cohort:
        cases = []
        for i in range(n):
            name = f"p{i}"
            phantom = discs(np.random.default_rng(i), (80, 72), noise=0.02)
            scan = np.clip(phantom.image.array * 150 + 50, 0, 255).astype(np.uint8)
            scan = (arrays or {}).get(name, scan)
            mask = (masks or {}).get(name, phantom.truth.array)
            image_path, mask_path = tmp_path / f"{name}.png", tmp_path / f"{name}_mask.png"
            write_image(image_path, Image(scan, Grid(scan.shape[1:])), overwrite=True)
            legend = Legend.from_names({1: "disc", 7: "other"})
            write_mask(mask_path, LabelMap(mask, Grid(mask.shape), legend), overwrite=True)
            cases.append(Case(name, f"s{i}", {"image": image_path}, {"expert": mask_path}))
        legend = Legend.from_names({1: "disc"})
        return Cohort("pictures", tmp_path, (Channel(),), legend, tuple(cases))

    return make


@pytest.fixture
def of_kind() -> Callable[[Iterable[Finding], str], list[Finding]]:
    """Pick the findings of one kind."""
    return lambda findings, kind: [finding for finding in findings if finding.kind == kind]
