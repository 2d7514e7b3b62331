"""Surface distances against the surface_distance package, brute force, and their laws."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage
from scipy.spatial.distance import cdist

from suffice.metrics import surface_distances
from suffice.metrics.elements import element_sizes, is_border, neighbour_codes

SPACINGS = st.sampled_from([0.3, 0.5, 0.7, 1.0, 1.25, 3.0])
LAWS = settings(max_examples=40, deadline=None)


@st.composite
def mask_pairs(draw):
    """Two non-empty masks of one shape with a spacing."""
    shape = draw(array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6))
    one, other = (draw(arrays(bool, shape)) for _ in range(2))
    one.flat[draw(st.integers(0, one.size - 1))] = True
    other.flat[draw(st.integers(0, one.size - 1))] = True
    return one, other, tuple(draw(SPACINGS) for _ in shape)


def random_pairs(n, seed=0):
    """Two blobs or two noises of random shape and spacing."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        ndim = 2 + i % 2
        shape = tuple(rng.integers(1, 16, ndim))
        masks = []
        for _ in range(2):
            field = rng.normal(size=shape)
            field = ndimage.gaussian_filter(field, 1.0) if i % 3 else field
            masks.append(field >= np.quantile(field, rng.uniform(0.2, 0.95)))
        yield masks[0], masks[1], tuple(rng.uniform(0.3, 4.0, ndim)), rng.uniform(0, 3)


def test_values_equal_those_of_the_surface_distance_package():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports scipy by names that are on their way out
        peer = pytest.importorskip("surface_distance")
        for predicted, reference, spacing, tolerance in random_pairs(400):
            theirs = peer.compute_surface_distances(reference, predicted, spacing)
            ours = surface_distances(predicted, reference, spacing)
            expected = [
                peer.compute_robust_hausdorff(theirs, 100),
                peer.compute_robust_hausdorff(theirs, 95),
                peer.compute_surface_dice_at_tolerance(theirs, tolerance),
                np.mean(peer.compute_average_surface_distance(theirs)),
            ]
            got = [
                ours.hausdorff(),
                ours.hausdorff(95),
                ours.surface_dice(tolerance),
                ours.mean_average(),
            ]
            np.testing.assert_allclose(got, expected, atol=1e-9)


def test_distances_equal_brute_force():
    for predicted, reference, spacing, _ in random_pairs(40, seed=1):
        points = [
            np.argwhere(is_border(neighbour_codes(mask), mask.ndim)) * spacing
            for mask in (predicted, reference)
        ]
        apart = cdist(*points)
        ours = surface_distances(predicted, reference, spacing)
        np.testing.assert_allclose(ours.predicted_mm, np.sort(apart.min(axis=1)), atol=1e-9)
        np.testing.assert_allclose(ours.reference_mm, np.sort(apart.min(axis=0)), atol=1e-9)


@LAWS
@given(mask_pairs())
def test_symmetric_in_predicted_and_reference(pair):
    one, other, spacing = pair
    there = surface_distances(one, other, spacing)
    back = surface_distances(other, one, spacing)
    assert there.hausdorff(95) == back.hausdorff(95)
    assert there.average_symmetric() == pytest.approx(back.average_symmetric())
    assert there.mean_average() == pytest.approx(back.mean_average())


@LAWS
@given(mask_pairs(), st.floats(0.1, 20))
def test_distances_scale_with_spacing(pair, factor):
    one, other, spacing = pair
    scaled = tuple(s * factor for s in spacing)
    small, large = surface_distances(one, other, spacing), surface_distances(one, other, scaled)
    assert large.hausdorff() == pytest.approx(small.hausdorff() * factor)
    assert large.hausdorff(95) == pytest.approx(small.hausdorff(95) * factor)
    assert large.average_symmetric() == pytest.approx(small.average_symmetric() * factor)
    assert large.surface_dice(factor) == pytest.approx(small.surface_dice(1.0))


@LAWS
@given(mask_pairs(), st.randoms(use_true_random=False))
def test_unchanged_by_flips_and_permuted_axes(pair, random):
    one, other, spacing = pair
    axes = random.sample(range(one.ndim), one.ndim)
    flips = [axis for axis in range(one.ndim) if random.random() < 0.5]
    turned = [np.flip(mask.transpose(axes), flips) for mask in (one, other)]
    before = surface_distances(one, other, spacing)
    after = surface_distances(*turned, tuple(spacing[axis] for axis in axes))
    assert after.hausdorff(95) == pytest.approx(before.hausdorff(95))
    assert after.average_symmetric() == pytest.approx(before.average_symmetric())
    assert after.surface_dice(1.0) == pytest.approx(before.surface_dice(1.0))


@LAWS
@given(mask_pairs())
def test_surface_dice_grows_with_the_tolerance(pair):
    distances = surface_distances(*pair)
    shares = [distances.surface_dice(t) for t in (0.0, 0.5, 1.0, 2.0, distances.hausdorff())]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


@LAWS
@given(mask_pairs())
def test_a_mask_is_at_no_distance_from_itself(pair):
    mask, _, spacing = pair
    same = surface_distances(mask, mask, spacing)
    assert same.hausdorff() == same.average_symmetric() == 0
    assert same.surface_dice(0.0) == 1


def test_an_element_at_exactly_the_tolerance_counts_whatever_the_spacing():
    one = np.zeros((12, 12), dtype=bool)
    one[2:8, 2:8] = True
    other = np.roll(one, 3, axis=0)
    assert surface_distances(one, other, (0.7, 0.7)).surface_dice(2.1) == 1
    assert surface_distances(one, other, (0.7, 0.7)).surface_dice(2.09) < 1


def test_one_empty_mask_is_infinitely_far():
    mask = np.ones((3, 3, 3), dtype=bool)
    far = surface_distances(mask, np.zeros_like(mask), (1.0, 1.0, 1.0))
    assert far.hausdorff(95) == far.average_symmetric() == far.mean_average() == np.inf
    assert far.surface_dice(5.0) == 0


def test_two_empty_masks_have_no_surface():
    empty = np.zeros((3, 3), dtype=bool)
    none = surface_distances(empty, empty, (1.0, 1.0))
    assert np.isnan(none.surface_dice(1.0))
    assert none.hausdorff() == np.inf


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_code_and_its_complement_have_the_same_border(ndim):
    sizes = element_sizes((0.5, 1.0, 2.0)[:ndim])
    np.testing.assert_allclose(sizes, sizes[::-1])
    assert sizes[0] == sizes[-1] == 0
    assert (sizes[1:-1] > 0).all()


def test_areas_follow_the_axes_they_lie_across():
    spacing = (0.5, 1.0, 2.0)
    for axis in range(3):
        half = np.zeros((2, 2, 2), dtype=bool)
        half.swapaxes(0, axis)[0] = True
        code = neighbour_codes(half)[1, 1, 1]
        assert element_sizes(spacing)[code] == pytest.approx(np.prod(spacing) / spacing[axis])


def test_a_ball_has_the_area_of_a_sphere():
    radius = 20
    grid = np.indices((45, 45, 45)) - 22
    ball = np.square(grid).sum(axis=0) <= radius**2
    area = surface_distances(ball, ball, (1.0, 1.0, 1.0)).predicted_size.sum()
    # Marching cubes on a binary mask overestimates: its facets are tilted in steps of 45 degrees.
    assert area == pytest.approx(4 * np.pi * radius**2, rel=0.12)
