"""Matching of lesions: by hand, by its laws, and after registration of real scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from suffice.core import Grid, Image, UsageError
from suffice.io import read_image
from suffice.tracking import Alignment, align, match_lesions, onto_grid

DATA = Path(__file__).parents[3] / "shared" / "data" / "ms_longitudinal"
GRID = Grid.from_spacing((24, 24, 12), (1.0, 1.0, 2.0))
SAME = Alignment(np.eye(4), "same grid")


def boxes(*corners: tuple[tuple[int, int, int], tuple[int, int, int]]) -> np.ndarray:
    mask = np.zeros(GRID.shape, bool)
    for low, high in corners:
        mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def fates(
    before: np.ndarray, after: np.ndarray, **options: float
) -> list[tuple[str, float, float]]:
    found = match_lesions(before, after, GRID, GRID, SAME, **options)
    return sorted((one.fate, round(one.before, 6), round(one.after, 6)) for one in found)


def test_every_fate_with_its_volume():
    before = boxes(
        ((0, 0, 0), (4, 4, 4)),
        ((8, 0, 0), (10, 2, 2)),
        ((12, 12, 0), (16, 16, 2)),
        ((20, 20, 8), (23, 23, 11)),
    )
    after = boxes(
        ((0, 0, 0), (4, 4, 4)),
        ((8, 0, 0), (12, 4, 2)),
        ((12, 12, 0), (14, 14, 2)),
        ((20, 0, 8), (22, 2, 10)),
    )
    assert fates(before, after) == [
        ("gone", 0.054, 0.0),
        ("grown", 0.016, 0.064),
        ("new", 0.0, 0.016),
        ("shrunk", 0.064, 0.016),
        ("unchanged", 0.128, 0.128),
    ]


def test_lesions_that_merge_or_split_are_compared_whole():
    two = boxes(((0, 0, 0), (4, 4, 4)), ((8, 0, 0), (12, 4, 4)))
    one = boxes(((0, 0, 0), (12, 4, 4)))
    (merged,) = match_lesions(two, one, GRID, GRID, SAME)
    assert (merged.fate, merged.n_before, merged.n_after) == ("grown", 2, 1)
    (split,) = match_lesions(one, two, GRID, GRID, SAME)
    assert (split.fate, split.n_before, split.n_after) == ("shrunk", 1, 2)
    assert split.before == pytest.approx(12 * 4 * 4 * 0.002)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.02, 0.2))
def test_no_voxel_is_lost_and_time_turned_back_turns_fates_about(seed, share):
    rng = np.random.default_rng(seed)
    before, after = (
        ndimage.gaussian_filter(rng.standard_normal(GRID.shape), 1.2) for _ in range(2)
    )
    old, new = (field > np.quantile(field, 1 - share) for field in (before, after))
    found = match_lesions(old, new, GRID, GRID, SAME)
    assert sum(one.before for one in found) == pytest.approx(old.sum() * 0.002)
    assert sum(one.after for one in found) == pytest.approx(new.sum() * 0.002)
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    back = match_lesions(new, old, GRID, GRID, SAME)
    assert sum(one.fate == "new" for one in found) == sum(one.fate == "gone" for one in back)
    pairs = np.array(sorted((one.before, one.after) for one in found)).reshape(-1, 2)
    turned = np.array(sorted((one.after, one.before) for one in back)).reshape(-1, 2)
    np.testing.assert_allclose(pairs, turned)


def test_empty_masks():
    nothing, one = boxes(), boxes(((0, 0, 0), (2, 2, 2)))
    assert fates(nothing, nothing) == []
    assert fates(nothing, one) == [("new", 0.0, 0.016)]
    assert fates(one, nothing) == [("gone", 0.016, 0.0)]


def head(seed: int = 0, shape: tuple[int, int, int] = (64, 72, 32)) -> np.ndarray:
    """Something with structure at all scales, dark at its edge."""
    rng = np.random.default_rng(seed)
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = np.exp(-4 * np.maximum(sum(a**2 for a in axes) - 0.5, 0) ** 2 * 6)
    texture = sum(
        s * ndimage.gaussian_filter(rng.standard_normal(shape), s) * 40 for s in (2.0, 4.0, 8.0)
    )
    return ((100 + texture) * inside).astype(np.float32)


def moved_head(
    degrees: float, shift_mm: tuple[float, float, float]
) -> tuple[Image, Image, np.ndarray]:
    """A scan, the same anatomy moved and seen on another grid, and the motion."""
    grid = Grid((64, 72, 32), affine=np.diag([2.0, 2.0, 4.0, 1.0]))
    a = np.deg2rad(degrees)
    motion = np.eye(4)
    motion[:2, :2] = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
    middle = np.array([64.0, 72.0, 64.0])
    motion[:3, 3] = middle - motion[:3, :3] @ middle + shift_mm
    other_affine = np.diag([2.2, 2.0, 3.5, 1.0])
    other_affine[:3, 3] = (-4.0, 3.0, 5.0)
    other = Grid((60, 70, 35), affine=other_affine)
    array = head()
    # A place of the later scan shows what was at motion^-1 of it before.
    to_index = np.linalg.inv(grid.affine) @ np.linalg.inv(motion) @ other.affine
    seen = ndimage.affine_transform(
        array, to_index[:3, :3], to_index[:3, 3], output_shape=other.shape, order=1
    )
    rng = np.random.default_rng(9)
    # Another sequence: contrast turned over, with noise.
    later = (180 - seen + rng.normal(0, 3, seen.shape)) * (seen > 1)
    return Image(array[None], grid), Image(later[None].astype(np.float32), other), motion


@pytest.mark.slow
def test_a_known_motion_is_found_and_lesions_are_matched_across_it():
    earlier, later, motion = moved_head(6.0, (5.0, -4.0, 3.0))
    found = align(earlier, later)
    corners = np.c_[earlier.grid.corners_mm(), np.ones(8)]
    off = np.linalg.norm((corners @ (found.matrix - motion).T)[:, :3], axis=1)
    assert found.how == "rigid" and off.max() < 1.5
    before = np.zeros(earlier.grid.shape, bool)
    before[20:25, 30:35, 12:15] = before[40:43, 40:43, 18:20] = True
    after = onto_grid(before.astype(np.uint8), earlier.grid, later.grid, found) > 0
    lesions = match_lesions(before, after, earlier.grid, later.grid, found)
    assert [one.fate for one in lesions] == ["unchanged", "unchanged"]
    before_ml, after_ml = lesions[0].before, lesions[0].after
    assert after_ml == pytest.approx(before_ml, rel=0.2)


def test_pictures_are_registered_in_their_plane():
    array = head(shape=(96, 80, 1))[:, :, 0]
    seen = ndimage.shift(array, (3, -4), order=1)[:90]
    earlier = Image(array[None], Grid((96, 80), pixel_spacing_mm=(0.5, 0.5)))
    later = Image(seen[None], Grid((90, 80), pixel_spacing_mm=(0.5, 0.5)))
    found = align(earlier, later)
    assert found.matrix[:2, 3] == pytest.approx((1.5, -2.0), abs=0.25)


def test_scans_on_one_grid_are_not_registered():
    image = Image(head()[None], Grid((64, 72, 32), affine=np.diag([2.0, 2.0, 4.0, 1.0])))
    found = align(image, image)
    assert found.how == "same grid" and not found.is_moved
    np.testing.assert_array_equal(found.matrix, np.eye(4))


def test_a_piece_too_small_for_the_later_grid_keeps_its_place():
    fine = Grid.from_spacing((24, 24, 24), (1.0, 1.0, 1.0))
    coarse = Grid.from_spacing((6, 6, 6), (4.0, 4.0, 4.0))
    before, after = np.zeros(fine.shape, bool), np.zeros(coarse.shape, bool)
    before[9, 9, 9] = after[2, 2, 2] = True
    (one,) = match_lesions(before, after, fine, coarse, Alignment(np.eye(4), "none"))
    assert one.fate == "grown"
    assert (one.before, one.after) == pytest.approx((0.001, 0.064))


def test_a_picture_and_a_volume():
    flat = Image(np.zeros((1, 8, 8), np.float32), Grid((8, 8)))
    deep = Image(np.zeros((1, 8, 8, 8), np.float32), Grid.from_spacing((8, 8, 8), (1, 1, 1)))
    with pytest.raises(UsageError, match="cannot be registered"):
        align(flat, deep)


def published(visit: int) -> np.ndarray:
    """Transform from the common space to a visit's own, RAS+ millimetres."""
    path = DATA / "coregistered" / "patient12" / f"study{visit}_FLAIR_to_common_space.txt"
    transform = sitk.ReadTransform(str(path)).Downcast()
    numbers = np.array(transform.GetParameters())
    centre = np.array(transform.GetFixedParameters())
    matrix, flip = np.eye(4), np.diag([-1.0, -1.0, 1.0, 1.0])
    matrix[:3, :3] = numbers[:9].reshape(3, 3)
    matrix[:3, 3] = numbers[9:] + centre - matrix[:3, :3] @ centre
    return flip @ matrix @ flip


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data/ms_longitudinal")
def test_two_real_visits_are_brought_together_as_published():
    scans = [read_image(DATA / "raw" / "patient12" / f"study{v}_FLAIR.nii.gz") for v in (1, 2)]
    found = align(*scans)
    brain = read_image(DATA / "coregistered" / "patient12" / "brainmask.nii.gz")
    common = brain.grid.to_world_mm(np.argwhere(brain.array[0] > 0)[::5000])
    first, second = (common @ published(v)[:3, :3].T + published(v)[:3, 3] for v in (1, 2))
    moved = first @ found.matrix[:3, :3].T + found.matrix[:3, 3]
    off = np.linalg.norm(moved - second, axis=1)
    assert np.linalg.norm(first - second, axis=1).mean() > 10
    assert off.mean() < 0.7 and off.max() < 1.5
