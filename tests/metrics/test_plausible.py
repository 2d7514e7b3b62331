"""Several plausible masks, against loops over all pairs, and the laws of the energy distance."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from suffice.core import GeometryError, UsageError
from suffice.metrics.plausible import (
    PlausibleMasks,
    generalised_energy_distance,
    mask_distances,
    sample_diversity,
)

SETS = st.lists(arrays(bool, (3, 3)), min_size=2, max_size=5)
LAWS = settings(max_examples=40, deadline=None)


def apart(one, other):
    union = (one | other).sum()
    return 1 - (one & other).sum() / union if union else 0.0


def random_sets(n, seed=0):
    rng = np.random.default_rng(seed)
    for i in range(n):
        shape = (12, 11) if i % 2 else (6, 7, 5)
        field = ndimage.gaussian_filter(rng.normal(size=shape), 1.5)
        sets = []
        for _ in range(2):
            masks = [
                field + rng.normal(0, field.std() / 2, shape) > rng.uniform(0.5, 3) * field.std()
                for _ in range(rng.integers(1, 6))
            ]
            sets.append([mask & (rng.random() > 0.2) for mask in masks])
        yield sets


def test_values_equal_loops_over_all_pairs():
    for samples, references in random_sets(240):
        between = np.mean([apart(s, r) for s in samples for r in references])
        within = [[apart(a, b) for a in masks for b in masks] for masks in (samples, references)]
        expected = 2 * between - np.mean(within[0]) - np.mean(within[1])
        masks = PlausibleMasks.of(samples, references)
        assert masks.generalised_energy_distance() == pytest.approx(expected, abs=1e-12)
        assert masks.sample_diversity() == pytest.approx(np.mean(within[0]))
        assert masks.reference_diversity() == pytest.approx(np.mean(within[1]))
        if min(len(samples), len(references)) < 2:
            continue
        distinct = [
            np.mean([apart(a, b) for a, b in itertools.permutations(each, 2)])
            for each in (samples, references)
        ]
        expected = 2 * between - sum(distinct)
        assert masks.generalised_energy_distance("unbiased") == pytest.approx(expected, abs=1e-12)
        assert masks.sample_diversity("unbiased") == pytest.approx(distinct[0])


def test_matched_iou_equals_trying_every_order():
    for samples, references in random_sets(200, seed=1):
        samples, references = samples[:3], references[:3]
        n = np.lcm(len(samples), len(references))
        ours, theirs = (list(m) * (n // len(m)) for m in (samples, references))
        table = np.array([[apart(s, r) for r in theirs] for s in ours])
        best = min(table[range(n), order].mean() for order in itertools.permutations(range(n)))
        found = PlausibleMasks.of(samples, references).matched_iou()
        assert found == pytest.approx(1 - best)


def test_many_masks_are_counted_as_few_are():
    masks = [mask for sets in random_sets(30, seed=2) for mask in sets[0] if mask.ndim == 2]
    assert len(masks) > 16
    whole = mask_distances(masks)
    np.testing.assert_allclose(whole[:16, :16], mask_distances(masks[:16]))
    np.testing.assert_allclose(whole, whole.T)


@LAWS
@given(SETS, SETS)
def test_symmetric_never_negative_and_0_for_equal_sets(one, other):
    there = generalised_energy_distance(one, other)
    assert there >= -1e-12
    assert there == pytest.approx(generalised_energy_distance(other, one))
    assert generalised_energy_distance(one, one[::-1]) == pytest.approx(0, abs=1e-12)
    assert PlausibleMasks.of(one, one[::-1]).matched_iou() == pytest.approx(1)


@LAWS
@given(SETS, SETS)
def test_unchanged_by_flips_and_by_masks_given_twice(one, other):
    before = PlausibleMasks.of(one, other)
    turned = PlausibleMasks.of([m.T[::-1] for m in one], [m.T[::-1] for m in other])
    np.testing.assert_allclose(before.between, turned.between)
    twice = PlausibleMasks.of([*one, *one], other)
    expected = before.generalised_energy_distance()
    assert twice.generalised_energy_distance() == pytest.approx(expected, abs=1e-12)
    assert twice.matched_iou() == pytest.approx(before.matched_iou())


def test_empty_masks_agree_with_each_other_alone():
    empty, full = np.zeros((3, 3), dtype=bool), np.ones((3, 3), dtype=bool)
    np.testing.assert_array_equal(
        mask_distances([empty, empty, full]), [[0, 0, 1]] * 2 + [[1, 1, 0]]
    )
    assert generalised_energy_distance([empty], [empty, empty]) == 0
    assert generalised_energy_distance([empty], [full]) == 2
    assert sample_diversity([empty, full]) == 0.5
    assert sample_diversity([empty, full], "unbiased") == 1


def test_bad_input_is_named():
    mask = np.zeros((3, 3), dtype=bool)
    with pytest.raises(UsageError, match="at least one mask on either side"):
        generalised_energy_distance([], [mask])
    with pytest.raises(UsageError, match="unbiased form needs two masks on either side: got 1"):
        sample_diversity([mask], "unbiased")
    with pytest.raises(UsageError, match="Unknown form: got plain"):
        sample_diversity([mask], "plain")
    with pytest.raises(GeometryError, match="differ in shape"):
        mask_distances([mask, mask[1:]])
    with pytest.raises(UsageError, match="must hold bools: got float64"):
        mask_distances([mask * 0.5])
    with pytest.raises(UsageError, match="need at least one mask"):
        sample_diversity([])
