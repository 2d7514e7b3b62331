"""Values of MetricsReloaded, which does not install by name, on 240 pairs of masks.

`metrics_reloaded.csv` holds what the methods of its public source (Apache-2.0) gave for the pairs
made here, with voxels for surfaces and pieces that touch by a face, as it has them. Of precision,
F1 of lesions and clDice its definitions are others, see the page on metrics.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from suffice.core import Grid
from suffice.metrics import Overlap, components, score_instances, surface_distances

VALUES = Path(__file__).with_name("metrics_reloaded.csv")
OVERLAP = ("dice", "iou", "sensitivity", "precision", "specificity", "accuracy", "kappa")


def blob(rng, shape, sigma, share):
    field = ndimage.gaussian_filter(rng.standard_normal(shape), sigma)
    return field > np.quantile(field, 1 - share)


def hollow(rng, shape):
    """A ball, and a larger one with a hole."""
    middle = np.array(shape).reshape(-1, *(1,) * len(shape)) / 2
    away = np.sqrt(((np.indices(shape) - middle) ** 2).sum(axis=0))
    radius = min(shape) / 3
    return away < radius, (away < radius + 1) & (away > rng.integers(0, 3))


def cut(shape):
    """A thin bar, and one with a gap and moved aside."""
    bar = np.zeros(shape, dtype=bool)
    bar[(slice(2, 4),) * (len(shape) - 1) + (slice(1, -1),)] = True
    gap = bar.copy()
    gap[..., 6:8] = False
    return bar, np.roll(gap, 1, axis=0)


def pair(rng, kind, shape):
    axes = tuple(range(len(shape)))
    if kind == 0:
        one = blob(rng, shape, 2, 0.2)
        return one, np.roll(one, rng.integers(-2, 3, len(shape)), axes)
    if kind == 1:
        return blob(rng, shape, 1, 0.15), blob(rng, shape, 1, 0.15)
    if kind == 2:
        return rng.random(shape) < 0.1, rng.random(shape) < 0.2
    if kind == 3:
        return hollow(rng, shape)
    if kind == 4:
        return cut(shape)
    full = np.ones(shape, dtype=bool)
    full.flat[0] = False
    return blob(rng, shape, 1.5, 0.9), full


def pairs():
    """Two masks and a spacing: blobs, noises, balls, bars and nearly full ones, in 2D and 3D."""
    for i in range(240):
        rng = np.random.default_rng([3, i])
        n_axes = 2 + (i + 1) % 2
        bounds = (18, 44) if n_axes == 2 else (10, 22)
        shape = tuple(int(n) for n in rng.integers(*bounds, n_axes))
        spacing = tuple(float(s) for s in rng.choice([0.5, 0.7, 1.0, 1.3, 3.0], n_axes))
        yield (*pair(rng, i // 2 % 6, shape), spacing)


def ours(predicted, reference, spacing):
    overlap = Overlap.of(predicted, reference)
    found = {name: getattr(overlap, name) for name in OVERLAP}
    found["volume_error_percent"] = overlap.excess_percent
    surfaces = surface_distances(predicted, reference, spacing, definition="voxels")
    found |= {
        "hd": surfaces.hausdorff(),
        "hd95": surfaces.hausdorff(95),
        "assd": surfaces.average_symmetric(),
        "masd": surfaces.mean_average(),
        "nsd_1mm": surfaces.surface_dice(1.0),
        "nsd_2mm": surfaces.surface_dice(2.0),
    }
    grid = (
        Grid(predicted.shape)
        if predicted.ndim == 2
        else Grid.from_spacing(predicted.shape, spacing)
    )
    maps = [components(mask, "faces") for mask in (predicted, reference)]
    rows = {row.metric: row.value for row in score_instances(*maps, grid)}
    return found | {name: rows.get(name, math.nan) for name in ("lesion_sensitivity", "pq", "rq")}


def test_values_equal_those_of_metrics_reloaded():
    table = pd.read_csv(VALUES)
    assert len(table) == 240
    for (predicted, reference, spacing), (_, row) in zip(pairs(), table.iterrows(), strict=True):
        # The masks are those that were scored.
        assert (predicted.sum(), reference.sum()) == (row["n_predicted"], row["n_reference"])
        for name, value in ours(predicted, reference, spacing).items():
            theirs = row[name]
            if name in ("pq", "rq") and math.isnan(theirs):
                continue  # too many pieces for its loops, or no pair: not a number there, 0 here
            # It counts voxels in single precision.
            assert value == pytest.approx(theirs, abs=2e-6, rel=1e-6, nan_ok=True), name
