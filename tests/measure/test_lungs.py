"""Lungs by the names of labels and by their pieces, on phantoms of known truth."""

from __future__ import annotations

import numpy as np
import pytest

from suffice.core import Grid, Image, LabelMap, Legend
from suffice.measure import examine_mask, lung_part, measure_density, measure_mask
from suffice.phantoms import Phantom, chest_ct


@pytest.fixture(scope="module")
def chest() -> Phantom:
    return chest_ct(np.random.default_rng(5), spacing_mm=(4, 4, 5), difficulty=0.1)


def by_label(measures, name: str) -> dict[str, float]:
    return {m.label: m.value for m in measures if m.name == name}


@pytest.mark.parametrize(
    ("name", "side", "is_lobe"),
    [
        ("left lung", "left", False),
        ("Lung_R", "right", False),
        ("LeftLung", "left", False),
        ("lungs", "both", False),
        ("lung_lower_lobe_left", "left", True),
        ("RML", "right", True),
        ("right upper lobe", "right", True),
    ],
)
def test_names_of_lungs(name: str, side: str, is_lobe: bool) -> None:
    part = lung_part(name)
    assert part is not None and (part.side, part.is_lobe) == (side, is_lobe)


@pytest.mark.parametrize(
    "name",
    ["lung nodule", "airway", "left ventricle", "temporal lobe", "lung vessels", "l", "left lobe"],
)
def test_names_of_what_is_no_lung(name: str) -> None:
    assert lung_part(name) is None


def test_left_right_and_both_of_a_chest(chest: Phantom) -> None:
    measures = measure_mask(chest.truth, chest.image)
    volumes = by_label(measures, "volume_ml")
    for name, true in chest.volumes_ml.items():
        assert volumes[name] == pytest.approx(true, rel=0.005, abs=0.2)
    both = chest.volumes_ml["left lung"] + chest.volumes_ml["right lung"]
    assert volumes["lungs"] == pytest.approx(both, rel=0.005)
    # The airway is no lung: it is neither in a volume nor in a density.
    assert set(by_label(measures, "mass_g")) == {"left lung", "right lung", "lungs"}
    masses = by_label(measures, "mass_g")
    assert masses["lungs"] == pytest.approx(masses["left lung"] + masses["right lung"])


def test_density_follows_inspiration() -> None:
    """The phantom's parenchyma has -715 - 140 i HU at inspiration i, before blur and vessels."""
    medians = []
    for inspiration in (0.0, 1.0):
        phantom = chest_ct(
            np.random.default_rng(1), spacing_mm=(5, 5, 6), inspiration=inspiration, difficulty=0.0
        )
        medians.append(by_label(measure_mask(phantom.truth, phantom.image), "median_hu")["lungs"])
    assert medians == pytest.approx([-715, -855], abs=45)
    assert medians[0] - medians[1] == pytest.approx(140, abs=25)


def test_emphysema_that_was_put_in_is_found(chest: Phantom) -> None:
    """A fifth of the left lung's voxels at -980 HU, the rest at -850: all is known."""
    scan = np.full(chest.image.array.shape, 40, np.int16)
    left = chest.truth.array == 1
    scan[0][left] = -850
    holes = np.flatnonzero(left.ravel())[::5]
    scan.ravel()[holes] = -980
    image = Image(scan, chest.image.grid, "CT", "HU")
    found = {m.name: m.value for m in measure_mask(chest.truth, image) if m.label == "left lung"}
    part = len(holes) / left.sum()
    assert found["laa950_percent"] == pytest.approx(100 * part)
    assert found["perc15_hu"] == -980
    mass = (0.15 * (1 - part) + 0.02 * part) * found["volume_ml"]
    assert found["mass_g"] == pytest.approx(mass)


def test_air_has_no_weight_and_the_threshold_itself_is_no_emphysema() -> None:
    values = np.array([-1024.0, -950.0, 0.0, 0.0])
    found = {m.name: m.value for m in measure_density("lungs", values, 0.001)}
    assert found["mass_g"] == pytest.approx(0.001 * (0 + 0.05 + 2))
    assert found["laa950_percent"] == 25.0


def together(chest: Phantom) -> LabelMap:
    array = np.isin(chest.truth.array, (1, 2)).astype(np.uint8)
    return LabelMap(array, chest.truth.grid, Legend.from_names({1: "lungs"}))


def test_one_label_for_both_lungs_is_taken_apart_and_says_so(chest: Phantom) -> None:
    examined = examine_mask(together(chest), chest.image)
    volumes = by_label(examined.measures, "volume_ml")
    for side in ("left lung", "right lung"):
        assert volumes[side] == pytest.approx(chest.volumes_ml[side], rel=0.01)
        assert "lungs in two" in examined.notes[side]
    assert volumes["left lung"] + volumes["right lung"] == pytest.approx(volumes["lungs"])
    assert "no airway" in examined.notes["lungs"]


@pytest.mark.parametrize("flip", [(), (0,), (0, 1, 2)])
def test_left_is_left_however_the_file_lies(chest: Phantom, flip: tuple[int, ...]) -> None:
    affine = chest.truth.grid.affine.copy()
    for axis in flip:
        affine[:3, 3] += affine[:3, axis] * (chest.truth.grid.shape[axis] - 1)
        affine[:3, axis] *= -1
    grid = Grid(chest.truth.grid.shape, affine=affine)
    array = np.flip(together(chest).array, flip)
    image = Image(np.flip(chest.image.array, [a + 1 for a in flip]), grid, "CT", "HU")
    volumes = by_label(
        measure_mask(LabelMap(array, grid, Legend.from_names({1: "lungs"})), image), "volume_ml"
    )
    assert volumes["left lung"] == pytest.approx(chest.volumes_ml["left lung"], rel=0.01)


def test_a_single_lung_is_not_taken_apart(chest: Phantom) -> None:
    array = (chest.truth.array == 1).astype(np.uint8)
    mask = LabelMap(array, chest.truth.grid, Legend.from_names({1: "lung"}))
    examined = examine_mask(mask, chest.image)
    assert set(by_label(examined.measures, "volume_ml")) == {"lung"}
    assert "not told apart" in examined.notes["lung"]


def test_lobes_are_put_together(chest: Phantom) -> None:
    array = chest.truth.array.copy()
    array[array > 2] = 0
    upper = np.zeros(array.shape, bool)
    upper[..., array.shape[2] // 2 :] = True
    lobes = np.where(upper & (array == 1), 3, array).astype(np.uint8)
    legend = Legend.from_names(
        {1: "lung lower lobe left", 2: "right lung", 3: "lung upper lobe left"}
    )
    volumes = by_label(
        measure_mask(LabelMap(lobes, chest.truth.grid, legend), chest.image), "volume_ml"
    )
    assert volumes["left lung"] == pytest.approx(
        volumes["lung lower lobe left"] + volumes["lung upper lobe left"]
    )
    assert volumes["lungs"] == pytest.approx(volumes["left lung"] + volumes["right lung"])


def test_without_a_ct_nothing_is_added(chest: Phantom) -> None:
    assert {m.label for m in measure_mask(chest.truth)} == set(chest.truth.legend.names)
    as_mr = Image(chest.image.array, chest.image.grid, "MR", "none")
    assert not by_label(measure_mask(chest.truth, as_mr), "mass_g")
    nothing = LabelMap(np.zeros_like(chest.truth.array), chest.truth.grid, chest.truth.legend)
    assert set(by_label(measure_mask(nothing, chest.image), "volume_ml").values()) == {0.0}
