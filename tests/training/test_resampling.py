"""Resampling between grids over the same space."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from suffice.training.resampling import (
    MAX_LINEAR_SHRINK,
    axis_weights,
    resample_image,
    resample_labels,
    resample_slabs,
)

lengths = st.integers(1, 40)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_same_shape_is_the_same_to_the_bit() -> None:
    image = noise(2, 7, 8, 9)
    np.testing.assert_array_equal(resample_image(image, (7, 8, 9)), image)
    labels = np.random.default_rng(0).integers(0, 4, (7, 8, 9))
    np.testing.assert_array_equal(resample_labels(labels, (7, 8, 9), 4), labels)


@settings(max_examples=30, deadline=None)
@given(n_in=lengths, n_out=lengths)
def test_weights_of_each_new_voxel_sum_to_one(n_in: int, n_out: int) -> None:
    weights = axis_weights(n_in, n_out)
    assert weights.shape == (n_out, n_in)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(n_out))


@settings(max_examples=30, deadline=None)
@given(n_in=st.integers(4, 40), n_out=st.integers(2, 40))
def test_a_ramp_stays_a_ramp_in_the_same_space(n_in: int, n_out: int) -> None:
    ramp = (np.arange(n_in) + 0.5) / n_in
    expected = (np.arange(n_out) + 0.5) / n_out
    got = resample_image(ramp[None], (n_out,))[0]
    inside = (expected >= ramp[0]) & (expected <= ramp[-1])
    # A mean over parts of voxels takes each of them for flat.
    within = 1e-5 if n_in / n_out <= MAX_LINEAR_SHRINK or n_in % n_out == 0 else 0.25 / n_in
    np.testing.assert_allclose(got[inside], expected[inside], atol=within)


@pytest.mark.parametrize("n_out", [3, 7, 14, 19])
def test_averaging_keeps_the_mean(n_out: int) -> None:
    image = noise(1, 30)
    assert resample_image(image, (n_out,)).mean() == pytest.approx(image.mean(), abs=1e-6)


def test_linear_where_torch_is() -> None:
    image = noise(2, 9, 8, 7)
    expected = F.interpolate(torch.from_numpy(image)[None], (12, 8, 5), mode="trilinear")[0]
    np.testing.assert_allclose(resample_image(image, (12, 8, 5)), expected, atol=1e-5)


def test_fine_stripes_do_not_alias() -> None:
    stripes = np.tile([0.0, 0.0, 1.0], 40)[None]
    np.testing.assert_allclose(resample_image(stripes, (40,)), 1 / 3, atol=1e-6)


def test_labels_fill_the_same_space() -> None:
    labels = np.zeros((12, 10), np.int64)
    labels[3:9, 2:8] = 2
    grown = resample_labels(labels, (24, 30), 3)
    assert grown.dtype == np.uint8
    expected = np.zeros((24, 30), np.uint8)
    expected[6:18, 6:24] = 2
    corners = np.ix_([6, 17], [6, 23])
    assert (grown[corners] == 0).all()
    grown[corners] = 2
    np.testing.assert_array_equal(grown, expected)
    np.testing.assert_array_equal(resample_labels(grown, (12, 10), 3), labels)


@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(lengths, st.integers(1, 6), st.integers(1, 6)),
    shape_out=st.tuples(lengths, st.integers(1, 6), st.integers(1, 6)),
    cuts=st.sets(st.integers(1, 39), max_size=5),
    axis=st.integers(0, 2),
)
def test_slab_by_slab_is_the_whole_image(
    shape: tuple[int, ...], shape_out: tuple[int, ...], cuts: set[int], axis: int
) -> None:
    shape, shape_out = np.roll(shape, axis).tolist(), np.roll(shape_out, axis).tolist()
    image = noise(2, *shape)
    edges = [0, *sorted(c for c in cuts if c < shape[axis]), shape[axis]]
    parts = [
        (a, b, torch.from_numpy(image.take(range(a, b), 1 + axis)))
        for a, b in itertools.pairwise(edges)
    ]
    got = np.full((2, *shape_out), np.nan)
    for begin, end, part in resample_slabs(parts, axis, shape, shape_out):
        got[(slice(None), *(slice(None),) * axis, slice(begin, end))] = part
    np.testing.assert_allclose(got, resample_image(image, shape_out), atol=1e-5)
