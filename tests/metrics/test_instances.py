"""The table of overlaps, matching and what follows, against brute force and other tools."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco_masks
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from suffice.core import GeometryError, LabelError, UsageError
from suffice.metrics.detection import (
    IOU_THRESHOLDS,
    Detection,
    data_science_bowl_precision,
    detect_by_overlap,
    panoptic_quality,
)
from suffice.metrics.instances import InstanceOverlaps, components
from suffice.metrics.jaccard import aggregated_jaccard, aggregated_jaccard_plus
from suffice.metrics.matching import match_instances

LAWS = settings(max_examples=30, deadline=None)
EMPTY = np.zeros((4, 4), dtype=np.int32)


@st.composite
def map_pairs(draw):
    shape = draw(array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6))
    elements = st.integers(0, draw(st.integers(1, 5)))
    return tuple(draw(arrays(np.int64, shape, elements=elements)) for _ in range(2))


def masks_of(instances):
    return [instances == value for value in np.unique(instances) if value]


def dense_iou(predicted, reference):
    """IoU of all pairs, voxel by voxel: slow, plain and independent of the table."""
    table = np.zeros((len(masks_of(predicted)), len(masks_of(reference))))
    for i, one in enumerate(masks_of(predicted)):
        for j, other in enumerate(masks_of(reference)):
            table[i, j] = (one & other).sum() / (one | other).sum()
    return table


def scattered(overlaps):
    table = np.zeros((overlaps.n_predicted, overlaps.n_reference))
    table[overlaps.predicted_index, overlaps.reference_index] = overlaps.iou
    return table


def values_of(overlaps):
    panoptic = panoptic_quality(overlaps)
    lesions = detect_by_overlap(overlaps)
    return [
        panoptic.quality,
        panoptic.segmentation,
        panoptic.recognition,
        panoptic_quality(overlaps, 0.2).jaccard,
        data_science_bowl_precision(overlaps),
        lesions.sensitivity,
        lesions.precision,
        lesions.f1,
    ]


def test_iou_of_all_pairs_equals_pycocotools(instance_map_pairs):
    for predicted, reference in instance_map_pairs(240):
        rles = []
        for instances in (predicted, reference):
            masks = [mask.reshape(len(mask), -1) for mask in masks_of(instances)]
            rles.append([coco_masks.encode(np.asfortranarray(m.astype(np.uint8))) for m in masks])
        overlaps = InstanceOverlaps.of(predicted, reference)
        if rles[0] and rles[1]:
            theirs = coco_masks.iou(rles[0], rles[1], [0] * len(rles[1]))
            np.testing.assert_allclose(scattered(overlaps), theirs)
        assert overlaps.predicted_sizes.tolist() == [m.sum() for m in masks_of(predicted)]
        assert overlaps.reference_sizes.tolist() == [m.sum() for m in masks_of(reference)]


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3, 0.5, 0.75])
def test_matching_equals_a_dense_assignment(instance_map_pairs, threshold):
    for predicted, reference in instance_map_pairs(200, seed=1):
        iou = dense_iou(predicted, reference)
        # The highest count first, then the largest sum, as StarDist weighs its pairs.
        enough = iou > threshold + 1e-9
        rows, columns = linear_sum_assignment(-(enough * (1 + iou / (2 * max(1, min(iou.shape))))))
        expected = iou[rows, columns][enough[rows, columns]]
        found = match_instances(InstanceOverlaps.of(predicted, reference), threshold)
        assert found.n_matched == len(expected)
        assert found.iou.sum() == pytest.approx(expected.sum())
        for side in (found.predicted_index, found.reference_index):
            assert len(set(side.tolist())) == len(side)


def test_panoptic_quality_and_bowl_precision_equal_loops(instance_map_pairs):
    for predicted, reference in instance_map_pairs(240, seed=2):
        iou = dense_iou(predicted, reference)
        n_predicted, n_reference = iou.shape
        if not (n_predicted or n_reference):
            continue
        hits = [int((iou > t + 1e-9).sum()) for t in IOU_THRESHOLDS]
        overlaps = InstanceOverlaps.of(predicted, reference)
        n_false, n_missed = n_predicted - hits[0], n_reference - hits[0]
        expected = iou[iou > 0.5 + 1e-9].sum() / (hits[0] + (n_false + n_missed) / 2)
        assert panoptic_quality(overlaps).quality == pytest.approx(expected)
        ratios = [n / (n_predicted + n_reference - n) for n in hits]
        assert data_science_bowl_precision(overlaps) == pytest.approx(np.mean(ratios))


def test_panoptic_quality_equals_monai(instance_map_pairs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns as it is imported, of what it needs elsewhere
        peer = pytest.importorskip("monai.metrics.panoptic_quality")
    torch = pytest.importorskip("torch")
    for predicted, reference in instance_map_pairs(200, seed=6):
        overlaps = InstanceOverlaps.of(predicted, reference)
        if not (overlaps.n_predicted and overlaps.n_reference):
            continue
        maps = [torch.from_numpy(m.astype(np.int64)) for m in (predicted, reference)]
        theirs = peer.compute_panoptic_quality(*maps, smooth_numerator=1e-12)
        assert panoptic_quality(overlaps).quality == pytest.approx(float(theirs), abs=1e-5)


def test_ten_thousand_touching_instances_make_no_table_of_all_pairs():
    squares = np.kron(np.arange(1, 10_001).reshape(100, 100), np.ones((6, 6), dtype=np.int64))
    moved = np.roll(squares, (1, 2), axis=(0, 1))
    tracemalloc.start()
    overlaps = InstanceOverlaps.of(moved, squares)
    values = [panoptic_quality(overlaps, t).quality for t in (0.1, 0.3)]
    values.append(aggregated_jaccard_plus(overlaps))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert overlaps.n_reference == 10_000
    # Each square is shifted by one and two of its six voxels.
    np.testing.assert_allclose(values, 20 / 52)
    assert peak < 100e6


def test_lesion_wise_detection_equals_loops(instance_map_pairs):
    for predicted, reference in instance_map_pairs(240, seed=3):
        for share in (0.0, 0.3):
            found = detect_by_overlap(InstanceOverlaps.of(predicted, reference), share)
            covered = [(predicted[m] > 0).mean() for m in masks_of(reference)]
            right = [(reference[m] > 0).mean() for m in masks_of(predicted)]
            assert found.n_found == sum(c > 0 and c >= share for c in covered)
            assert found.n_right == sum(c > 0 and c >= share for c in right)


def test_aggregated_jaccard_equals_loops(instance_map_pairs):
    for predicted, reference in instance_map_pairs(240, seed=4):
        ours, theirs = masks_of(predicted), masks_of(reference)
        shared = union = 0
        taken = set()
        for other in theirs:
            rates = [((m & other).sum() / (m | other).sum(), (m & other).sum()) for m in ours]
            best = max(range(len(ours)), key=lambda i: (*rates[i], -i), default=None)
            if best is None or rates[best][0] == 0:
                union += other.sum()
                continue
            taken.add(best)
            shared += (ours[best] & other).sum()
            union += (ours[best] | other).sum()
        union += sum(m.sum() for i, m in enumerate(ours) if i not in taken)
        value = aggregated_jaccard(InstanceOverlaps.of(predicted, reference))
        np.testing.assert_allclose(value, shared / union if union else np.nan)


def test_aggregated_jaccard_plus_equals_a_dense_assignment(instance_map_pairs):
    n_compared = 0
    for predicted, reference in instance_map_pairs(300, seed=5, noise=False):
        iou = dense_iou(predicted, reference)
        if not iou.size:
            continue
        ours, theirs = masks_of(predicted), masks_of(reference)
        pairs = [(i, j) for i, j in zip(*linear_sum_assignment(-iou), strict=True) if iou[i, j]]
        shared = sum((ours[i] & theirs[j]).sum() for i, j in pairs)
        total = (predicted > 0).sum() + (reference > 0).sum()
        value = aggregated_jaccard_plus(InstanceOverlaps.of(predicted, reference))
        assert value == pytest.approx(shared / (total - shared))
        n_compared += 1
    assert n_compared >= 200


@LAWS
@given(map_pairs(), st.randoms(use_true_random=False))
def test_unchanged_by_new_numbers_flips_and_permuted_axes(maps, random):
    axes = random.sample(range(maps[0].ndim), maps[0].ndim)
    turned = []
    for instances in maps:
        names = np.array([0, *random.sample(range(1, 10**12), int(instances.max()))])
        turned.append(np.flip(names[instances].transpose(axes), 0))
    before, after = InstanceOverlaps.of(*maps), InstanceOverlaps.of(*turned)
    np.testing.assert_allclose(values_of(before), values_of(after))


@LAWS
@given(map_pairs())
def test_exchanging_the_maps_exchanges_sensitivity_and_precision(maps):
    there = InstanceOverlaps.of(*maps)
    back = InstanceOverlaps.of(*maps[::-1])
    for threshold in (0.2, 0.5):
        one, other = panoptic_quality(there, threshold), panoptic_quality(back, threshold)
        np.testing.assert_allclose(one.quality, other.quality)
        np.testing.assert_equal(one.recognition, other.recognition)
        np.testing.assert_allclose(one.detection.f1, one.recognition)
        np.testing.assert_equal(one.detection.sensitivity, other.detection.precision)
    np.testing.assert_allclose(detect_by_overlap(there).f1, detect_by_overlap(back).f1)
    np.testing.assert_equal(values_of(there.swapped())[:3], values_of(back)[:3])


@LAWS
@given(map_pairs())
def test_a_map_scores_1_against_itself(maps):
    instances = maps[0]
    instances.flat[0] = 1
    overlaps = InstanceOverlaps.of(instances, instances)
    assert values_of(overlaps) == [1.0] * 8
    assert aggregated_jaccard(overlaps) == aggregated_jaccard_plus(overlaps) == 1


@LAWS
@given(map_pairs())
def test_quality_is_a_product_and_matches_fall_with_the_threshold(maps):
    overlaps = InstanceOverlaps.of(*maps)
    counts = [match_instances(overlaps, t).n_matched for t in (0, 0.1, 0.3, 0.5, 0.7, 0.9)]
    assert counts == sorted(counts, reverse=True)
    panoptic = panoptic_quality(overlaps)
    if panoptic.n_matched:
        product = panoptic.segmentation * panoptic.recognition
        assert panoptic.quality == pytest.approx(product)


@LAWS
@given(map_pairs(), map_pairs())
def test_sums_of_counts_pool_cases(one, other):
    tables = [InstanceOverlaps.of(*maps) for maps in (one, other)]
    pooled = panoptic_quality(tables[0]) + panoptic_quality(tables[1])
    assert pooled.n_reference == sum(table.n_reference for table in tables)
    lesions = detect_by_overlap(tables[0]) + detect_by_overlap(tables[1])
    assert lesions.n_found == sum(detect_by_overlap(table).n_found for table in tables)


def test_no_instances_on_either_side_is_undefined():
    overlaps = InstanceOverlaps.of(EMPTY, EMPTY)
    assert np.isnan(values_of(overlaps)).all()
    assert np.isnan([aggregated_jaccard(overlaps), aggregated_jaccard_plus(overlaps)]).all()


def test_no_instances_on_one_side_is_0():
    some = EMPTY.copy()
    some[1:3, 1:3] = 4
    missed = InstanceOverlaps.of(EMPTY, some)
    np.testing.assert_equal(values_of(missed), [0, np.nan, 0, 0, 0, 0, np.nan, 0])
    np.testing.assert_equal(
        values_of(InstanceOverlaps.of(some, EMPTY)), [0, np.nan, 0, 0, 0, np.nan, 0, 0]
    )
    assert aggregated_jaccard(missed) == aggregated_jaccard_plus(missed) == 0


def test_a_pair_at_exactly_the_threshold_does_not_match():
    halves = InstanceOverlaps.of(np.array([[1, 1]]), np.array([[1, 2]]))
    assert match_instances(halves, 0.5).n_matched == 0
    assert match_instances(halves, 0.49).n_matched == 1
    with pytest.raises(UsageError, match="0 or more and below 1: got 1"):
        match_instances(halves, 1)


def test_small_instances_are_left_out_of_both_maps():
    predicted, reference = np.array([[1, 1, 0, 2, 3, 3]]), np.array([[1, 1, 0, 2, 2, 2]])
    overlaps = InstanceOverlaps.of(predicted, reference).without_smaller_than(2)
    assert overlaps.predicted_ids.tolist() == [1, 3]
    assert overlaps.reference_ids.tolist() == [1, 2]
    assert overlaps.shared.tolist() == [2, 2]
    assert overlaps.reference_index.tolist() == [0, 1]
    assert InstanceOverlaps.of(predicted, reference).without_smaller_than(9).n_predicted == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint64])
def test_type_and_order_in_memory_do_not_matter(dtype):
    rng = np.random.default_rng(0)
    maps = [rng.integers(0, 9, (5, 6, 7)).astype(dtype) for _ in range(2)]
    expected = scattered(InstanceOverlaps.of(*[m.astype(np.int64) for m in maps]))
    for change in (np.asfortranarray, np.ascontiguousarray, lambda m: m[::1, :, ::1]):
        one = scattered(InstanceOverlaps.of(change(maps[0]), maps[1]))
        both = scattered(InstanceOverlaps.of(change(maps[0]), change(maps[1])))
        np.testing.assert_array_equal(one, expected)
        np.testing.assert_array_equal(both, expected)


@pytest.mark.parametrize(("connectivity", "n"), [("faces", 3), ("edges", 2), ("corners", 1)])
def test_components_join_by_faces_edges_or_corners(connectivity, n):
    mask = np.zeros((3, 3, 3), dtype=bool)
    mask[0, 0, 0] = mask[0, 1, 1] = mask[1, 2, 2] = True
    assert components(mask, connectivity).max() == n
    assert components(mask[0], connectivity).max() == (2 if connectivity == "faces" else 1)


def test_components_are_those_of_scipy_and_agree_with_the_mask():
    rng = np.random.default_rng(0)
    mask = ndimage.gaussian_filter(rng.normal(size=(40, 40)), 1.5) > 0
    numbered = components(mask)
    np.testing.assert_array_equal(numbered > 0, mask)
    assert numbered.max() == ndimage.label(mask, np.ones((3, 3)))[1]


def test_bad_maps_are_named():
    with pytest.raises(GeometryError, match="differ in shape"):
        InstanceOverlaps.of(EMPTY, EMPTY[1:])
    with pytest.raises(LabelError, match=r"must hold integers: got bool\. Number the connected"):
        InstanceOverlaps.of(EMPTY > 0, EMPTY)
    with pytest.raises(LabelError, match="reference map of instances has values below 0: got -1"):
        InstanceOverlaps.of(EMPTY, EMPTY - 1)
    with pytest.raises(UsageError, match="Unknown connectivity: got diagonal"):
        components(EMPTY > 0, "diagonal")


def test_pooled_counts_differ_from_means_of_cases():
    many = Detection(n_reference=10, n_found=10, n_predicted=10, n_right=10)
    none = Detection(n_reference=1, n_found=0, n_predicted=0, n_right=0)
    assert (many + none).sensitivity == pytest.approx(10 / 11)
    assert none.sensitivity == none.f1 == 0
