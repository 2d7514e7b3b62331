"""Borders of least energy: what is found costs no more than any mask that it is held against."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from suffice.phantoms import discs
from suffice.segmenters.energy import denoised_odds
from suffice.segmenters.total_variation import denoised, lines

Spacing = tuple[float, ...] | None


def pairs(shape: tuple[int, ...]) -> list[tuple[tuple[int, ...], tuple[int, ...], float]]:
    """Neighbours one by one, and what a border between them adds to its length."""
    found = []
    for place in np.ndindex(shape):
        for offset, part in lines(len(shape)):
            other = tuple(a + b for a, b in zip(place, offset, strict=True))
            if all(0 <= i < n for i, n in zip(other, shape, strict=True)):
                found.append((place, other, part))
    return found


def length(mask: np.ndarray, spacing: Spacing = None) -> float:
    """Of the border by pairs of neighbours, all of one direction at once."""
    # Beyond the picture there is nothing to be parted from.
    here, total = np.pad(mask.astype(np.int8), 1, constant_values=-1), 0.0
    for offset, part in lines(mask.ndim, spacing):
        there = np.roll(here, [-step for step in offset], tuple(range(mask.ndim)))
        total += part * np.count_nonzero((here >= 0) & (there >= 0) & (here != there))
    return total


def least_energy(odds: np.ndarray, weight: float) -> float:
    """Of all masks, by a maximal flow on whole numbers."""
    scale = 2e4
    number = np.arange(odds.size).reshape(odds.shape)
    source, sink = odds.size, odds.size + 1
    edges = [(source, i, value) for i, value in enumerate(odds.ravel()) if value > 0]
    edges += [(i, sink, -value) for i, value in enumerate(odds.ravel()) if value < 0]
    for place, other, part in pairs(odds.shape):
        for one, two in ((place, other), (other, place)):
            edges.append((number[one], number[two], weight * part))
    begin, end, capacity = zip(*edges, strict=True)
    whole = np.round(scale * np.array(capacity)).astype(np.int32)
    graph = csr_array((whole, (begin, end)), shape=(odds.size + 2,) * 2)
    flow = maximum_flow(graph, source, sink).flow_value / scale
    return float(flow - odds[odds > 0].sum(dtype=float))


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


@pytest.mark.parametrize(("seed", "weight"), [(0, 0.5), (1, 2.0), (2, 4.0)])
def test_a_level_set_is_the_mask_that_a_graph_cut_finds(seed: int, weight: float) -> None:
    share = noisy_share(seed)
    odds = np.log(share / (1 - share)).astype(np.float32)
    smooth, _ = denoised(odds, weight, accuracy=1e-3, most_steps=3000)
    # Any level will do: it is that of the odds less as much.
    for level in (0.0, 0.4, -0.3):
        mask = smooth > level
        found = weight * length(mask) - float((odds - level)[mask].sum(dtype=float))
        assert found == pytest.approx(least_energy(odds - level, weight), abs=0.02)


def test_a_border_is_as_long_as_it_is() -> None:
    rows, columns = np.mgrid[:48, :48]
    disc = np.hypot(rows - 23.5, columns - 23.5) < 20
    assert length(disc) == pytest.approx(2 * math.pi * 20, rel=0.05)
    x, y, z = np.mgrid[:15, :15, :15] - 7
    ball = np.sqrt(x**2 + y**2 + z**2) < 6
    assert length(ball) == pytest.approx(4 * math.pi * 36, rel=0.07)


@pytest.mark.parametrize("spacing", [(1.0, 2.5), (3.0, 1.0), (0.5, 0.5, 1.5), (2.0, 4.0, 2.0)])
def test_a_border_is_as_long_on_voxels_of_any_shape(spacing: tuple[float, ...]) -> None:
    finest, ndim = min(spacing), len(spacing)
    radius = 8 * finest
    shape = [2 * math.ceil(radius / s) + 3 for s in spacing]
    middle = [(n - 1) / 2 for n in shape]
    apart = sum(
        ((i - m) * s) ** 2 for i, m, s in zip(np.indices(shape), middle, spacing, strict=True)
    )
    size = {2: 2 * math.pi * 8, 3: 4 * math.pi * 64}[ndim]
    volume = math.prod(s / finest for s in spacing)
    assert length(apart < radius**2, spacing) * volume == pytest.approx(size, rel=0.08)


def test_thick_slices_share_less_of_what_they_show() -> None:
    odds = np.full((9, 9, 2), -1.0, np.float32)
    odds[2:7, 2:7, 0] = 1.0
    drawn = {}
    for thickness in (1.0, 8.0):
        spacing = (1.0, 1.0, thickness)
        smooth, _ = denoised(odds, 0.6, spacing=spacing, accuracy=1e-3, most_steps=3000)
        drawn[thickness] = smooth[4, 4, 0] - smooth[4, 4, 1]
    assert drawn[8.0] > drawn[1.0] + 0.2


def test_the_distance_to_the_minimiser_is_bounded() -> None:
    share = noisy_share(1)
    odds = np.log(share / (1 - share)).astype(np.float32)
    near, distance = denoised(odds, 2.0, accuracy=0.05, most_steps=500)
    nearest, rest = denoised(odds, 2.0, accuracy=1e-3, most_steps=2000)
    assert rest < 1e-3 < distance < 0.05
    assert np.sqrt(np.mean((near - nearest) ** 2)) <= distance + rest
    # What flows between pixels is neither made nor lost.
    assert nearest.mean() == pytest.approx(odds.mean(), abs=1e-4)
