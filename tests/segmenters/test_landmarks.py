"""Landmarks of brightness: monotone, undoing what a scanner did to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.core import CohortError, Grid, Image, ModelError
from suffice.segmenters.landmarks import LEVELS, Landmarks


def scan(seed: int, power: float = 1.0, gain: float = 1.0, offset: float = 0.0) -> Image:
    """Three tissues in a smooth mixture, seen through a curve."""
    rng = np.random.default_rng(seed)
    tissues = rng.choice([60.0, 120.0, 190.0], (48, 48), p=[0.3, 0.5, 0.2])
    values = np.clip(tissues + rng.normal(0, 12, tissues.shape), 1, 255) / 255
    return Image((offset + gain * values**power)[None].astype(np.float32), Grid((48, 48)))


@settings(max_examples=20, deadline=None)
@given(power=st.floats(0.4, 2.5), gain=st.floats(0.1, 1000.0), offset=st.floats(-500.0, 500.0))
def test_a_scan_seen_through_a_curve_comes_back(power: float, gain: float, offset: float) -> None:
    landmarks = Landmarks.of([scan(seed) for seed in range(4)])
    plain = scan(9).array
    back = landmarks.matched(scan(9, power, gain, offset)).array
    assert back.dtype == np.float32
    assert np.abs(back - plain).mean() < 0.03
    order = plain.ravel().argsort()
    assert (np.diff(back.ravel()[order]) >= -1e-3).all()


def test_landmarks_are_those_that_were_asked_for() -> None:
    landmarks = Landmarks.of([scan(0), scan(1, gain=3.0)])
    found = landmarks.matched(scan(5, power=2.0))
    above = found.array[found.array > found.array.min()]
    np.testing.assert_allclose(np.percentile(above, LEVELS), landmarks.values[0], rtol=0.02)


def test_padding_is_no_brightness() -> None:
    landmarks = Landmarks.of([scan(0)])
    padded = scan(1).array.copy()
    padded[:, :30] = 0.0
    bare = Image(padded[:, 30:].copy(), Grid((18, 48)))
    whole = Image(padded, Grid((48, 48)))
    np.testing.assert_allclose(
        landmarks.matched(whole).array[:, 30:], landmarks.matched(bare).array, atol=0.02
    )


def test_a_flat_scan_stays() -> None:
    flat = Image(np.full((1, 8, 8), 3, np.uint8), Grid((8, 8)))
    np.testing.assert_array_equal(Landmarks.of([scan(0)]).matched(flat).array, 3.0)


def test_other_channels_are_refused() -> None:
    two = Image(np.zeros((2, 48, 48), np.float32), Grid((48, 48)))
    with pytest.raises(CohortError, match="got 1, 2 channels"):
        Landmarks.of([scan(0), two])
    with pytest.raises(CohortError, match="got no channels"):
        Landmarks.of([])
    with pytest.raises(ModelError, match="got 2 channels, expected 1"):
        Landmarks.of([scan(0)]).matched(two)
