"""The digital phantom of the Image Biomarker Standardisation Initiative, with its values.

Phantom and values: Zwanenburg et al., Radiology 2020, doi:10.1148/radiol.2020191145, and the
reference manual, arXiv:1612.07003 (CC BY 4.0); the further digits are those of a mesh by
scikit-image.
"""

from __future__ import annotations

import numpy as np
import pytest

from suffice.core import Grid, Image, LabelMap, Legend
from suffice.measure import measure_mask, peaks, structures_of

# Slices along z, each with rows along y and columns along x; 5 x 4 x 4 voxels of 2 mm.
INTENSITIES = np.array(
    [
        [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [1, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 1, 1, 1], [1, 1, 9, 1, 1], [1, 1, 6, 1, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
    ]
).T


@pytest.fixture(scope="module")
def mask() -> LabelMap:
    array = np.ones(INTENSITIES.shape, dtype=np.uint8)
    array[0, 2, 1] = array[2, 2, 2] = 0
    array[3:, 0, 2:] = 0
    grid = Grid.from_spacing(array.shape, (2.0, 2.0, 2.0))
    return LabelMap(array, grid, Legend.from_names({1: "roi"}))


@pytest.fixture(scope="module")
def values(mask: LabelMap) -> dict[str, float]:
    image = Image(INTENSITIES[None].astype(np.int16), mask.grid, "PET", "SUV")
    return {m.name: m.value for m in measure_mask(mask, image, shape=True)}


def test_the_region_has_its_74_voxels(mask: LabelMap) -> None:
    assert np.count_nonzero(mask.array) == 74


@pytest.mark.parametrize(
    ("name", "published", "digits"),
    [
        ("mean_suv", 2.15, 2),
        ("sd_suv", 3.05**0.5, 2),
        ("skewness", 1.08, 2),
        ("median_suv", 1.0, 2),
        ("min_suv", 1.0, 2),
        ("p10_suv", 1.0, 2),
        ("p90_suv", 4.0, 2),
        ("max_suv", 6.0, 2),
        ("peak_suv", 3.1, 1),
        ("volume_ml", 0.592, 6),
        ("mesh_volume_ml", 0.55633, 5),
        ("surface_mm2", 388.07, 2),
        ("diameter_mm", 13.1, 1),
    ],
)
def test_published_values(
    values: dict[str, float], name: str, published: float, digits: int
) -> None:
    assert round(values[name], digits) == round(published, digits)


def test_variance_and_local_intensity_peak(mask: LabelMap, values: dict[str, float]) -> None:
    assert round(values["sd_suv"] ** 2, 2) == 3.05
    (structure,) = structures_of(mask)
    inside = INTENSITIES[mask.array > 0]
    assert peaks(structure, INTENSITIES)[inside == inside.max()].max() == pytest.approx(2.6)
