from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from suffice.core import Grid, Legend, UsageError
from suffice.metrics import score_case
from suffice.raters import (
    adjudicate,
    agreement,
    ceiling,
    find_duplicate_raters,
    majority,
)

LEGEND = Legend.from_names({1: "nodule"})
CELLS = Path(__file__).parents[3] / "shared" / "data" / "cells_10_raters"


def ball_at(place, radius, shape=(16, 16, 12)):
    away = np.sqrt(sum((i - p) ** 2 for i, p in zip(np.indices(shape), place, strict=True)))
    return (away <= radius).astype(np.uint8)


@pytest.fixture
def reading():
    """Three cases of three raters; ben saw nothing in the second, nobody in the third."""
    nothing = np.zeros((16, 16, 12), np.uint8)
    first = {
        "anna": ball_at((8, 8, 6), 4),
        "ben": ball_at((8, 9, 6), 4),
        "cleo": ball_at((8, 8, 6), 3),
    }
    return {
        "c1": first,
        "c2": {**first, "ben": nothing},
        "c3": dict.fromkeys(first, nothing),
    }


@pytest.fixture
def rows(reading):
    grid = Grid.from_spacing((16, 16, 12), (1, 1, 2))
    found = [agreement(m, grid, LEGEND, case=c, subject=c) for c, m in reading.items()]
    return [p for f in found for p in f.pairs], [s for f in found for s in f.structures]


def test_values_are_those_of_the_metrics(reading, rows):
    grid = Grid.from_spacing((16, 16, 12), (1, 1, 2))
    masks = reading["c1"]
    for row in rows[0][:3]:
        scores = score_case(masks[row.rater_a], masks[row.rater_b], grid, LEGEND)
        values = {s.metric: s.value for s in scores}
        assert row.dice == values["dice"] and row.iou == values["iou"]
        assert row.nsd == pytest.approx(values["nsd"])
        assert row.hd95 == pytest.approx(values["hd95_mm"])
        assert row.assd == pytest.approx(values["assd_mm"])
        assert row.size_difference == pytest.approx(-values["volume_error_ml"])
        assert row.size_b - row.size_a == pytest.approx(row.size_difference)
        assert (row.length_unit, row.size_unit) == ("mm", "ml")


def test_empty_masks_are_counted_apart(rows):
    pairs, _ = rows
    assert [p.state for p in pairs] == ["both"] * 3 + ["one", "both", "one"] + ["neither"] * 3
    assert [p.dice for p in pairs if p.state == "one"] == [0.0, 0.0]
    assert all(np.isinf(p.hd95) for p in pairs if p.state == "one")
    assert all(np.isnan(p.dice) for p in pairs if p.state == "neither")


def test_the_ceiling_is_each_rater_against_the_others(reading):
    grid = Grid.from_spacing((16, 16, 12), (1, 1, 2))
    rows = [r for c, m in reading.items() for r in ceiling(m, grid, LEGEND, case=c, subject=c)]
    masks = reading["c1"]
    for row in rows[:3]:
        others = {r: m for r, m in masks.items() if r != row.rater}
        scores = score_case(masks[row.rater], majority(others), grid, LEGEND)
        assert row.dice == next(s.value for s in scores if s.metric == "dice")
        assert row.n_others == 2
    assert ceiling({"anna": masks["anna"]}, grid, LEGEND) == ()
    for method in ("staple", "simple", "shape", "soft"):
        assert len(ceiling(masks, grid, LEGEND, method=method)) == 3
    wide = ceiling(masks, grid, LEGEND, ties="highest")
    assert all(w.size_difference <= r.size_difference for w, r in zip(wide, rows, strict=False))


def test_copies_are_found_also_where_a_few_cases_differ(draw_raters):
    pairs = []
    for number in range(10):
        masks = draw_raters(5 * number, n_raters=4)
        gold = masks["rater2"].copy()
        if number == 3:
            gold = np.roll(gold, 2, axis=0)
        masks["gold"] = gold
        grid = Grid.from_spacing(gold.shape, (1,) * gold.ndim)
        pairs += agreement(masks, grid, LEGEND, case=f"c{number}").pairs
    (found,) = find_duplicate_raters(pairs)
    assert (found.rater_a, found.rater_b) == ("rater2", "gold")
    assert (found.n_shared, found.n_identical, found.different) == (10, 9, ("c3",))
    assert "9 of 10 cases (90 %" in str(found) and "c3" in str(found)
    assert find_duplicate_raters(pairs, min_share=0.95) == []
    with pytest.raises(UsageError, match="Shares"):
        find_duplicate_raters(pairs, min_share=0)


def test_agreeing_on_nothing_is_no_copy():
    nothing = np.zeros((5, 5), np.uint8)
    pairs = [
        p
        for n in range(5)
        for p in agreement({"a": nothing, "b": nothing}, Grid((5, 5)), LEGEND, case=str(n)).pairs
    ]
    assert find_duplicate_raters(pairs) == []


def test_cases_to_adjudicate_come_worst_first_with_reasons(rows):
    disputes = adjudicate(*rows)
    assert [d.case for d in disputes] == ["c2", "c1"]
    assert disputes[0].reasons[0] == "ben drew nothing where anna, cleo drew it"
    assert any("sizes from" in reason for reason in disputes[1].reasons)
    assert (disputes[0].n_one_sided, disputes[0].n_pairs) == (2, 3)
    assert (disputes[0].worst_pair, disputes[0].min_dice) == (("anna", "ben"), 0.0)
    assert adjudicate(*rows, enough_dice=0.01) == []


def test_masks_that_do_not_touch_are_not_one_sided():
    masks = {"anna": ball_at((4, 4, 6), 2), "ben": ball_at((11, 11, 6), 2)}
    found = agreement(masks, Grid.from_spacing((16, 16, 12), (1, 1, 1)), LEGEND)
    (dispute,) = adjudicate(found.pairs, found.structures)
    assert (dispute.min_dice, dispute.n_one_sided) == (0.0, 0)


def test_the_one_who_stands_apart_is_named():
    one = ball_at((8, 8, 6), 4)
    masks = {"anna": one, "ben": one, "cleo": one, "dan": ball_at((8, 4, 6), 4)}
    found = agreement(masks, Grid.from_spacing(one.shape, (1, 1, 1)), LEGEND)
    assert any(
        "dan stands apart" in r for r in adjudicate(found.pairs, found.structures)[0].reasons
    )


@pytest.mark.skipif(not CELLS.exists(), reason="needs ../shared/data/cells_10_raters")
def test_the_false_gold_of_a_published_set_is_found():
    pairs = []
    for number in ("01", "02", "03"):
        places = {
            **{d.name: d for d in sorted((CELLS / "ExpertsAnnotations").glob("*_Amira"))},
            "gold": CELLS / "GoldStandard",
        }
        masks = {}
        for rater, folder in places.items():
            (path,) = folder.glob(f"*B{number}*")
            # Foreground is 0 in this set.
            masks[rater] = (np.asarray(Image.open(path).convert("L")) == 0).astype(np.uint8)
        grid = Grid(masks["gold"].shape)
        pairs += agreement(masks, grid, LEGEND, case=number, subject=number).pairs
    (found,) = find_duplicate_raters(pairs)
    assert (found.rater_a, found.rater_b, found.n_identical) == ("Person2_Amira", "gold", 3)
