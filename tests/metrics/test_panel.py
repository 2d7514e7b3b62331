"""Panels are valid once made, and nothing but their metrics is computed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from suffice.core import Grid, Legend, UsageError
from suffice.metrics import METRICS, POLICIES, EmptyPolicy, Panel, score_case
from suffice.metrics import score as scoring

LEGEND = Legend.from_names({1: "cell", 2: "nucleus"})
VOLUME = Grid.from_spacing((7, 6, 5), (1.0, 0.5, 2.0))
OUTCOMES = {"missed", "false", "absent"}


def values_of(rows, label="cell"):
    return {row.metric: row.value for row in rows if row.label == label}


def boxes(predicted, reference, grid=VOLUME):
    masks = np.zeros((2, *grid.shape), dtype=np.uint8)
    for mask, box in zip(masks, (predicted, reference), strict=True):
        if box is not None:
            mask[box] = 1
    return masks


INNER, OUTER = np.s_[2:4, 2:4, 1:3], np.s_[1:5, 1:5, 1:4]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"names": ()}, "needs a metric"),
        ({"names": ("dise",)}, "got 'dise'. Did you mean dice"),
        ({"names": ("hd96",)}, "Did you mean hd95 or hd"),
        ({"names": ("zzz",)}, "There are dice, iou, nsd"),
        ({"names": ("dice", "dice")}, "names a metric once"),
        ({"names": ("iou", "accuracy")}, "Accuracy says nothing by itself.*Ask for dice"),
        ({"nsd_tolerance_mm": -1.0}, "tolerance must be 0 or more"),
        ({"surface": "voxel"}, "Did you mean voxels"),
    ],
)
def test_panels_that_cannot_be_are_named(wrong, message):
    with pytest.raises(UsageError, match=message):
        Panel(**wrong)


def test_policies_that_cannot_be_are_named():
    with pytest.raises(UsageError, match=r"got brat\. Did you mean brats"):
        EmptyPolicy.named("brat")
    with pytest.raises(UsageError, match="'both_empty' of an EmptyPolicy"):
        EmptyPolicy(both_empty="zero")
    assert EmptyPolicy.named(POLICIES[0]) == EmptyPolicy()


def test_the_rows_are_those_of_the_panel_in_its_order():
    masks = boxes(INNER, OUTER)
    rows = score_case(*masks, VOLUME, LEGEND, panel=Panel.of(["masd", "dice", "volume_error"]))
    assert [row.metric for row in rows if row.label == "cell"] == [
        "missed",
        "masd_mm",
        "dice",
        "volume_error_ml",
        "volume_error_percent",
    ]
    assert "all" not in {row.label for row in rows}
    full = values_of(score_case(*masks, VOLUME, LEGEND, panel=Panel.full()))
    rows_of = {name for metric in METRICS.values() for name in metric.row_names(VOLUME)}
    # No instance matches, so there is no quality of the matches.
    assert rows_of - set(full) == {"accuracy", "sq"}
    assert values_of(rows).items() <= full.items()
    assert full["sensitivity"] == 8 / 48 and full["precision"] == 1
    assert full["hd_mm"] >= full["hd95_mm"] >= full["assd_mm"] > 0


def test_nothing_is_computed_that_is_not_asked_for(monkeypatch):
    def never(*_args, **_kwargs):
        raise AssertionError

    for name in ("surface_distances", "cl_dice", "instance_values", "accuracy"):
        monkeypatch.setattr(scoring, name, never)
    rows = score_case(*boxes(INNER, OUTER), VOLUME, LEGEND, panel=Panel.of(["dice", "kappa"]))
    assert set(values_of(rows)) == {"missed", "dice", "kappa"}


def test_voxel_surfaces_by_name():
    masks = boxes(INNER, OUTER)
    by_name = [
        values_of(score_case(*masks, VOLUME, LEGEND, panel=Panel(names=("assd",), surface=surface)))
        for surface in ("elements", "voxels")
    ]
    assert by_name[0]["assd_mm"] != by_name[1]["assd_mm"]


BEST = {name: METRICS[name].best for name in METRICS if METRICS[name].kind != "whole"}
DIAGONAL = math.hypot(7.0, 3.0, 10.0)


@pytest.mark.parametrize("name", POLICIES)
def test_each_policy_is_as_documented(name):
    panel = Panel(names=("dice", "hd95", "sensitivity"), empty=EmptyPolicy.named(name))
    cases = {"both": (None, None), "false": (INNER, None), "missed": (None, INNER)}
    found = {
        case: values_of(score_case(*boxes(*pair), VOLUME, LEGEND, panel=panel))
        for case, pair in cases.items()
    }
    far = DIAGONAL if name == "brats" else math.inf
    perfect = {"dice": 1, "hd95_mm": 0, "sensitivity": 1} if name in ("perfect", "brats") else {}
    false = {} if name == "monai" else {"dice": 0, "hd95_mm": pytest.approx(far)}
    assert found["both"] == {"false": 0, "absent": 1, **perfect}
    assert found["false"] == {"false": 1, "absent": 0, **false}
    missed = {"dice": 0, "hd95_mm": pytest.approx(far), "sensitivity": 0}
    assert found["missed"] == {"missed": 1, **missed}


def test_perfect_is_the_best_value_of_every_metric():
    panel = Panel(names=tuple(BEST), empty=EmptyPolicy.named("perfect"))
    found = values_of(score_case(*boxes(None, None), VOLUME, LEGEND, panel=panel))
    same = values_of(score_case(*boxes(OUTER, OUTER), VOLUME, LEGEND, panel=panel))
    assert {k: v for k, v in found.items() if k not in OUTCOMES} == {
        k: v for k, v in same.items() if k not in OUTCOMES
    }


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([Grid((5, 4)), Grid.from_spacing((4, 3, 3), (1, 2, 0.5))]).flatmap(
        lambda grid: st.tuples(
            st.just(grid), *(arrays(np.uint8, grid.shape, elements=st.integers(0, 2)),) * 2
        )
    )
)
def test_every_value_lies_in_the_range_of_its_metric(drawn):
    grid, predicted, reference = drawn
    names = {name: metric for metric in METRICS.values() for name in metric.row_names(grid)}
    for row in score_case(predicted, reference, grid, LEGEND, panel=Panel.full()):
        assert not math.isnan(row.value)
        if row.metric in names:
            metric = names[row.metric]
            assert metric.low - 1e-12 <= row.value <= metric.high + 1e-12
            assert math.isfinite(row.value) or metric.unit in ("length", "size")
