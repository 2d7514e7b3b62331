"""Calibration against scikit-learn and plain loops, and its laws."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from suffice.core import GeometryError, LabelError, UsageError
from suffice.metrics.calibration import CalibrationCounts
from suffice.metrics.near import near_structures


def binary_cases(n, seed=0):
    """Probabilities of a blob, well or badly calibrated, with its labels, 2D and 3D."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        shape = (11, 13) if i % 2 else (6, 7, 5)
        field = ndimage.gaussian_filter(rng.normal(size=shape), 1.5)
        logits = field / field.std() * rng.uniform(0.5, 6) + rng.normal()
        probabilities = np.clip(1 / (1 + np.exp(-logits)), 1e-6, 1 - 1e-6)
        labels = rng.random(shape) < np.clip(probabilities ** rng.uniform(0.5, 2), 0, 1)
        if i % 10 == 0:
            probabilities = probabilities.round(1).clip(1e-6, 1 - 1e-6)
        yield probabilities.astype(np.float32 if i % 3 == 0 else np.float64), labels


def class_cases(n, seed=0):
    rng = np.random.default_rng(seed)
    for i in range(n):
        shape = (9, 8) if i % 2 else (5, 4, 6)
        n_classes = int(rng.integers(2, 6))
        logits = rng.normal(size=(n_classes, *shape)) * rng.uniform(0.5, 4)
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=0)
        noisy = np.log(probabilities) + rng.gumbel(size=logits.shape)
        yield probabilities, noisy.argmax(axis=0)


def error_by_loops(confidence, right, n_bins):
    total = 0.0
    for i in range(n_bins):
        low = -1 if i == 0 else i / n_bins
        inside = (confidence > low) & (confidence <= (i + 1) / n_bins + 1e-13)
        if inside.any():
            total += abs(right[inside].mean() - confidence[inside].mean()) * inside.mean()
    return total


def adaptive_error_by_sorting(confidence, right, n_bins):
    """Equal values, to a cell of 1 in 25,200, go to the bin of their middle rank."""
    cell = np.ceil(confidence * 25200 - 1e-9)
    total = 0.0
    bins = np.array([((cell < c).sum() + (cell == c).sum() / 2) / cell.size for c in cell])
    for i in range(n_bins):
        inside = np.floor(bins * n_bins + 1e-12) == i
        if inside.any():
            total += abs(right[inside].mean() - confidence[inside].mean()) * inside.mean()
    return total


def test_binary_values_equal_scikit_learn():
    for probabilities, labels in binary_cases(200):
        counts = CalibrationCounts.of(probabilities, labels)
        y, p = labels.ravel(), probabilities.ravel().astype(np.float64)
        assert counts.brier() == pytest.approx(brier_score_loss(y, p))
        expected = log_loss(y, p, labels=[False, True])
        assert counts.negative_log_likelihood() == pytest.approx(expected)
        curve = counts.reliability_curve(10, class_index=0)
        accuracy, confidence = calibration_curve(y, p, n_bins=10)
        filled = curve.count > 0
        np.testing.assert_allclose(curve.confidence[filled], confidence)
        np.testing.assert_allclose(curve.accuracy[filled], accuracy)
        assert counts.classwise_error(10) == pytest.approx(error_by_loops(p, y, 10))
        top = np.maximum(p, 1 - p)
        assert counts.expected_error(15) == pytest.approx(error_by_loops(top, (p > 0.5) == y, 15))


def test_multi_class_values_equal_scikit_learn():
    for probabilities, labels in class_cases(200):
        counts = CalibrationCounts.of(probabilities, labels)
        n_classes = len(probabilities)
        y, p = labels.ravel(), probabilities.reshape(n_classes, -1).T
        classes = list(range(n_classes))
        expected = brier_score_loss(y, p, labels=classes, scale_by_half=False)
        assert counts.brier() == pytest.approx(expected)
        expected = log_loss(y, p, labels=classes)
        assert counts.negative_log_likelihood() == pytest.approx(expected)
        each = [error_by_loops(p[:, c], y == c, 20) for c in classes]
        assert counts.classwise_error(20) == pytest.approx(np.mean(each))
        right = p.argmax(axis=1) == y
        assert counts.expected_error(15) == pytest.approx(error_by_loops(p.max(axis=1), right, 15))


def test_adaptive_bins_equal_sorting():
    for probabilities, labels in binary_cases(200, seed=1):
        counts = CalibrationCounts.of(probabilities, labels)
        p = probabilities.ravel().astype(np.float64)
        expected = adaptive_error_by_sorting(p, labels.ravel(), 10)
        assert counts.classwise_error(10, adaptive=True) == pytest.approx(expected)
        curve = counts.reliability_curve(10, class_index=0, adaptive=True)
        assert curve.count.sum() == labels.size
        assert curve.low[0] == 0 and curve.high[-1] == 1
        np.testing.assert_array_equal(curve.low[1:], curve.high[:-1])


def test_two_classes_say_the_same_as_a_binary_structure():
    for single, labels in binary_cases(20):
        probabilities = single.astype(np.float64)
        one = CalibrationCounts.of(probabilities, labels)
        both = np.stack([1 - probabilities, probabilities])
        two = CalibrationCounts.of(both, labels.astype(np.uint8))
        assert two.brier() == pytest.approx(2 * one.brier())
        assert two.negative_log_likelihood() == pytest.approx(one.negative_log_likelihood())
        assert two.expected_error() == pytest.approx(one.expected_error(), abs=1e-6)
        curve = two.reliability_curve(class_index=1)
        np.testing.assert_array_equal(curve.count, one.reliability_curve(class_index=0).count)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_parts_add_up_to_the_whole(seed, n_parts):
    probabilities, labels = next(class_cases(1, seed))
    whole = CalibrationCounts.of(probabilities, labels)
    cuts = np.array_split(np.arange(labels.shape[0]), n_parts)
    parts = [CalibrationCounts.of(probabilities[:, cut], labels[cut]) for cut in cuts]
    pooled = reduce(add, parts)
    assert pooled.n_voxels == whole.n_voxels
    assert pooled.brier() == pytest.approx(whole.brier())
    assert pooled.negative_log_likelihood() == pytest.approx(whole.negative_log_likelihood())
    assert pooled.expected_error() == pytest.approx(whole.expected_error())
    np.testing.assert_array_equal(pooled.by_class[:, 0], whole.by_class[:, 0])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_unchanged_by_flips_and_by_new_order_of_classes(seed):
    probabilities, labels = next(class_cases(1, seed))
    order = np.random.default_rng(seed).permutation(len(probabilities))
    turned = CalibrationCounts.of(
        np.flip(probabilities[order], axis=1), np.flip(np.argsort(order)[labels], axis=0)
    )
    before = CalibrationCounts.of(probabilities, labels)
    assert turned.brier() == pytest.approx(before.brier())
    assert turned.classwise_error() == pytest.approx(before.classwise_error())
    assert turned.expected_error() == pytest.approx(before.expected_error())


def test_a_calibrated_model_has_no_error_and_a_sure_wrong_one_has_all():
    probabilities = np.repeat([0.1, 0.5, 0.8], 10)
    labels = np.concatenate([np.arange(10) < n for n in (1, 5, 8)])
    counts = CalibrationCounts.of(probabilities, labels)
    assert counts.classwise_error() == pytest.approx(0, abs=1e-12)
    assert counts.expected_error() == pytest.approx(0, abs=1e-12)
    wrong = CalibrationCounts.of(np.ones(5), np.zeros(5, dtype=bool))
    assert wrong.brier() == wrong.expected_error() == 1
    assert wrong.reliability_curve().largest_error == 1
    assert wrong.negative_log_likelihood() == pytest.approx(-np.log(1e-7))


def test_the_edge_of_a_bin_belongs_to_the_lower_one():
    for value in np.arange(1, 10) / 10:
        curve = CalibrationCounts.of(np.array([value]), np.array([1])).reliability_curve(
            10, class_index=0
        )
        assert curve.count.argmax() == round(value * 10) - 1


def test_memory_is_bounded_and_large_arrays_go_in_parts():
    rng = np.random.default_rng(0)
    probabilities = rng.random((1100, 1000), dtype=np.float32)
    labels = rng.random(probabilities.shape) < probabilities
    counts = CalibrationCounts.of(probabilities, labels)
    assert counts.n_voxels == probabilities.size
    assert counts.top.nbytes + counts.by_class.nbytes < 2e6
    assert counts.brier() == pytest.approx(np.square(probabilities - labels, dtype=float).mean())
    assert counts.expected_error() < 0.005


def test_a_band_counts_the_neighbourhood_alone():
    rng = np.random.default_rng(0)
    labels = np.zeros((30, 30), dtype=np.uint8)
    labels[10:16, 10:16] = 1
    probabilities = np.where(labels, 0.6, rng.uniform(0, 0.01, labels.shape))
    band = near_structures(labels, (1.0, 1.0), 2.0)
    whole = CalibrationCounts.of(probabilities, labels)
    near = CalibrationCounts.of(probabilities, labels, within=band)
    assert near.n_voxels == band.sum()
    # Sure and right background hides the error of the structure.
    assert near.expected_error() > 5 * whole.expected_error()
    empty = CalibrationCounts.of(probabilities, labels, within=np.zeros_like(band))
    values = [empty.brier(), empty.negative_log_likelihood(), empty.expected_error()]
    assert np.isnan(
        [*values, empty.classwise_error(), empty.reliability_curve().largest_error]
    ).all()


def test_a_band_is_as_wide_as_told():
    rng = np.random.default_rng(0)
    for i in range(40):
        shape, spacing = ((12, 9), (0.5, 2.0)) if i % 2 else ((7, 8, 9), (1.0, 0.7, 3.0))
        mask = rng.random(shape) > 0.98
        width = float(rng.uniform(0, 4))
        points = np.argwhere(mask) * spacing
        everywhere = np.argwhere(np.ones(shape, dtype=bool)) * spacing
        apart = np.linalg.norm(everywhere[:, None] - points[None], axis=-1)
        expected = (apart.min(axis=1, initial=np.inf) <= width).reshape(shape)
        np.testing.assert_array_equal(near_structures(mask, spacing, width), expected)
    with pytest.raises(UsageError, match="width of a band must be 0 or more: got -1"):
        near_structures(mask, spacing, -1)


def test_bad_input_is_named():
    p, y = np.full((4, 4), 0.5), np.zeros((4, 4), dtype=np.uint8)
    with pytest.raises(GeometryError, match="probabilities do not fit the labels"):
        CalibrationCounts.of(p[1:], y)
    with pytest.raises(GeometryError, match="voxels to count do not fit"):
        CalibrationCounts.of(p, y, within=np.ones((3, 3), dtype=bool))
    with pytest.raises(LabelError, match="must be classes: got uint8, expected 0 to 1"):
        CalibrationCounts.of(p, y + 2)
    with pytest.raises(UsageError, match=r"between 0 and 1: got 0\.5 to 1\.5"):
        CalibrationCounts.of(np.where(np.eye(4), 1.5, p), y)
    with pytest.raises(UsageError, match="between 0 and 1: got nan"):
        CalibrationCounts.of(p * np.nan, y)
    with pytest.raises(UsageError, match=r"add up to 1: got 0\.75\. Include the background"):
        CalibrationCounts.of(np.stack([p, p / 2]), y)
    with pytest.raises(UsageError, match="least probability"):
        CalibrationCounts.of(p, y, clip=0)
    counts = CalibrationCounts.of(p, y)
    with pytest.raises(UsageError, match="number of bins must divide 25200: got 11"):
        counts.expected_error(11)
    with pytest.raises(UsageError, match="cannot be added: got 2 classes"):
        counts + CalibrationCounts.of(np.stack([p, p]), y)
