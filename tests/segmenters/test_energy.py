"""Borders of least energy: what is found costs no more than any mask that it is held against."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.phantoms import discs
from suffice.segmenters.energy import denoised_odds
from suffice.segmenters.total_variation import denoised, lines


def length(mask: np.ndarray) -> float:
    """Of the border by pairs of neighbours, counted pixel by pixel."""
    total = 0.0
    for place in np.ndindex(mask.shape):
        for offset, part in lines(mask.ndim):
            other = tuple(a + b for a, b in zip(place, offset, strict=True))
            if all(0 <= i < n for i, n in zip(other, mask.shape, strict=True)):
                total += part * float(mask[place] != mask[other])
    return total


def noisy_share(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    share = np.clip(0.5 + 0.3 * (discs(rng, (24, 24)).truth.array - 0.5), 0.01, 0.99)
    return np.asarray(np.clip(share + rng.normal(0, 0.15, share.shape), 0.01, 0.99))


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 999), weight=st.floats(0.2, 4))
def test_denoised_odds_cost_less_energy_than_the_odds(seed: int, weight: float) -> None:
    share = noisy_share(seed)
    logs = np.log(np.stack([1 - share, share])).astype(np.float32)
    smooth = denoised_odds(logs, weight, 6.0)
    np.testing.assert_allclose(smooth[0], -smooth[1])
    odds = logs[1] - logs[0]

    def energy(mask: np.ndarray) -> float:
        """Length of the border against the odds of what is inside."""
        return weight * length(mask) - float(odds[mask].sum(dtype=float))

    found = energy(smooth[1] > 0)
    for other in (odds > 0, odds > 1, share > 2, share < 2):
        assert found <= energy(other) + 1e-3


def test_a_border_is_as_long_as_it_is() -> None:
    rows, columns = np.mgrid[:48, :48]
    disc = np.hypot(rows - 23.5, columns - 23.5) < 20
    assert length(disc) == pytest.approx(2 * math.pi * 20, rel=0.05)
    x, y, z = np.mgrid[:15, :15, :15] - 7
    ball = np.sqrt(x**2 + y**2 + z**2) < 6
    assert length(ball) == pytest.approx(4 * math.pi * 36, rel=0.07)


def test_the_distance_to_the_minimiser_is_bounded() -> None:
    share = noisy_share(1)
    odds = np.log(share / (1 - share)).astype(np.float32)
    near, distance = denoised(odds, 2.0, accuracy=0.05, most_steps=500)
    nearest, rest = denoised(odds, 2.0, accuracy=1e-3, most_steps=2000)
    assert rest < 1e-3 < distance < 0.05
    assert np.sqrt(np.mean((near - nearest) ** 2)) <= distance + rest
    # What flows between pixels is neither made nor lost.
    assert nearest.mean() == pytest.approx(odds.mean(), abs=1e-4)
