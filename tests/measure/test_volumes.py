"""Volumes of solids of known size: by shares of voxels, by whole voxels, and their interval."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from suffice.core import Grid, LabelError, LabelMap, Legend, UsageError
from suffice.measure import measure_mask, measure_soft_sizes, rounding_interval, structure_of
from suffice.phantoms import KINDS, Solid, draw_solid

LEGEND = Legend.from_names({1: "solid"})
SPACINGS = [(1.0, 1.0, 1.0), (2.5, 2.5, 2.5), (0.8, 0.8, 3.0), (0.7, 0.7, 5.0)]


def measured(solid: Solid) -> tuple[float, float]:
    shares = solid.shares()
    mask = LabelMap((shares >= 0.5).astype(np.uint8), solid.grid, LEGEND)
    values = {
        m.name: m.value for m in measure_mask(mask, probabilities=np.stack([1 - shares, shares]))
    }
    return values["volume_ml"], values["volume_soft_ml"]


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_oblique", [False, True])
def test_volume_by_shares_is_within_half_a_percent(kind, spacing, is_oblique) -> None:
    rng = np.random.default_rng(3)
    solid = draw_solid(rng, kind, spacing, is_oblique=is_oblique)
    whole, soft = measured(solid)
    assert soft == pytest.approx(solid.volume_ml, rel=0.005)
    assert whole == pytest.approx(solid.volume_ml, rel=0.25)


def test_the_interval_of_rounding_holds_at_its_level_over_200_solids() -> None:
    """Balls, ellipsoids, tubes and boxes along and across the planes, at all spacings."""
    rng = np.random.default_rng(0)
    held = 0
    for i in range(200):
        kind, spacing = KINDS[i % 4], SPACINGS[i // 4 % 4]
        solid = draw_solid(rng, kind, spacing, is_turned=i % 3 > 0, radius_mm=(3.0, 9.0))
        structure = structure_of("solid", solid.voxels(), solid.grid)
        low, high = rounding_interval(structure, 0.9)
        held += low <= solid.volume_ml <= high
    # The law is for at least the level: most curved solids err less than their interval allows.
    assert held >= binom.ppf(0.001, 200, 0.9)


def test_a_wider_level_and_finer_voxels() -> None:
    rng = np.random.default_rng(1)
    widths = []
    for spacing in ((0.6, 0.6, 0.6), (2.0, 2.0, 2.0)):
        solid = draw_solid(rng, "ball", spacing, radius_mm=(3.0, 9.0))
        structure = structure_of("ball", solid.voxels(), solid.grid)
        low, high = rounding_interval(structure, 0.9)
        wide_low, wide_high = rounding_interval(structure, 0.99)
        assert wide_low < low < high < wide_high
        widths.append((high - low) / solid.volume_ml)
    assert widths[0] < widths[1]


def test_a_flat_face_hides_half_a_voxel_all_over() -> None:
    """Of a slab the thickness alone is rounded: two faces, each off by up to half a voxel."""
    inside = np.zeros((60, 60, 20), bool)
    inside[5:55, 5:55, 8:12] = True
    grid = Grid.from_spacing(inside.shape, (1, 1, 1))
    low, high = rounding_interval(structure_of("slab", inside, grid), 0.9)
    deviation = 1.645 * np.sqrt(2 * (2500**2 + 2500) / 12 + 4 * (200**2 + 200) / 12) / 1000
    assert (low, high) == pytest.approx((10 - deviation, 10 + deviation), rel=1e-3)


def test_what_is_absent_has_no_width_and_odd_levels_are_refused() -> None:
    grid = Grid.from_spacing((4, 4, 4), (1, 1, 1))
    nothing = structure_of("x", np.zeros(grid.shape, bool), grid)
    assert rounding_interval(nothing) == (0.0, 0.0)
    with pytest.raises(UsageError, match="between 0 and 1"):
        rounding_interval(nothing, 90)


def test_faint_doubt_far_away_adds_no_volume() -> None:
    grid = Grid.from_spacing((40, 40, 40), (1, 1, 1))
    shares = np.full(grid.shape, 0.004, np.float32)
    shares[10:15, 10:15, 10:15] = 1.0
    mask = LabelMap((shares > 0.5).astype(np.uint8), grid, LEGEND)
    (found,) = measure_soft_sizes(mask, np.stack([1 - shares, shares]))
    around = 9**3 - 5**3
    assert found.value == pytest.approx((125 + 0.004 * around) / 1000)
    # All of it would be twice the volume.
    assert shares.sum() > 2 * 125


def test_several_structures_and_pictures() -> None:
    grid = Grid((8, 8), pixel_spacing_mm=(0.5, 0.5))
    legend = Legend.from_names({1: "a", 5: "b"})
    shares = np.zeros((3, 8, 8))
    shares[1, 2, 2:4] = 0.25
    shares[0] = 1 - shares.sum(axis=0)
    mask = LabelMap(np.zeros((8, 8), np.uint8), grid, legend)
    found = measure_soft_sizes(mask, shares)
    assert [(m.label, m.name, m.value) for m in found] == [
        ("a", "area_soft_mm2", 0.125),
        ("b", "area_soft_mm2", 0.0),
    ]


def test_what_are_no_probabilities_is_refused() -> None:
    grid = Grid((4, 4))
    mask = LabelMap(np.zeros((4, 4), np.uint8), grid, LEGEND)
    with pytest.raises(LabelError, match="do not fit the mask"):
        measure_soft_sizes(mask, np.zeros((3, 4, 4)))
    with pytest.raises(LabelError, match="between 0 and 1"):
        measure_soft_sizes(mask, np.full((2, 4, 4), 255.0))
    with pytest.raises(LabelError, match="between 0 and 1"):
        measure_soft_sizes(mask, np.full((2, 4, 4), np.nan))
