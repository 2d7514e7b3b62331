"""Volumes and extents on straight, oblique and unknown grids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from suffice.core import Grid, LabelMap, Legend
from suffice.measure import measure_mask

LEGEND = Legend.from_names({1: "lesion"})


def measured(array, grid, legend=LEGEND):
    return {(m.label, m.name): m.value for m in measure_mask(LabelMap(array, grid, legend))}


@settings(max_examples=40, deadline=None)
@given(arrays(bool, (4, 3, 5)), st.sampled_from([(1.0, 1.0, 1.0), (0.5, 2.0, 3.5)]))
def test_volume_and_extent_equal_brute_force(inside, spacing):
    inside[1, 1, 1] = True
    found = measured(inside.astype(np.uint8), Grid.from_spacing(inside.shape, spacing))
    voxels = np.argwhere(inside)
    corners = np.concatenate([voxels + shift for shift in np.ndindex(2, 2, 2)]) * spacing
    assert found["lesion", "volume_ml"] == pytest.approx(len(voxels) * np.prod(spacing) / 1000)
    assert found["lesion", "extent_mm"] == pytest.approx(pdist(corners).max())


def test_an_oblique_scan_measures_what_a_straight_one_does():
    array = np.zeros((20, 20, 20), dtype=np.uint8)
    array[3:9, 4:6, 2:15] = 1
    straight = Grid.from_spacing(array.shape, (0.8, 0.8, 1.5))
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", (20, -35, 50), degrees=True).as_matrix()
    oblique = Grid(array.shape, affine=affine @ straight.affine)
    assert measured(array, oblique) == pytest.approx(measured(array, straight))


def test_pictures_measure_areas_in_the_unit_that_is_known():
    array = np.zeros((5, 5), dtype=bool)
    array[1, 1:4] = True
    assert measured(array, Grid((5, 5))) == pytest.approx(
        {("lesion", "area_px"): 3, ("lesion", "extent_px"): 10**0.5}
    )
    spaced = Grid((5, 5), pixel_spacing_mm=(2.0, 0.5))
    assert measured(array, spaced) == pytest.approx(
        {("lesion", "area_mm2"): 3, ("lesion", "extent_mm"): 2.5}
    )


def test_an_absent_structure_measures_0_and_is_not_left_out():
    legend = Legend.from_names({1: "lesion", 7: "cyst"})
    array = np.zeros((3, 3, 3), dtype=np.int16)
    array[1, 1, 1] = 7
    found = measured(array, Grid.from_spacing((3, 3, 3), (1, 1, 1)), legend)
    assert found["lesion", "volume_ml"] == found["lesion", "extent_mm"] == 0
    assert found["cyst", "extent_mm"] == pytest.approx(3**0.5)
