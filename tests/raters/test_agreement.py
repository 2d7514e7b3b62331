from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from suffice.core import Grid, Legend, UsageError
from suffice.metrics import score_case
from suffice.raters import (
    adjudicate,
    agreement,
    beyond_chance,
    ceiling,
    find_duplicate_raters,
    fleiss_kappa,
    human_ceiling,
    majority,
    summarise_pairs,
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
    either = {(s.raters, s.metric): s for s in summarise_pairs(pairs, seed=0)}
    both = {(s.raters, s.metric): s for s in summarise_pairs(pairs, seed=0, where="both")}
    assert either[(), "dice"].absent == ("c3",) and either[(), "hd95"].undefined == ("c2",)
    assert (either[(), "dice"].n_both, either[(), "dice"].n_one) == (4, 2)
    assert either[(), "dice"].n_neither == 3
    assert both[(), "hd95"].undefined == () and both[(), "hd95"].unit == "mm"
    assert both[(), "dice"].interval.mean > either[(), "dice"].interval.mean
    assert both[("anna", "ben"), "dice"].absent == ("c2", "c3")
    assert all(np.isfinite(s.interval.mean) for s in both.values())


def test_sizes_in_a_mean_have_no_sign(rows):
    pairs, _ = rows
    found = summarise_pairs(pairs, metrics=["size_difference"], seed=0, where="both")
    assert all(s.interval.mean >= 0 for s in found)
    with pytest.raises(UsageError, match="No such metric"):
        summarise_pairs(pairs, metrics=["beauty"], seed=0)
    with pytest.raises(UsageError, match="choice of rows"):
        summarise_pairs(pairs, where="none", seed=0)


def test_kappa_and_icc_from_the_rows(reading, rows):
    (found,) = beyond_chance(rows[1])
    voxels = np.concatenate([np.sum(list(m.values()), 0).ravel() for m in reading.values()])
    tallies = np.stack([3 - voxels, voxels], axis=1).astype(int)
    assert found.fleiss_kappa == pytest.approx(fleiss_kappa(tallies))
    assert found.n_cases == 3 and found.size_icc.n_subjects == 3
    holed = [
        s
        if s.case != "c1"
        else type(s)(**{**fields(s), "sizes": s.sizes[:2], "yes_counts": s.yes_counts[:3]})
        for s in rows[1]
    ]
    (found,) = beyond_chance(holed)
    assert np.isnan(found.fleiss_kappa) and np.isfinite(found.krippendorff_alpha)
    assert found.size_icc.n_incomplete == 1


def fields(row):
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def test_the_ceiling_is_each_rater_against_the_others(reading):
    grid = Grid.from_spacing((16, 16, 12), (1, 1, 2))
    rows = [r for c, m in reading.items() for r in ceiling(m, grid, LEGEND, case=c, subject=c)]
    masks = reading["c1"]
    for row in rows[:3]:
        others = {r: m for r, m in masks.items() if r != row.rater}
        scores = score_case(masks[row.rater], majority(others), grid, LEGEND)
        assert row.dice == next(s.value for s in scores if s.metric == "dice")
        assert row.n_others == 2
    found = human_ceiling(rows, metrics=["dice"], seed=0)
    assert {s.raters for s in found} == {(), ("anna",), ("ben",), ("cleo",)}
    assert found[0].absent == ("c3",)
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
    assert adjudicate(*rows, enough_dice=0.01) == []


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
