"""What a scan shows inside a mask, by numpy and scipy and on a real PET."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import skew

from suffice.core import GeometryError, Grid, Image, LabelMap, Legend
from suffice.io import read_image, read_mask
from suffice.measure import measure_mask, peaks, structures_of

SARCOMA = Path(__file__).parents[3] / "shared" / "data" / "sarcoma_STS_008"
LEGEND = Legend.from_names({1: "tumour", 2: "node"})


@pytest.fixture
def mask() -> LabelMap:
    rng = np.random.default_rng(0)
    array = rng.choice([0, 1], size=(12, 10, 8)).astype(np.uint8)
    return LabelMap(array, Grid.from_spacing(array.shape, (4.0, 4.0, 3.0)), LEGEND)


@pytest.mark.parametrize(("unit", "ending"), [("HU", "hu"), ("SUV", "suv"), ("none", "value")])
def test_statistics_are_those_of_numpy(mask: LabelMap, unit, ending) -> None:
    scan = np.random.default_rng(1).gamma(2.0, 2.0, mask.grid.shape)
    image = Image(scan[None], mask.grid, "OTHER", unit)
    found = {m.name: m.value for m in measure_mask(mask, image) if m.label == "tumour"}
    values = scan[mask.array == 1]
    expected = {
        f"mean_{ending}": values.mean(),
        f"sd_{ending}": values.std(),
        f"median_{ending}": np.median(values),
        f"p10_{ending}": np.percentile(values, 10),
        f"p90_{ending}": np.percentile(values, 90),
        f"min_{ending}": values.min(),
        f"max_{ending}": values.max(),
        "skewness": skew(values),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert ("peak_suv" in found) == (unit == "SUV")


def test_an_absent_structure_shows_nothing(mask: LabelMap) -> None:
    image = Image(np.ones((1, *mask.grid.shape)), mask.grid, "CT", "HU")
    names = {m.name for m in measure_mask(mask, image) if m.label == "node"}
    assert names == {"volume_ml", "extent_mm"}


def test_channels_are_told_apart(mask: LabelMap) -> None:
    scan = np.stack([np.full(mask.grid.shape, v) for v in (3.0, 7.0)])
    image = Image(scan, mask.grid, "MR", "none")
    found = {m.name: m.value for m in measure_mask(mask, image, channels=["t1", "t2"])}
    assert found["t1_mean_value"] == 3.0 and found["t2_mean_value"] == 7.0
    assert found["t1_sd_value"] == found["t1_skewness"] == 0.0


def test_a_scan_on_another_grid_is_refused(mask: LabelMap) -> None:
    other = Grid.from_spacing(mask.grid.shape, (1.0, 1.0, 1.0))
    with pytest.raises(GeometryError, match="lie on different grids"):
        measure_mask(mask, Image(np.ones((1, *other.shape)), other))


@pytest.mark.parametrize("spacing", [(4.0, 4.0, 3.0), (2.0, 2.0, 5.0), (7.0, 7.0, 7.0)])
def test_peaks_are_means_over_balls_of_1_ml(spacing) -> None:
    rng = np.random.default_rng(2)
    array = (rng.random((7, 6, 9)) < 0.3).astype(np.uint8)
    grid = Grid.from_spacing(array.shape, spacing)
    scan = rng.random(array.shape)
    (structure,) = structures_of(LabelMap(array, grid, Legend.from_names({1: "tumour"})))
    centres = np.argwhere(np.ones(array.shape, bool))
    radius = (750 / np.pi) ** (1 / 3)
    expected = [
        scan[tuple(centres[np.linalg.norm((centres - p) * spacing, axis=1) <= radius].T)].mean()
        for p in np.argwhere(array)
    ]
    assert peaks(structure, scan) == pytest.approx(np.array(expected))


def test_metabolic_volume_and_glycolysis(mask: LabelMap) -> None:
    scan = np.zeros(mask.grid.shape)
    inside = np.argwhere(mask.array == 1)
    scan[tuple(inside[0])], scan[tuple(inside[1])], scan[tuple(inside[2])] = 10.0, 4.2, 4.0
    image = Image(scan[None], mask.grid, "PET", "SUV")
    found = {m.name: m.value for m in measure_mask(mask, image) if m.label == "tumour"}
    each = 0.048
    assert found["mtv41_ml"] == pytest.approx(2 * each)
    assert found["tlg41_g"] == pytest.approx(14.2 * each)
    assert found["tlg_g"] == pytest.approx(18.2 * each)
    assert found["tlg_g"] == pytest.approx(found["volume_ml"] * found["mean_suv"])


@pytest.mark.skipif(not SARCOMA.is_dir(), reason="needs ../shared/data/sarcoma_STS_008")
def test_a_sarcoma_on_pet() -> None:
    """SUV by our reading of the DICOM header, against the same scan published in SUV."""
    mask = read_mask(SARCOMA / "nifti" / "PET_mask.nii.gz", Legend.from_names({1: "tumour"}))
    image = read_image(SARCOMA / "dicom" / "PET" / "image")
    assert image.unit == "SUV"
    found = {m.name: m.value for m in measure_mask(mask, image)}
    published = read_image(SARCOMA / "nifti" / "PET_image.nii.gz").array[0][mask.array > 0]
    assert found["max_suv"] == pytest.approx(published.max(), rel=1e-5)
    assert found["mean_suv"] == pytest.approx(published.mean(), rel=1e-5)
    assert found["mean_suv"] < found["peak_suv"] < found["max_suv"]
    assert found["volume_ml"] == pytest.approx(388 * 4.6875**2 * 3.27 / 1000)
    assert found["mtv41_ml"] < found["volume_ml"]
