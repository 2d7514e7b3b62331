"""Solids of known volume."""

from __future__ import annotations

import numpy as np
import pytest

from suffice.core import Grid, UsageError
from suffice.phantoms import KINDS, Solid, draw_solid


@pytest.mark.parametrize("kind", KINDS)
def test_volume_equals_that_of_points_thrown_at_random(kind) -> None:
    rng = np.random.default_rng(0)
    solid = draw_solid(rng, kind, (2.0, 2.0, 3.0), is_oblique=True)
    points = rng.uniform(-0.5, np.array(solid.grid.shape) - 0.5, (400_000, 3))
    inside = (solid.distance_mm(points) <= 0).mean()
    box_ml = np.prod(solid.grid.shape) * solid.grid.voxel_volume_ml
    error = 4 * np.sqrt(inside * (1 - inside) / len(points)) * box_ml
    assert inside * box_ml == pytest.approx(solid.volume_ml, abs=error)


@pytest.mark.parametrize("kind", KINDS)
def test_shares_are_whole_away_from_the_surface_and_agree_with_voxels(kind) -> None:
    solid = draw_solid(np.random.default_rng(1), kind, (1.5, 1.5, 1.5))
    shares = solid.shares()
    assert shares.min() == 0 and shares.max() == 1
    assert ((shares > 0.9) <= solid.voxels()).all() and ((shares < 0.1) <= ~solid.voxels()).all()
    # The grid holds all of it.
    rim = np.ones(shares.shape, bool)
    rim[1:-1, 1:-1, 1:-1] = False
    assert shares[rim].max() == 0


def test_the_same_seed_gives_the_same_solid() -> None:
    one, other = (draw_solid(np.random.default_rng(3), "box", (1, 1, 2)) for _ in range(2))
    assert one.sizes_mm == other.sizes_mm and (one.turn == other.turn).all()


def test_a_solid_needs_its_sizes() -> None:
    grid = Grid.from_spacing((4, 4, 4), (1, 1, 1))
    with pytest.raises(UsageError, match="A solid has a kind and its sizes"):
        Solid("ball", (1.0, 2.0), np.eye(3), np.zeros(3), grid)
