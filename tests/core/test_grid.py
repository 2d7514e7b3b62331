import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.core import GeometryError, Grid


@st.composite
def volumes(draw: st.DrawFn) -> Grid:
    shape = draw(st.tuples(*[st.integers(1, 9)] * 3))
    rotation, _ = np.linalg.qr(np.random.default_rng(draw(st.integers(0, 99))).normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = rotation * draw(st.tuples(*[st.floats(0.01, 9)] * 3))
    affine[:3, 3] = draw(st.tuples(*[st.floats(-500, 500)] * 3))
    return Grid(shape, affine=affine)


LAW = settings(max_examples=40, deadline=None)


@LAW
@given(grid=volumes())
def test_equal_grids_hash_alike_and_match(grid: Grid):
    twin = Grid(grid.shape, affine=grid.affine.copy())
    assert twin == grid and hash(twin) == hash(grid) and grid.matches(twin)


@LAW
@given(grid=volumes(), axis=st.integers(0, 2))
def test_moved_grids_do_not_match(grid: Grid, axis: int):
    affine = grid.affine.copy()
    affine[axis, 3] += 0.002
    moved = Grid(grid.shape, affine=affine)
    assert moved != grid and not grid.matches(moved)


@LAW
@given(grid=volumes(), spacing=st.tuples(*[st.floats(0.3, 5)] * 3))
def test_resampled_grid_keeps_the_outer_edges(grid: Grid, spacing: tuple):
    other = grid.with_spacing(spacing)
    for end in (-0.5, 1):
        mine = grid.to_world_mm([np.where(end < 0, -0.5, np.array(grid.shape) - 0.5)])
        theirs = other.to_world_mm([np.where(end < 0, -0.5, np.array(other.shape) - 0.5)])
        assert np.allclose(mine, theirs, atol=1e-6)


@LAW
@given(grid=volumes(), start=st.tuples(*[st.integers(-3, 3)] * 3))
def test_cropping_keeps_the_lattice(grid: Grid, start: tuple):
    part = grid.with_shape((2, 2, 2), start)
    assert np.allclose(part.to_world_mm([[1, 1, 1]]), grid.to_world_mm([np.add(start, 1)]))
    assert np.allclose(part.spacing_mm, grid.spacing_mm)


@LAW
@given(grid=volumes())
def test_voxel_volume_is_the_product_of_orthogonal_spacings(grid: Grid):
    assert grid.voxel_volume_ml == pytest.approx(np.prod(grid.spacing_mm) / 1000)


def test_volume_of_a_sheared_voxel_is_that_of_its_parallelepiped():
    affine = np.array([[1, 0, 0.5, 0], [0, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1.0]])
    assert Grid((2, 2, 2), affine=affine).voxel_volume_ml == pytest.approx(2e-3)


def test_pictures_match_where_no_known_spacings_differ():
    unknown, fine, coarse = (
        Grid((4, 5)),
        Grid.from_spacing((4, 5), (1, 1)),
        Grid((4, 5), None, (2, 2)),
    )
    assert unknown.matches(fine) and fine.matches(unknown) and not fine.matches(coarse)
    assert unknown != fine and not unknown.matches(Grid((5, 4)))
    assert unknown.unit_spacing == (1, 1) and unknown.spacing_mm is None


def test_nanometre_voxels_are_a_grid_and_tell_apart():
    fine = Grid.from_spacing((4, 4, 4), (5e-6, 5e-6, 5e-6))
    assert fine.voxel_volume_ml == pytest.approx(1.25e-19)
    affine = fine.affine.copy()
    affine[0, 3] = 4e-6
    assert not fine.matches(Grid((4, 4, 4), affine=affine))


@pytest.mark.parametrize(
    ("affine", "message"),
    [
        (None, "needs an affine"),
        (np.zeros((4, 4)), "singular"),
        (np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "singular"),
        (np.full((4, 4), np.nan), "not a finite 4x4"),
        (np.eye(3), "not a finite 4x4"),
    ],
)
def test_useless_affines_are_refused(affine: np.ndarray | None, message: str):
    with pytest.raises(GeometryError, match=message):
        Grid((2, 2, 2), affine=affine)


def test_useless_shapes_and_spacings_are_refused():
    with pytest.raises(GeometryError, match="at least one voxel"):
        Grid((0, 4))
    with pytest.raises(GeometryError, match="two or three axes"):
        Grid((4,))
    with pytest.raises(GeometryError, match="two positive numbers"):
        Grid((4, 4), pixel_spacing_mm=(0.0, 1.0))
    with pytest.raises(GeometryError, match="A picture has no affine"):
        Grid((4, 4), affine=np.eye(4))
    with pytest.raises(GeometryError, match="spacing from the affine"):
        Grid((2, 2, 2), np.eye(4), (1.0, 1.0))
    with pytest.raises(GeometryError, match="no place in the world"):
        Grid((4, 4)).corners_mm()


def test_rounded_directions_pair_but_a_tenth_of_a_voxel_does_not():
    angle = np.radians(7)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    affine, rounded, moved = (np.diag([0.7, 0.7, 2.5, 1.0]) for _ in range(3))
    affine[:2, :2], rounded[:2, :2], moved[:2, :2] = 0.7 * turn, 0.7 * turn.round(5), 0.7 * turn
    moved[0, 3] = 0.07
    scan, exported, other = (Grid((512, 512, 90), affine=a) for a in (affine, rounded, moved))
    assert not scan.matches(exported)
    assert scan.pairs_with(exported) and exported.pairs_with(scan)
    scan.require_match(exported, "the scan", "its mask")
    assert not scan.pairs_with(other)


def test_mismatch_names_both():
    with pytest.raises(GeometryError, match=r"'a' and 'b' lie on different grids: got 4x4.*5x4"):
        Grid((4, 4)).require_match(Grid((5, 4)), "'a'", "'b'")


def test_affine_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        Grid.from_spacing((2, 2, 2), (1, 1, 1)).affine[0, 0] = 3
