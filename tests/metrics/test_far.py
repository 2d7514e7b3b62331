"""Ways between surfaces that are few or far: the same distances as by every other way."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from suffice.metrics import distance, few, surface_distances
from suffice.metrics.axes import axis_order, distances_by_axes


@st.composite
def cells(draw, n_axes):
    """Some cells, anywhere in a box that lies anywhere."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sides = rng.integers(1, 12, n_axes)
    n = draw(st.integers(1, 40))
    return rng.integers(0, sides, (n, n_axes)).T + rng.integers(-20, 20, (n_axes, 1))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([2, 3]))
def test_any_order_of_the_axes_gives_the_distances_of_every_pair(data, n_axes):
    start, goals = (data.draw(cells(n_axes)) for _ in range(2))
    spacing = tuple(data.draw(st.sampled_from([0.3, 1.0, 4.5])) for _ in range(n_axes))
    scale = np.array(spacing)
    expected = cdist(start.T * scale, goals.T * scale).min(axis=1)
    for order in itertools.permutations(range(n_axes)):
        found = distances_by_axes(start, goals, spacing, order)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_the_order_is_that_of_the_fewest_sums():
    start = np.array([[0, 9], [0, 0], [0, 99]])
    # Ten planes of one line, each with the cost of a call; then a hundred places a plane.
    assert axis_order(start, start) == ((0, 1, 2), 10 * (100 + 100 + 1000) + 10 * 100 + 10 * 2)


def balls(n, *radii):
    away = np.sqrt(
        sum(np.square(np.ogrid[tuple(slice(n) for _ in range(3))][a] - n / 2) for a in range(3))
    )
    return [away < radius for radius in radii]


@pytest.mark.parametrize("radii", [(18, 5), (5, 18)])
@pytest.mark.parametrize("definition", ["elements", "voxels"])
def test_nested_balls_by_axes_and_by_transform(monkeypatch, radii, definition):
    by_axes = surface_distances(*balls(40, *radii), (1.0, 1.5, 0.7), definition=definition)
    monkeypatch.setattr(distance, "_SUMS_A_SEARCH", 0)
    by_others = surface_distances(*balls(40, *radii), (1.0, 1.5, 0.7), definition=definition)
    np.testing.assert_allclose(by_axes.predicted_mm, by_others.predicted_mm, rtol=1e-12)
    np.testing.assert_allclose(by_axes.reference_mm, by_others.reference_mm, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.sampled_from(["elements", "voxels"]))
def test_few_points_are_as_far_apart_as_on_a_lattice(seed, n_axes, definition):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 9, n_axes))
    masks = [rng.random(shape) < share for share in rng.uniform(0.05, 0.6, 2)]
    spacing = tuple(rng.uniform(0.3, 4.0, n_axes))
    direct = surface_distances(*masks, spacing, definition=definition)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(few, "_PLACES", 0)
        stepped = surface_distances(*masks, spacing, definition=definition)
    np.testing.assert_allclose(direct.predicted_mm, stepped.predicted_mm, rtol=1e-12)
    np.testing.assert_allclose(direct.reference_mm, stepped.reference_mm, rtol=1e-12)
    for percent, tolerance in ((95, 1.0), (100, 2.5)):
        assert direct.hausdorff(percent) == pytest.approx(stepped.hausdorff(percent), nan_ok=True)
        assert direct.surface_dice(tolerance) == pytest.approx(
            stepped.surface_dice(tolerance), nan_ok=True
        )
