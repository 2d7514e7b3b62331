"""The cardiothoracic ratio of drawn pictures."""

from __future__ import annotations

import numpy as np
import pytest

from suffice.core import Grid, LabelMap, Legend
from suffice.measure import measure_mask

LEGEND = Legend.from_names({1: "right lung", 2: "left lung", 3: "heart"})


def chest(grid: Grid, heart: slice) -> LabelMap:
    array = np.zeros(grid.shape, np.uint8)
    array[10:60, 10:35] = 1
    array[12:62, 55:90] = 2
    array[40:58, heart] = 3
    return LabelMap(array, grid, LEGEND)


def found(mask: LabelMap) -> dict[str, float]:
    return {m.name: m.value for m in measure_mask(mask) if m.label == "heart"}


def test_ratio_and_widths_in_the_unit_that_is_known() -> None:
    pixels = found(chest(Grid((70, 100)), slice(30, 66)))
    assert pixels["cardiothoracic_ratio"] == pytest.approx(36 / 80)
    assert (pixels["width_px"], pixels["thorax_width_px"]) == (36, 80)
    assert "area_px" in pixels and not any(name.endswith("mm2") for name in pixels)
    spaced = found(chest(Grid((70, 100), pixel_spacing_mm=(2.0, 4.0)), slice(30, 66)))
    assert spaced["cardiothoracic_ratio"] == pytest.approx(36 / 80)
    assert (spaced["width_mm"], spaced["thorax_width_mm"]) == (144, 320)


def test_no_ratio_where_it_means_nothing() -> None:
    beside = found(chest(Grid((70, 100)), slice(80, 98)))
    assert "cardiothoracic_ratio" not in beside
    alone = chest(Grid((70, 100)), slice(30, 66))
    lungs = LabelMap(np.where(alone.array == 3, 0, alone.array), alone.grid, LEGEND)
    assert "cardiothoracic_ratio" not in found(lungs)
    heart = LabelMap(np.where(alone.array == 3, 3, 0).astype(np.uint8), alone.grid, LEGEND)
    assert "cardiothoracic_ratio" not in found(heart)
    volume = np.repeat(alone.array[..., None], 3, axis=2)
    grid = Grid.from_spacing(volume.shape, (1, 1, 1))
    assert "cardiothoracic_ratio" not in found(LabelMap(volume, grid, LEGEND))
