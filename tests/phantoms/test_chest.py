import numpy as np
import pytest
from scipy import ndimage

from suffice.core import UsageError
from suffice.phantoms import Chest, chest_ct, chest_grid, draw_chest


@pytest.fixture(scope="module")
def chest() -> Chest:
    return draw_chest(np.random.default_rng(7), n_nodules=3)


@pytest.mark.parametrize("spacing", [(6.0, 6.0, 6.0), (5.0, 5.0, 8.0), (4.0, 7.0, 5.0)])
def test_voxel_counts_make_the_true_volume_at_every_spacing(
    chest: Chest, spacing: tuple[float, float, float]
) -> None:
    phantom = chest_ct(np.random.default_rng(0), chest=chest, spacing_mm=spacing)
    voxel_ml = phantom.image.grid.voxel_volume_ml
    assert voxel_ml is not None
    for label in phantom.truth.legend:
        counted = int((phantom.truth.array == label.value).sum()) * voxel_ml
        true = phantom.volumes_ml[label.name]
        assert abs(counted - true) <= max(0.005 * true, 0.51 * voxel_ml)


def test_true_lung_volume_hardly_depends_on_spacing_or_pose(chest: Chest) -> None:
    rng = np.random.default_rng(0)
    grids = [
        chest_grid(chest, (4.0, 4.0, 4.0)),
        chest_grid(chest, (5.0, 5.0, 8.0)),
        chest_grid(chest, (6.0, 6.0, 6.0), flipped=(0, 2), tilt_degrees=8.0),
    ]
    phantoms = [chest_ct(rng, chest=chest, grid=grid, inspiration=0.5) for grid in grids]
    for lung in ("left lung", "right lung"):
        volumes = [phantom.volumes_ml[lung] for phantom in phantoms]
        assert volumes == pytest.approx([volumes[0]] * 3, rel=0.005)


def test_a_breath_in_fills_and_darkens_the_lungs(chest: Chest) -> None:
    rng = np.random.default_rng(0)
    out, into = (
        chest_ct(rng, chest=chest, spacing_mm=(6, 6, 6), inspiration=level) for level in (0.0, 1.0)
    )
    assert into.volumes_ml["right lung"] > 1.2 * out.volumes_ml["right lung"]
    mean_hu = [float(p.image.array[0][p.truth.array == 2].mean()) for p in (out, into)]
    assert -760 < mean_hu[0] < -620
    assert -900 < mean_hu[1] < -780


def test_anatomy_lies_where_it_should(chest: Chest) -> None:
    grid = chest_grid(chest, (5.0, 5.0, 5.0), flipped=(0, 1))
    phantom = chest_ct(np.random.default_rng(0), chest=chest, grid=grid)
    mask, scan = phantom.truth.array, phantom.image.array[0]
    centre = {
        label.name: grid.to_world_mm([ndimage.center_of_mass(mask == label.value)])[0]
        for label in phantom.truth.legend
    }
    assert centre["left lung"][0] < -30 < 30 < centre["right lung"][0]
    assert abs(centre["airway"][0]) < 15
    assert float(scan[mask == 3].mean()) < -700
    assert scan.max() > 350
    assert -1024 <= scan.min() < -950
    for value in (1, 2):
        sizes = np.bincount(ndimage.label(mask == value)[0].ravel())[1:]
        assert sizes.max() > 0.99 * sizes.sum()


def test_same_seed_same_scan_and_nodules_may_count_as_lung(chest: Chest) -> None:
    one, other = (chest_ct(np.random.default_rng(3), spacing_mm=(9, 9, 9)) for _ in range(2))
    assert np.array_equal(one.image.array, other.image.array)
    merged = chest_ct(np.random.default_rng(3), spacing_mm=(9, 9, 9), label_nodules=False)
    assert merged.truth.legend.names == ("left lung", "right lung", "airway")
    assert sum(merged.volumes_ml.values()) == pytest.approx(sum(one.volumes_ml.values()), rel=1e-5)


def test_difficulty_adds_noise(chest: Chest) -> None:
    def spread(difficulty: float) -> float:
        rng = np.random.default_rng(0)
        phantom = chest_ct(rng, chest=chest, spacing_mm=(8, 8, 8), difficulty=difficulty)
        return float(phantom.image.array[0][phantom.truth.array == 1].std())

    assert spread(0.9) > 1.2 * spread(0.1)


def test_out_of_range_is_refused(chest: Chest) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(UsageError, match="Difficulty"):
        chest_ct(rng, chest=chest, difficulty=2.0)
    with pytest.raises(UsageError, match="Inspiration"):
        chest_ct(rng, chest=chest, inspiration=-0.1)
