"""Rows of the instance metrics: their names, what is undefined, and how a panel asks for them."""

from __future__ import annotations

import numpy as np
import pytest

from suffice.core import GeometryError, Grid, Legend, UsageError
from suffice.metrics import Panel, score_case
from suffice.metrics.instance_scores import score_instances
from suffice.metrics.instance_values import INSTANCE_METRICS
from suffice.metrics.instances import components

GRID = Grid((1, 8))
ONE = np.array([[1, 1, 0, 0, 0, 2, 2, 2]])
NONE = np.zeros_like(ONE)


def values_of(rows):
    return {row.metric: row.value for row in rows}


def test_every_metric_has_a_row_in_order():
    rows = score_instances(ONE, ONE, GRID, label="cell")
    assert tuple(row.metric for row in rows) == INSTANCE_METRICS
    assert {row.label for row in rows} == {"cell"}
    assert {row.value for row in rows if row.metric != "count_error"} == {1.0}
    chosen = score_instances(ONE, ONE, GRID, metrics=("aji", "pq"))
    assert [row.metric for row in chosen] == ["aji", "pq"]


def test_what_is_undefined_has_no_row():
    assert values_of(score_instances(NONE, NONE, GRID)) == {"count_error": 0}
    missed = values_of(score_instances(NONE, ONE, GRID))
    assert set(INSTANCE_METRICS) - set(missed) == {"sq", "lesion_precision"}
    assert missed.pop("count_error") == -2
    assert set(missed.values()) == {0.0}
    false = values_of(score_instances(ONE, NONE, GRID))
    assert set(INSTANCE_METRICS) - set(false) == {"sq", "lesion_sensitivity"}


def test_small_instances_can_be_left_out():
    values = values_of(score_instances(ONE, np.where(ONE == 2, 2, 0), GRID, smallest_voxels=3))
    assert values["pq"] == 1 and values["count_error"] == 0


def test_a_panel_scores_the_pieces_of_masks():
    rng = np.random.default_rng(0)
    masks = [rng.integers(0, 2, (12, 12)) for _ in range(2)]
    panel = Panel.of(["dice", *INSTANCE_METRICS])
    rows = score_case(*masks, Grid((12, 12)), Legend.from_names({1: "cell"}), panel=panel)
    found = values_of(rows)
    pieces = [components(mask > 0) for mask in masks]
    expected = values_of(score_instances(*pieces, Grid((12, 12))))
    assert {name: found[name] for name in expected} == expected


def test_bad_input_is_named():
    with pytest.raises(GeometryError, match="predicted map does not fit the grid"):
        score_instances(ONE[:, 1:], ONE, GRID)
    with pytest.raises(UsageError, match="Unknown instance metric: got ap50, expected pq, sq"):
        score_instances(ONE, ONE, GRID, metrics=("ap50",))
