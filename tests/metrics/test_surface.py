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

from suffice.core import UsageError
from suffice.core.elements import element_sizes
from suffice.metrics import surface_distances

SPACINGS = st.sampled_from([0.3, 0.5, 0.7, 1.0, 1.25, 3.0])
DEFINITIONS = st.sampled_from(["elements", "voxels"])
LAWS = settings(max_examples=40, deadline=None)


@st.composite
def mask_pairs(draw):
    """Two non-empty masks of one shape with a spacing."""
    shape = draw(array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6))
    one, other = (draw(arrays(bool, shape)) for _ in range(2))
    one.flat[draw(st.integers(0, one.size - 1))] = True
    other.flat[draw(st.integers(0, one.size - 1))] = True
    return one, other, tuple(draw(SPACINGS) for _ in shape), draw(DEFINITIONS)


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


def ball(shape, centre, radius):
    cells = np.indices(shape)
    away = sum(np.square(c - m) for c, m in zip(cells, centre, strict=True))
    return away <= radius**2


def structured_pairs():
    """Pairs that take each way to a distance: pairs, steps, windows, axes, a tree, a transform."""
    box = (26, 24, 22)
    full, dot, rim = (np.zeros(box, dtype=bool) for _ in range(3))
    full[:], dot[20, 3, 21], rim[0, :, -1] = True, True, True
    inner, outer = ball(box, (13, 12, 11), 3), ball(box, (13, 12, 11), 10)
    far = outer.copy()
    far[0, 0, 0] = True
    plates = np.zeros((2, 15, 24, 24), dtype=bool)
    plates[0, 1], plates[1, 13] = True, True
    islands = np.random.default_rng(2).random((2, 24, 24, 24)) < 0.001
    columns = np.zeros((2, 50, 50), dtype=bool)
    columns[0, 3], columns[1, 45] = True, True
    pairs = [
        (full, full),
        (full, dot),
        (rim, dot),
        (dot, dot),
        (inner, outer),
        (outer, np.roll(outer, 2, axis=0)),
        (outer, far),
        (~outer, inner),
        tuple(plates),
        tuple(islands),
        tuple(columns),
        (ball((90, 90), (30, 30), 25), ball((90, 90), (50, 60), 28)),
    ]
    for one, other in pairs:
        yield one, other, (1.0, 1.0, 1.0)[: one.ndim], 1.5
        yield np.asfortranarray(other), np.asfortranarray(one), (3.0, 0.4, 1.0)[: one.ndim], 0.5


def all_pairs():
    yield from random_pairs(180)
    yield from structured_pairs()


def edge_voxels(mask):
    return mask & ~ndimage.binary_erosion(mask)


def edge_corners(mask):
    """Corners between voxels with some, but not all, of their voxels inside."""
    cut = np.lib.stride_tricks.sliding_window_view(np.pad(mask, 1), (2,) * mask.ndim)
    inner = tuple(range(mask.ndim, 2 * mask.ndim))
    return cut.any(axis=inner) & ~cut.all(axis=inner)


@pytest.fixture(scope="module")
def google():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports scipy by names that are on their way out
        return pytest.importorskip("surface_distance")


@pytest.fixture(scope="module")
def monai():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls what torch and numpy are giving up
        return pytest.importorskip("monai.metrics")


def test_elements_equal_those_of_the_surface_distance_package(google):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for predicted, reference, spacing, tolerance in all_pairs():
            theirs = google.compute_surface_distances(reference, predicted, spacing)
            ours = surface_distances(predicted, reference, spacing)
            # Where a distance ends at 95 % exactly, rounding decides which of two they take.
            low, high = (google.compute_robust_hausdorff(theirs, 95 + e) for e in (-1e-6, 1e-6))
            assert low - 1e-6 <= ours.hausdorff(95) <= high + 1e-6
            expected = [
                google.compute_robust_hausdorff(theirs, 100),
                google.compute_surface_dice_at_tolerance(theirs, tolerance),
                np.mean(google.compute_average_surface_distance(theirs)),
            ]
            got = [ours.hausdorff(), ours.surface_dice(tolerance), ours.mean_average()]
            np.testing.assert_allclose(got, expected, atol=1e-6)


def test_voxels_equal_those_of_monai(monai):
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for predicted, reference, spacing, tolerance in all_pairs():
            one, other = (
                torch.from_numpy(np.ascontiguousarray(m))[None, None]
                for m in (predicted, reference)
            )
            options = {"include_background": True, "spacing": spacing}
            expected = [
                monai.compute_hausdorff_distance(one, other, **options),
                monai.compute_hausdorff_distance(one, other, percentile=95, **options),
                monai.compute_average_surface_distance(one, other, symmetric=True, **options),
                monai.compute_surface_dice(one, other, [tolerance], **options),
            ]
            ours = surface_distances(predicted, reference, spacing, definition="voxels")
            got = [
                ours.hausdorff(),
                ours.hausdorff(95),
                ours.average_symmetric(),
                ours.surface_dice(tolerance),
            ]
            # MONAI keeps distances in single precision.
            np.testing.assert_allclose(got, [float(v) for v in expected], rtol=1e-5, atol=1e-6)


def test_voxels_equal_the_recipe_with_simpleitk():
    sitk = pytest.importorskip("SimpleITK")
    for predicted, reference, spacing, _ in all_pairs():
        # Its contours leave out the rim of the image, so there is room around.
        images = [
            sitk.GetImageFromArray(np.pad(m, 1).astype(np.uint8)) for m in (predicted, reference)
        ]
        for image in images:
            image.SetSpacing(spacing[::-1])
        contours = [sitk.LabelContour(image) for image in images]
        edges = [sitk.GetArrayFromImage(contour) > 0 for contour in contours]
        ways = {"squaredDistance": False, "useImageSpacing": True}
        maps = [sitk.SignedMaurerDistanceMap(contour, **ways) for contour in contours]
        away = [np.abs(sitk.GetArrayFromImage(distances)) for distances in maps]
        ours = surface_distances(predicted, reference, spacing, definition="voxels")
        # In single precision there.
        close = {"rtol": 1e-5, "atol": 1e-5}
        np.testing.assert_allclose(ours.predicted_mm, np.sort(away[1][edges[0]]), **close)
        np.testing.assert_allclose(ours.reference_mm, np.sort(away[0][edges[1]]), **close)


@pytest.mark.parametrize(
    ("definition", "edge"), [("elements", edge_corners), ("voxels", edge_voxels)]
)
def test_distances_equal_brute_force(definition, edge):
    for predicted, reference, spacing, _ in all_pairs():
        points = [np.argwhere(edge(mask)) * spacing for mask in (predicted, reference)]
        apart = cdist(*points)
        ours = surface_distances(predicted, reference, spacing, definition=definition)
        np.testing.assert_allclose(ours.predicted_mm, np.sort(apart.min(axis=1)), atol=1e-9)
        np.testing.assert_allclose(ours.reference_mm, np.sort(apart.min(axis=0)), atol=1e-9)


@LAWS
@given(mask_pairs())
def test_symmetric_in_predicted_and_reference(pair):
    one, other, spacing, definition = pair
    there = surface_distances(one, other, spacing, definition=definition)
    back = surface_distances(other, one, spacing, definition=definition)
    assert there.hausdorff(95) == back.hausdorff(95)
    assert there.average_symmetric() == pytest.approx(back.average_symmetric())
    assert there.mean_average() == pytest.approx(back.mean_average())


@LAWS
@given(mask_pairs(), st.floats(0.1, 20))
def test_distances_scale_with_spacing(pair, factor):
    one, other, spacing, definition = pair
    scaled = tuple(s * factor for s in spacing)
    small = surface_distances(one, other, spacing, definition=definition)
    large = surface_distances(one, other, scaled, definition=definition)
    assert large.hausdorff() == pytest.approx(small.hausdorff() * factor)
    assert large.hausdorff(95) == pytest.approx(small.hausdorff(95) * factor)
    assert large.average_symmetric() == pytest.approx(small.average_symmetric() * factor)
    assert large.surface_dice(factor) == pytest.approx(small.surface_dice(1.0))


@LAWS
@given(mask_pairs(), st.randoms(use_true_random=False))
def test_unchanged_by_flips_and_permuted_axes(pair, random):
    one, other, spacing, definition = pair
    axes = random.sample(range(one.ndim), one.ndim)
    flips = [axis for axis in range(one.ndim) if random.random() < 0.5]
    turned = [np.flip(mask.transpose(axes), flips) for mask in (one, other)]
    before = surface_distances(one, other, spacing, definition=definition)
    there = tuple(spacing[axis] for axis in axes)
    after = surface_distances(*turned, there, definition=definition)
    assert after.hausdorff(95) == pytest.approx(before.hausdorff(95))
    assert after.average_symmetric() == pytest.approx(before.average_symmetric())
    assert after.surface_dice(1.0) == pytest.approx(before.surface_dice(1.0))


@LAWS
@given(mask_pairs())
def test_room_around_the_masks_changes_nothing(pair):
    one, other, spacing, definition = pair
    before = surface_distances(one, other, spacing, definition=definition)
    padded = [np.pad(mask, ((2, 1),) * mask.ndim) for mask in (one, other)]
    after = surface_distances(*padded, spacing, definition=definition)
    np.testing.assert_array_equal(before.predicted_mm, after.predicted_mm)
    np.testing.assert_array_equal(before.reference_mm, after.reference_mm)


@LAWS
@given(mask_pairs())
def test_surface_dice_grows_with_the_tolerance(pair):
    *both, definition = pair
    distances = surface_distances(*both, definition=definition)
    shares = [distances.surface_dice(t) for t in (0.0, 0.5, 1.0, 2.0, distances.hausdorff())]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


@LAWS
@given(mask_pairs())
def test_percentiles_grow_up_to_the_hausdorff_distance(pair):
    *both, definition = pair
    distances = surface_distances(*both, definition=definition)
    found = [distances.hausdorff(percent) for percent in (50, 90, 95, 99, 100)]
    assert found == sorted(found)
    assert found[-1] == max(distances.predicted_mm[-1], distances.reference_mm[-1])


@LAWS
@given(mask_pairs())
def test_a_mask_is_at_no_distance_from_itself(pair):
    mask, _, spacing, definition = pair
    same = surface_distances(mask, mask, spacing, definition=definition)
    assert same.hausdorff() == same.average_symmetric() == 0
    assert same.surface_dice(0.0) == 1


def test_single_voxels_are_as_far_apart_as_they_lie():
    one, other = np.zeros((2, 300, 200), dtype=bool)
    one[0, 0], other[299, 199] = True, True
    distances = surface_distances(one, other, (0.5, 2.0), definition="voxels")
    assert distances.hausdorff() == np.hypot(149.5, 398)
    assert distances.mean_average() == distances.average_symmetric() == np.hypot(149.5, 398)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1e7), (1e-6, 1.0, 1.0), (1e6, 1.0, 1e6)])
def test_spacings_may_differ_by_any_factor(spacing):
    rng = np.random.default_rng(4)
    one, other = rng.random((2, 30, 8, 6)) < 0.02
    apart = cdist(np.argwhere(one) * spacing, np.argwhere(other) * spacing)
    distances = surface_distances(one, other, spacing, definition="voxels")
    np.testing.assert_allclose(distances.predicted_mm, np.sort(apart.min(axis=1)), rtol=1e-9)


def test_an_element_at_exactly_the_tolerance_counts_whatever_the_spacing():
    one = np.zeros((12, 12), dtype=bool)
    one[2:8, 2:8] = True
    other = np.roll(one, 3, axis=0)
    assert surface_distances(one, other, (0.7, 0.7)).surface_dice(2.1) == 1
    assert surface_distances(one, other, (0.7, 0.7)).surface_dice(2.09) < 1


@pytest.mark.parametrize("definition", ["elements", "voxels"])
def test_one_empty_mask_is_infinitely_far(definition):
    mask = np.ones((3, 3, 3), dtype=bool)
    far = surface_distances(mask, ~mask, (1.0, 1.0, 1.0), definition=definition)
    assert far.hausdorff(95) == far.average_symmetric() == far.mean_average() == np.inf
    assert far.surface_dice(5.0) == 0


@pytest.mark.parametrize("definition", ["elements", "voxels"])
def test_two_empty_masks_have_no_surface(definition):
    empty = np.zeros((3, 3), dtype=bool)
    none = surface_distances(empty, empty, (1.0, 1.0), definition=definition)
    assert np.isnan(none.surface_dice(1.0))
    assert none.hausdorff() == none.average_symmetric() == none.mean_average() == np.inf


def test_an_unknown_definition_is_named():
    mask = np.ones((2, 2), dtype=bool)
    with pytest.raises(UsageError, match=r"got edges, expected elements or voxels"):
        surface_distances(mask, mask, (1.0, 1.0), definition="edges")


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
        code = sum(1 << bit for bit, inside in enumerate(half.ravel()) if inside)
        assert element_sizes(spacing)[code] == pytest.approx(np.prod(spacing) / spacing[axis])


def test_a_ball_has_the_area_of_a_sphere():
    radius = 20
    grid = np.indices((45, 45, 45)) - 22
    ball = np.square(grid).sum(axis=0) <= radius**2
    area = surface_distances(ball, ball, (1.0, 1.0, 1.0)).predicted_size.sum()
    # Marching cubes on a binary mask overestimates: its facets are tilted in steps of 45 degrees.
    assert area == pytest.approx(4 * np.pi * radius**2, rel=0.12)
