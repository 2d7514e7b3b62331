"""Volumes of solids of known size: how far off, and how often their intervals hold.

Three things: whole voxels and shares of voxels at many spacings; the interval for the size of the
voxels alone; and the interval for a model's own error, from models that err by a layer that is
too thick or thin, by a shift of the border that varies from case to case, and by a wavy outline,
learned on held-back solids and judged on 200 fresh ones. Single threaded, about ten minutes.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from machine import describe_machine
from suffice.core import LabelMap, Legend
from suffice.measure import measure_mask, rounding_interval, structure_of
from suffice.phantoms import KINDS, Solid, draw_solid
from suffice.quality import VolumeErrors

RESULTS = Path(__file__).parent / "results"
LEGEND = Legend.from_names({1: "solid"})
SPACINGS = (
    (0.5, 0.5, 0.5),
    (1.0, 1.0, 1.0),
    (2.0, 2.0, 2.0),
    (4.0, 4.0, 4.0),
    (0.7, 0.7, 2.5),
    (0.8, 0.8, 5.0),
    (3.0, 1.0, 1.0),
)
N_FRESH = 200
N_PER_SPACING = 5
LEVEL = 0.9

# Mean and spread over cases of how far the border lies outside, and height of its waves, in mm.
MODELS = {
    "good": (0.0, 0.15, 0.3),
    "draws too little": (-0.6, 0.25, 0.5),
    "draws too much": (0.5, 0.25, 0.5),
    "unsure": (0.0, 0.7, 1.0),
}
HELD_BACK = (4, 9, 19, 40)


def draw(rng: np.random.Generator, i: int, kind: str, spacing: tuple[float, ...]) -> Solid:
    """Every other solid lies on an oblique grid, and every third along its planes."""
    radius = (5.0, 15.0)
    return draw_solid(
        rng, kind, spacing, radius_mm=radius, is_turned=i % 3 > 0, is_oblique=i % 2 > 0
    )


def sizes(rng: np.random.Generator) -> Iterator[dict[str, object]]:
    """Error of a count of voxels and of a sum of shares."""
    for kind, spacing in itertools.product(KINDS, SPACINGS):
        for i in range(N_PER_SPACING):
            solid = draw(rng, i, kind, spacing)
            shares = solid.shares()
            mask = LabelMap((shares >= 0.5).astype(np.uint8), solid.grid, LEGEND)
            found = {
                m.name: m.value
                for m in measure_mask(mask, probabilities=np.stack([1 - shares, shares]))
            }
            yield {
                "part": "sizes",
                "kind": kind,
                "spacing_mm": "x".join(f"{s:g}" for s in spacing),
                "volume_ml": solid.volume_ml,
                "voxels_percent": 100 * (found["volume_ml"] / solid.volume_ml - 1),
                "shares_percent": 100 * (found["volume_soft_ml"] / solid.volume_ml - 1),
            }


def rounding(rng: np.random.Generator) -> Iterator[dict[str, object]]:
    """Whether the interval for the size of the voxels alone holds."""
    for kind in KINDS:
        for i in range(N_FRESH):
            spacing = SPACINGS[1:][i % (len(SPACINGS) - 1)]
            solid = draw(rng, i, kind, spacing)
            structure = structure_of("solid", solid.voxels(), solid.grid)
            low, high = rounding_interval(structure, LEVEL)
            yield {
                "part": "rounding",
                "kind": kind if kind != "box" or i % 3 else "box along the planes",
                "volume_ml": solid.volume_ml,
                "held": low <= solid.volume_ml <= high,
                "width_percent": 100 * (high - low) / 2 / solid.volume_ml,
            }


def predicted_ml(solid: Solid, rng: np.random.Generator, model: tuple[float, ...]) -> float:
    """Volume of what a model that errs would draw of a solid."""
    bias, spread, wave = model
    waves = ndimage.gaussian_filter(rng.standard_normal(solid.grid.shape), 2.0)
    outside = rng.normal(bias, spread) + wave * waves / waves.std()
    drawn = solid.voxel_distances_mm() <= outside
    return float(np.count_nonzero(drawn)) * float(solid.grid.voxel_volume_ml or 0.0)


def errors(rng: np.random.Generator, model: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and true volumes of ``n`` solids of all kinds, spacings and sizes."""
    found = []
    for _ in range(n):
        kind = KINDS[rng.integers(len(KINDS))]
        spacing = SPACINGS[1:][rng.integers(len(SPACINGS) - 1)]
        solid = draw(rng, int(rng.integers(6)), kind, spacing)
        found.append((predicted_ml(solid, rng, MODELS[model]), solid.volume_ml))
    predicted, true = np.array(found).T
    return predicted, true


def intervals(rng: np.random.Generator) -> Iterator[dict[str, object]]:
    """Whether the interval for a model's own error holds for fresh solids."""
    for model, n_held_back in itertools.product(MODELS, HELD_BACK):
        held_back = errors(rng, model, n_held_back)
        known = VolumeErrors(*held_back, [str(i) for i in range(n_held_back)])
        for predicted, true in zip(*errors(rng, model, N_FRESH), strict=True):
            found = known.interval(float(predicted)) if predicted > 0 else None
            if found is None:
                continue
            yield {
                "part": "intervals",
                "kind": model,
                "n_held_back": n_held_back,
                "level": found.level,
                "volume_ml": true,
                "voxels_percent": 100 * (predicted / true - 1),
                "held": found.low <= true <= found.high,
                "width_percent": 100 * (found.high - found.low) / 2 / true,
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for part in (sizes, rounding, intervals):
        rows += part(np.random.default_rng([options.seed, len(rows)]))
        print(part.__name__, len(rows), flush=True)
    options.results.mkdir(exist_ok=True)
    table = pd.DataFrame(rows).round(4)
    about = {"seed": options.seed, "suffice": version("suffice"), **describe_machine()}
    table.assign(**about).to_csv(options.results / "volumes.csv", index=False)


if __name__ == "__main__":
    main()
