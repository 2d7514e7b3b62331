"""The rows of a case, the empty-mask policy and the laws of overlap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from suffice.core import GeometryError, Grid, LabelError, Legend, UsageError
from suffice.metrics import Overlap, Panel, score_case

LEGEND = Legend.from_names({1: "left", 300: "right"})
GRID = Grid.from_spacing((6, 6, 4), (1.0, 1.0, 2.5))
MASKS = arrays(bool, (5, 4))


def values_of(rows, label):
    return {row.metric: row.value for row in rows if row.label == label}


def blocks(*, left, right):
    mask = np.zeros(GRID.shape, dtype=np.uint16)
    mask[left] = 1
    mask[right] = 300
    return mask


@settings(max_examples=50, deadline=None)
@given(MASKS, MASKS)
def test_overlap_is_symmetric_and_dice_follows_from_iou(one, other):
    there, back = Overlap.of(one, other), Overlap.of(other, one)
    np.testing.assert_equal(there.dice, back.dice)
    if one.any() or other.any():
        assert there.dice == pytest.approx(2 * there.iou / (1 + there.iou))


def test_each_label_has_its_own_rows():
    reference = blocks(left=np.s_[0:2, :, :], right=np.s_[4:6, :, :])
    predicted = blocks(left=np.s_[0:3, :, :], right=np.s_[4:6, :, :])
    rows = score_case(predicted, reference, GRID, LEGEND)
    left, right = values_of(rows, "left"), values_of(rows, "right")
    assert left["dice"] == pytest.approx(0.8)
    assert left["iou"] == pytest.approx(2 / 3)
    assert left["volume_error_ml"] == pytest.approx(24 * 0.0025)
    assert left["volume_error_percent"] == pytest.approx(50)
    assert left["hd95_mm"] == pytest.approx(1.0)
    assert right["dice"] == right["nsd"] == 1
    assert right["assd_mm"] == 0
    assert values_of(rows, "all") == {"accuracy": pytest.approx(120 / 144)}


def test_both_empty_is_correctly_absent_and_has_no_dice():
    empty = np.zeros(GRID.shape, dtype=np.uint8)
    rows = score_case(empty, empty, GRID, LEGEND)
    assert values_of(rows, "left") == {"false": 0, "absent": 1}


@pytest.mark.parametrize(
    ("swap", "outcome", "percent"),
    [(False, {"missed": 1}, -100), (True, {"false": 1, "absent": 0}, np.inf)],
)
def test_one_empty_is_dice_0_and_infinitely_far(swap, outcome, percent):
    empty = np.zeros(GRID.shape, dtype=np.uint8)
    full = blocks(left=np.s_[0:2, :, :], right=np.s_[0:0])
    masks = (full, empty) if swap else (empty, full)
    found = values_of(score_case(*masks, GRID, LEGEND), "left")
    assert found.items() >= outcome.items()
    assert found["dice"] == found["iou"] == found["nsd"] == 0
    assert found["hd95_mm"] == found["assd_mm"] == np.inf
    assert found["volume_error_percent"] == percent
    assert abs(found["volume_error_ml"]) == pytest.approx(48 * 0.0025)


@pytest.mark.parametrize(
    ("spacing", "names"),
    [
        (None, {"hd95_px", "assd_px", "area_error_px", "area_error_percent"}),
        ((0.5, 0.25), {"hd95_mm", "assd_mm", "area_error_mm2", "area_error_percent"}),
    ],
)
def test_pictures_name_their_units(spacing, names):
    grid = Grid((6, 6), pixel_spacing_mm=spacing)
    mask = np.zeros((6, 6), dtype=bool)
    mask[1:4, 1:4] = True
    wider = mask.copy()
    wider[:, 4] = mask[:, 3]
    found = values_of(score_case(wider, mask, grid, Legend.from_names({1: "cell"})), "cell")
    assert set(found) == {"missed", "dice", "iou", "nsd"} | names
    assert found.get("area_error_px", 3.0) == 3
    assert found.get("area_error_mm2", 0.375) == pytest.approx(0.375)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int64, np.uint64])
def test_every_integer_type_scores_alike(dtype):
    mask = np.zeros(GRID.shape, dtype=dtype)
    mask[1:3, 1:3, 1:3] = 1
    found = values_of(score_case(mask, mask, GRID, Legend.from_names({1: "left"})), "left")
    assert found["dice"] == 1


@given(st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=16, deadline=None)
def test_the_box_around_both_structures_loses_nothing(dx, dy):
    small = np.zeros((30, 30), dtype=np.uint8)
    small[10:15, 10:15] = 1
    moved = np.roll(small, (dx, dy), axis=(0, 1))
    legend = Legend.from_names({1: "cell"})
    whole = values_of(score_case(moved, small, Grid((30, 30)), legend), "cell")
    part = values_of(
        score_case(moved[9:20, 9:20], small[9:20, 9:20], Grid((11, 11)), legend), "cell"
    )
    assert whole == part


def test_bad_masks_are_named():
    mask = np.zeros(GRID.shape, dtype=np.uint8)
    with pytest.raises(GeometryError, match="predicted mask does not fit the grid"):
        score_case(mask[1:], mask, GRID, LEGEND)
    with pytest.raises(LabelError, match="reference mask must hold integers: got float64"):
        score_case(mask, mask.astype(float), GRID, LEGEND)
    with pytest.raises(UsageError, match="tolerance must be 0 or more"):
        Panel(nsd_tolerance_mm=float("nan"))
