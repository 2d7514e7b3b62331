"""Made-up masks that several tests of metrics share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree


@pytest.fixture
def instance_map_pairs():
    """A maker of pairs of maps of instances: touching cells, noise, and empty ones, 2D and 3D."""
    return _instance_map_pairs


def _instance_map_pairs(n, seed=0, *, noise=True):
    rng = np.random.default_rng(seed)
    for i in range(n):
        shape = (13, 17) if i % 2 else (8, 9, 7)
        if noise and i % 5 == 0:
            yield tuple(rng.integers(0, 6, shape) for _ in range(2))
            continue
        seeds = rng.uniform(0, shape, (rng.integers(1, 8), len(shape)))
        moved = seeds + rng.normal(0, rng.choice([0.3, 1.0, 2.0]), seeds.shape)
        extra = rng.uniform(0, shape, (rng.integers(0, 3), len(shape)))
        moved = np.concatenate([moved[rng.random(len(moved)) > 0.15], extra])
        field = ndimage.gaussian_filter(rng.normal(size=shape), 2.0)
        level = np.quantile(field, rng.uniform(0, 0.8))
        other = field + rng.normal(0, 0.3 * field.std(), shape)
        yield _cells(moved, other > level, rng), _cells(seeds, field > level, rng)


def _cells(seeds, mask, rng):
    """Cells nearest to each seed, numbered with gaps and in random order."""
    if not len(seeds):
        return np.zeros(mask.shape, dtype=np.int64)
    voxels = np.stack(np.indices(mask.shape), axis=-1).reshape(-1, mask.ndim)
    nearest = cKDTree(seeds).query(voxels)[1].reshape(mask.shape)
    names = rng.permutation(3 * len(seeds))[: len(seeds)] + 1
    return np.where(mask, names[nearest], 0)
