"""Centrelines keep what is connected; clDice is about the course of a tube."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage
from skimage.measure import euler_number
from skimage.morphology import skeletonize

from suffice.metrics import centreline, cl_dice

MASKS = array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7).flatmap(
    lambda shape: arrays(bool, shape)
)


def smooth_masks(n_cases, seed=0):
    rng = np.random.default_rng(seed)
    for i in range(n_cases):
        grey = ndimage.gaussian_filter(rng.random(rng.integers(3, 14, 2 + i % 2)), 1 + rng.random())
        yield grey > np.quantile(grey, rng.uniform(0.2, 0.9))


def counts_of(mask):
    """Pieces, cavities and Euler number, which together count the holes."""
    padded = np.pad(mask, 1)
    touching = np.ones((3,) * mask.ndim)
    n_pieces, n_outside = ndimage.label(padded, touching)[1], ndimage.label(~padded)[1]
    return n_pieces, n_outside, euler_number(padded, mask.ndim)


def test_a_centreline_has_the_pieces_holes_and_cavities_of_its_structure():
    for mask in smooth_masks(200):
        line = centreline(mask)
        assert not (line & ~mask).any()
        assert counts_of(line) == counts_of(mask)


@settings(max_examples=40, deadline=None)
@given(MASKS)
def test_no_piece_is_lost_and_a_line_stays(mask):
    line = centreline(mask)
    assert counts_of(line) == counts_of(mask)
    np.testing.assert_array_equal(centreline(line).any(), mask.any())


@pytest.mark.parametrize("across", [(2, 2), (4, 4), (3, 4), (4, 6), (5, 5)])
def test_no_vessel_vanishes_whatever_its_width(across):
    vessel = np.ones((*across, 30), dtype=bool)
    assert 18 <= np.count_nonzero(centreline(vessel)) <= 30


def test_tubes_have_the_centrelines_of_scikit_image():
    axis = np.linspace(0, 2 * np.pi, 400)
    for n_dilations in (1, 2, 3):
        course = np.zeros((40, 40, 40), dtype=bool)
        places = 20 + 12 * np.cos(axis), 20 + 12 * np.sin(axis), 5 + 30 * axis / axis.max()
        course[tuple(np.round(place).astype(int) for place in places)] = True
        tube = ndimage.binary_dilation(course, iterations=n_dilations)
        ours, theirs = centreline(tube), skeletonize(tube)
        assert ours.sum() == pytest.approx(theirs.sum(), rel=0.1)
        assert (ndimage.distance_transform_edt(~theirs)[ours] <= 3).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000))
def test_cl_dice_is_symmetric_a_share_and_one_for_the_same_mask(seed):
    one, other = smooth_masks(2, seed)
    other = np.resize(other, one.shape)
    assert cl_dice(one, one) == (1.0 if one.any() else pytest.approx(np.nan, nan_ok=True))
    np.testing.assert_equal(cl_dice(one, other), cl_dice(other, one))
    assert not cl_dice(one, other) > 1 and not cl_dice(one, other) < 0


def test_a_gap_costs_cl_dice_its_length_and_walls_cost_nothing():
    vessel = np.zeros((9, 9, 60), dtype=bool)
    vessel[2:7, 2:7, 2:58] = True
    thin = np.zeros_like(vessel)
    thin[3:6, 3:6, 2:58] = True
    broken = vessel.copy()
    broken[:, :, 26:34] = False
    assert cl_dice(thin, vessel) > 0.95
    sensitivity = 1 - 8 / np.count_nonzero(centreline(vessel))
    assert cl_dice(broken, vessel) == pytest.approx(2 * sensitivity / (1 + sensitivity), abs=0.02)


def test_cl_dice_lies_near_the_soft_one_of_monai():
    with warnings.catch_warnings():
        # Its imports use what torch and numpy have marked as going.
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch")
        losses = pytest.importorskip("monai.losses")
    vessel = np.zeros((24, 24, 24), dtype=bool)
    vessel[10:12, 10:12, 2:22] = True
    broken = vessel.copy()
    broken[..., 10:13] = False
    soft = [
        torch.from_numpy(np.stack([~mask, mask])[None].astype(np.float32))
        for mask in (vessel, broken)
    ]
    theirs = 1 - losses.SoftclDiceLoss(iter_=4)(*soft).item()
    assert cl_dice(broken, vessel) == pytest.approx(theirs, abs=0.02)


def test_empty_masks_have_no_course():
    empty, full = np.zeros((5, 5, 5), dtype=bool), np.ones((5, 5, 5), dtype=bool)
    assert cl_dice(full, empty) == cl_dice(empty, full) == 0
    assert np.isnan(cl_dice(empty, empty))
