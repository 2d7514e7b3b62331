"""Overlap against scikit-learn and MONAI on random and structured masks, and its laws."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from suffice.metrics import Overlap

PAIRS = array_shapes(min_dims=2, max_dims=3, min_side=2, max_side=5).flatmap(
    lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape))
)
OURS = ("dice", "iou", "sensitivity", "precision", "specificity", "accuracy", "kappa")


SHAPES = (8, 9), (6, 4, 3)


def mask_pairs(shape, n_cases=120):
    """Noise, blobs, one mask within the other, apart, equal; neither all nor nothing."""
    rng = np.random.default_rng(len(shape))
    while n_cases:
        grey = rng.random((2, *shape))
        if n_cases % 4:
            grey = np.stack([ndimage.gaussian_filter(g, 1.5) for g in grey])
        one, other = (g >= np.quantile(g, rng.random()) for g in grey)
        kind = n_cases % 6
        if kind == 3:
            one = one & other
        elif kind == 4:
            one = one & ~other
        elif kind == 5:
            one = other.copy()
        if all(mask.any() and not mask.all() for mask in (one, other)):
            n_cases -= 1
            yield one, other


def test_voxel_scores_equal_those_of_scikit_learn():
    from sklearn import metrics

    pairs = [(one.ravel(), other.ravel()) for s in SHAPES for one, other in mask_pairs(s)]
    ours = [[getattr(Overlap.of(*pair), name) for name in OURS] for pair in pairs]
    # A column a case, as scikit-learn takes several labels.
    predicted, reference = (np.stack(masks, axis=1) for masks in zip(*pairs, strict=True))
    theirs = [
        metrics.f1_score(reference, predicted, average=None),
        metrics.jaccard_score(reference, predicted, average=None),
        metrics.recall_score(reference, predicted, average=None),
        metrics.precision_score(reference, predicted, average=None),
        metrics.recall_score(~reference, ~predicted, average=None),
        [metrics.accuracy_score(other, one) for one, other in pairs],
        [metrics.cohen_kappa_score(other, one) for one, other in pairs],
    ]
    assert len(pairs) >= 200
    np.testing.assert_allclose(ours, np.transpose(theirs), rtol=1e-12, atol=1e-12)


def test_voxel_scores_equal_those_of_monai():
    with warnings.catch_warnings():
        # Its imports use what torch and numpy have marked as going.
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch")
        monai = pytest.importorskip("monai.metrics")
    names = ("sensitivity", "precision", "specificity", "accuracy")
    for shape in SHAPES:
        pairs = list(mask_pairs(shape))
        ours = [
            [getattr(Overlap.of(*pair), name) for name in ("dice", "iou", *names)] for pair in pairs
        ]
        masks = [
            torch.from_numpy(np.stack(side))[:, None].float() for side in zip(*pairs, strict=True)
        ]
        counts = monai.get_confusion_matrix(*masks)
        theirs = [monai.compute_dice(*masks), monai.compute_iou(*masks)]
        theirs += [monai.compute_confusion_matrix_metric(name, counts) for name in names]
        np.testing.assert_allclose(ours, torch.cat(theirs, dim=1).numpy(), rtol=1e-5)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_laws_of_overlap(pair):
    one, other = pair
    there, back = Overlap.of(one, other), Overlap.of(other, one)
    for name in ("dice", "iou", "accuracy", "kappa", "volume_similarity"):
        np.testing.assert_equal(getattr(there, name), getattr(back, name))
    np.testing.assert_equal(there.sensitivity, back.precision)
    inverse = Overlap.of(~one, ~other)
    np.testing.assert_equal(there.specificity, inverse.sensitivity)
    np.testing.assert_equal(there.kappa, inverse.kappa)
    flipped = Overlap.of(one.T[::-1], other.T[::-1])
    assert flipped == there
    if one.any() or other.any():
        assert there.dice == pytest.approx(2 * there.iou / (1 + there.iou))
        assert there.iou <= there.dice <= there.volume_similarity + 1e-12
    if there.n_shared:
        harmonic = 2 / (1 / there.sensitivity + 1 / there.precision)
        assert there.dice == pytest.approx(harmonic)


def test_kappa_becomes_dice_where_the_background_grows():
    one, other = np.zeros((2, 8, 8), dtype=bool)
    one[2:5, 2:5], other[3:6, 2:6] = True, True
    apart = [
        abs(Overlap.of(one, other, n).kappa - Overlap.of(one, other).dice)
        for n in (64, 10**4, 10**7)
    ]
    assert apart[0] > apart[1] > apart[2]
    assert apart[2] < 1e-5


def test_counts_of_large_images_do_not_overflow():
    overlap = Overlap(10**10, 10**10, 10**10, 10**11)
    assert overlap.kappa == overlap.dice == 1


@pytest.mark.parametrize(
    ("predicted", "reference", "expected"),
    [
        (0, 0, {"specificity": 1.0, "accuracy": 1.0}),
        (0, 4, {"dice": 0, "sensitivity": 0, "kappa": 0, "volume_similarity": 0}),
        (4, 0, {"dice": 0, "precision": 0, "kappa": 0, "specificity": 0.6, "iou": 0}),
        (10, 10, {"dice": 1, "sensitivity": 1, "precision": 1, "accuracy": 1}),
    ],
)
def test_shares_of_nothing_are_not_numbers_and_the_others_are(predicted, reference, expected):
    overlap = Overlap(predicted, reference, min(predicted, reference), 10)
    for name, value in expected.items():
        assert getattr(overlap, name) == value
    assert math.isnan(overlap.sensitivity) == (reference == 0)
    assert math.isnan(overlap.precision) == (predicted == 0)
    assert math.isnan(overlap.specificity) == (reference == 10)
    assert math.isnan(overlap.dice) == (predicted == reference == 0)
    assert math.isnan(overlap.kappa) == (predicted == reference and predicted in (0, 10))
