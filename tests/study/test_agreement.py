"""Tables of agreement: means, coefficients, and every value that is in none of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from suffice.core import Grid, Legend
from suffice.raters import agreement, ceiling, fleiss_kappa
from suffice.study.agreement import (
    agreement_table,
    ceiling_table,
    summarise_agreement,
    to_adjudicate,
    undefined_agreement,
)
from suffice.study.ceiling import ceiling_scores, summarise_ceiling

LEGEND = Legend.from_names({1: "nodule"})
GRID = Grid.from_spacing((8, 9, 6), (1.0, 1.0, 2.0))


@pytest.fixture
def reading():
    """Three cases of three raters; ben saw nothing in the second, nobody in the third."""
    block = np.zeros(GRID.shape, dtype=np.uint8)
    block[2:6, 2:6, 2:4] = 1
    first = {"anna": block, "ben": np.roll(block, 1, 1), "cleo": np.roll(block, 2, 1)}
    return {
        "c1": first,
        "c2": {**first, "ben": 0 * block},
        "c3": dict.fromkeys(first, 0 * block),
    }


@pytest.fixture
def found(reading):
    compared = [agreement(m, GRID, LEGEND, case=c, subject=c) for c, m in reading.items()]
    tops = [r for c, m in reading.items() for r in ceiling(m, GRID, LEGEND, case=c, subject=c)]
    pairs = [p for each in compared for p in each.pairs]
    structures = [s for each in compared for s in each.structures]
    return pairs, structures, agreement_table(pairs), ceiling_table(tops)


def row_of(summary, of, metric, who=""):
    rows = summary[(summary["of"] == of) & (summary["metric"] == metric)]
    (row,) = rows[rows["who"] == who].to_dict("records")
    return row


def test_every_value_is_in_a_mean_or_named(found):
    _, structures, table, top = found
    summary = summarise_agreement(table, structures, top, seed=0)
    named = undefined_agreement(table, top, structures)
    of_pairs = named[~named["raters"].str.endswith("the others") & (named["raters"] != "all")]
    for metric in ("dice", "nsd", "hd95_mm", "volume_difference_ml"):
        row = row_of(summary, "pairs", metric)
        assert row["n_values"] + row["n_undefined"] == 9
        assert row["n_undefined"] == of_pairs["metric"].isin([metric, "all"]).sum()
    assert row_of(summary, "pairs", "dice_both")["n_values"] == 4
    assert row_of(summary, "ceiling", "hd95_mm")["n_undefined"] == 2
    assert row_of(summary, "rater", "hd95_mm", "ben")["n_undefined"] == 2
    reasons = named.groupby("case")["reason"].unique().map(set).to_dict()
    assert reasons == {
        "c2": {"drawn by one side alone"},
        "c3": {"drawn by neither", "all voxels got one vote of all"},
    }
    assert row_of(summary, "raters", "fleiss_kappa")["n_undefined"] == 1


def test_the_ceiling_is_the_one_beside_a_model_s_score(reading, found):
    """A case of which one rater alone drew anything counts as much as one that all drew."""
    _, structures, table, top = found
    rows = [r for c, m in reading.items() for r in ceiling(m, GRID, LEGEND, case=c, subject="s")]
    beside = summarise_ceiling(ceiling_scores(rows), seed=0)
    beside = beside[(beside["rater"] == "all") & (beside["label"] == "nodule")]
    mine = summarise_agreement(table, structures, top.assign(subject="s"), seed=0)
    for metric in ("dice", "nsd", "hd95_mm"):
        expected = beside.set_index("metric")["mean"][metric]
        assert row_of(mine, "ceiling", metric)["mean"] == pytest.approx(expected)


def test_coefficients_are_those_of_the_voxels(reading, found):
    _, structures, table, top = found
    summary = summarise_agreement(table, structures, top, seed=0)
    voxels = np.concatenate([np.sum(list(m.values()), 0).ravel() for m in reading.values()])
    tallies = np.stack([3 - voxels, voxels], axis=1).astype(int)
    assert row_of(summary, "raters", "fleiss_kappa")["pooled"] == pytest.approx(
        fleiss_kappa(tallies)
    )
    assert row_of(summary, "raters", "icc_volume")["n_values"] == 9
    holed = [
        replace(s, sizes=s.sizes[:2], yes_counts=s.yes_counts[:3]) if s.case == "c1" else s
        for s in structures
    ]
    other = summarise_agreement(table, holed, top, seed=0)
    assert np.isnan(row_of(other, "raters", "fleiss_kappa")["pooled"])
    assert np.isfinite(row_of(other, "raters", "krippendorff_alpha")["pooled"])
    assert row_of(other, "raters", "icc_volume")["n_undefined"] == 1


def test_sizes_in_a_mean_have_no_sign(found):
    table = found[2]
    assert (table.loc[table["metric"] == "volume_difference_ml", "value"] >= 0).all()


def test_what_to_adjudicate_says_why(found):
    pairs, structures, _, _ = found
    table = to_adjudicate(pairs, structures)
    assert table["case"].tolist() == ["c2", "c1"]
    assert table["reasons"][0].startswith("ben drew nothing where anna, cleo drew it; mean Dice")
    assert table["n_one_sided"].tolist() == [2, 0]
