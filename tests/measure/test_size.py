"""Surfaces, meshes and places against scikit-image, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation
from skimage.measure import marching_cubes, mesh_surface_area, perimeter

from suffice.core import Grid, LabelMap, Legend
from suffice.measure import measure_mask, structure_of, surface

LEGEND = Legend.from_names({1: "lesion"})


def shape_of(array: np.ndarray, grid: Grid) -> dict[str, float]:
    mask = LabelMap(array.astype(np.uint8), grid, LEGEND)
    return {m.name: m.value for m in measure_mask(mask, shape=True)}


def ellipsoid(shape: tuple[int, ...], radii: tuple[float, ...]) -> np.ndarray:
    axes = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij")
    return sum((a / r) ** 2 for a, r in zip(axes, radii, strict=True)) <= 1


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.7, 2.5)])
def test_mesh_equals_that_of_scikit_image(spacing: tuple[float, float, float]) -> None:
    inside = ellipsoid((26, 22, 18), (11, 9, 7))
    grid = Grid.from_spacing(inside.shape, spacing)
    vertices, faces, _, _ = marching_cubes(
        np.pad(inside, 1).astype(float), 0.5, spacing=spacing, method="lorensen"
    )
    corners = vertices[faces]
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    found = shape_of(inside, grid)
    # It cuts a few saddle-shaped pieces otherwise.
    assert found["surface_mm2"] == pytest.approx(mesh_surface_area(vertices, faces), rel=2e-3)
    assert found["mesh_volume_ml"] == pytest.approx(abs(volume) / 1000, rel=1e-3)


@settings(max_examples=40, deadline=None)
@given(arrays(bool, (4, 3, 5)), st.sampled_from([(1.0, 1.0, 1.0), (0.5, 2.0, 3.5)]))
def test_a_mesh_lies_within_its_voxels(inside: np.ndarray, spacing: tuple[float, ...]) -> None:
    """Every voxel keeps its middle, and what a mesh takes of outside ones is less than it cuts."""
    area, enclosed = surface(structure_of("x", inside, Grid.from_spacing(inside.shape, spacing)))
    n_voxels = np.count_nonzero(inside)
    assert n_voxels / 6 - 1e-9 <= enclosed <= n_voxels + 1e-9
    assert (area > 0) == (n_voxels > 0)


def test_one_voxel_is_an_octahedron() -> None:
    inside = np.zeros((3, 3, 3), bool)
    inside[1, 1, 1] = True
    found = shape_of(inside, Grid.from_spacing((3, 3, 3), (2.0, 2.0, 2.0)))
    assert found["mesh_volume_ml"] == pytest.approx(8 / 6 / 1000)
    assert found["surface_mm2"] == pytest.approx(8 * np.sqrt(3) / 4 * 2)
    assert found["diameter_mm"] == pytest.approx(2.0)
    assert [found[f"centroid_{axis}_mm"] for axis in "xyz"] == pytest.approx([2.0, 2.0, 2.0])


def test_turning_and_moving_a_scan_changes_nothing_but_the_place() -> None:
    inside = ellipsoid((20, 18, 12), (8, 6, 4))
    straight = Grid.from_spacing(inside.shape, (0.8, 0.8, 1.5))
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", (20, -35, 50), degrees=True).as_matrix()
    affine[:3, 3] = (40, -20, 7)
    turned = Grid(inside.shape, affine=affine @ straight.affine)
    one, other = shape_of(inside, straight), shape_of(inside, turned)
    places = [name for name in one if name.startswith("centroid")]
    expected = affine[:3, :3] @ [one[name] for name in places] + affine[:3, 3]
    assert [other.pop(name) for name in places] == pytest.approx(list(expected))
    assert other == pytest.approx({k: v for k, v in one.items() if k not in places})


def test_a_leaning_scan_has_the_surface_of_the_leaning_shape() -> None:
    """A box of voxels under a sheared affine is a prism whose sides can be worked out."""
    inside = np.ones((30, 30, 30), bool)
    affine = np.eye(4)
    affine[0, 2] = 0.75
    grid = Grid(inside.shape, affine=affine)
    leaning = 2 * 900 * (1 + np.sqrt(1 + 0.75**2) + 1)
    assert shape_of(inside, grid)["surface_mm2"] == pytest.approx(leaning, rel=0.04)
    assert shape_of(inside, grid)["volume_ml"] == pytest.approx(27.0)


def test_the_surface_of_a_ball_and_the_border_of_a_disc() -> None:
    ball = ellipsoid((60, 60, 60), (25, 25, 25))
    found = shape_of(ball, Grid.from_spacing(ball.shape, (1, 1, 1)))
    # Staircases make any such mesh about a tenth too large.
    assert 1.0 < found["surface_mm2"] / (4 * np.pi * 25**2) < 1.12
    disc = ellipsoid((60, 60), (25, 25))
    spaced = Grid(disc.shape, pixel_spacing_mm=(0.5, 0.5))
    border = shape_of(disc, spaced)["border_mm"]
    assert 1.0 < border / (2 * np.pi * 12.5) < 1.1
    assert border == pytest.approx(perimeter(disc, 4) * 0.5, rel=0.06)


def test_pictures_and_absent_structures() -> None:
    picture = np.zeros((6, 8), bool)
    picture[2:4, 1:6] = True
    found = shape_of(picture, Grid(picture.shape))
    assert set(found) == {
        "area_px",
        "extent_px",
        "diameter_px",
        "border_px",
        "centroid_row_px",
        "centroid_column_px",
    }
    assert (found["centroid_row_px"], found["centroid_column_px"]) == (2.5, 3.0)
    nothing = shape_of(np.zeros((4, 4, 4), bool), Grid.from_spacing((4, 4, 4), (1, 1, 1)))
    assert nothing == dict.fromkeys(
        ["volume_ml", "extent_mm", "diameter_mm", "surface_mm2", "mesh_volume_ml"], 0.0
    )
