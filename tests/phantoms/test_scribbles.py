"""Strokes: thin, true, in every class, and drawn slice by slice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from suffice.core import Grid, LabelMap, Legend, UsageError
from suffice.phantoms import ball, discs, scribble


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_strokes_say_nothing_that_the_mask_does_not(seed: int) -> None:
    truth = discs(np.random.default_rng(seed)).truth
    strokes = scribble(truth, np.random.default_rng(seed))
    unlabelled = strokes.unlabelled
    assert unlabelled is not None and unlabelled.mean() > 0.9
    np.testing.assert_array_equal(strokes.array[~unlabelled], truth.array[~unlabelled])
    assert set(np.unique(strokes.array)) == {0, 1, strokes.legend.ignore}


def test_a_stroke_lies_in_the_middle_of_a_bar() -> None:
    array = np.zeros((40, 60), np.uint8)
    array[10:21, 10:50] = 3
    truth = LabelMap(array, Grid((40, 60)), Legend.from_names({3: "bar"}))
    strokes = scribble(truth, np.random.default_rng(0), ignore=9)
    middle = np.argwhere(strokes.array == 3)
    depth = ndimage.distance_transform_edt(array)
    assert np.median(depth[tuple(middle.T)]) >= 5
    assert strokes.legend.ignore == 9


def test_volumes_are_drawn_on_across_their_thickest_axis() -> None:
    truth = ball(6.0, Grid.from_spacing((8, 20, 20), (3.0, 1.0, 1.0))).truth
    strokes = scribble(truth, np.random.default_rng(0), every=4)
    unlabelled = strokes.unlabelled
    assert unlabelled is not None
    assert np.flatnonzero(~unlabelled.all((1, 2))).tolist() == [2, 6]
    with pytest.raises(UsageError, match="every so many slices"):
        scribble(truth, np.random.default_rng(0), every=0)
