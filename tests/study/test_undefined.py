"""What is in no mean is named, with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suffice.core import Case, Grid, Legend
from suffice.metrics import Panel, score_case
from suffice.study import score_rows, scores_table, summarise, undefined_rows

LEGEND = Legend.from_names({1: "cell", 2: "nucleus"})
FULL = np.array([[0, 1, 1, 0], [0, 1, 1, 0], [0, 2, 2, 0]])
EMPTY = np.zeros_like(FULL)


def table_of(pairs, panel=None, rung=""):
    rows = []
    for name, (predicted, reference, grid) in pairs.items():
        scan = Case(name, f"of {name}", {"image": Path("i.png")})
        rows += score_rows(
            scan, score_case(predicted, reference, grid, LEGEND, panel=panel), rung=rung
        )
    return scores_table(rows)


@pytest.fixture
def scores():
    grid = Grid(FULL.shape)
    pairs = {
        "both": (FULL, FULL, grid),
        "missed": (np.where(FULL == 1, 0, FULL), FULL, grid),
        "false": (FULL, np.where(FULL == 1, 0, FULL), grid),
        "absent": (np.where(FULL == 1, 0, FULL), np.where(FULL == 1, 0, FULL), grid),
    }
    return table_of(pairs, Panel.of(["dice", "sensitivity", "precision", "hd95", "volume_error"]))


def test_each_value_that_no_mean_takes_in_has_its_reason(scores):
    found = undefined_rows(scores)
    assert set(found["label"]) == {"cell"}
    by_case = dict(list(found.groupby("case")))
    assert set(by_case) == {"missed", "false", "absent"}
    assert set(by_case["missed"]["metric"]) == {"precision", "hd95_px"}
    assert set(by_case["false"]["metric"]) == {"sensitivity", "hd95_px", "area_error_percent"}
    assert len(by_case["absent"]) == 6
    reasons = {case: set(part["reason"]) for case, part in by_case.items()}
    assert reasons == {
        "missed": {"drawn, not predicted"},
        "false": {"predicted, not drawn"},
        "absent": {"neither drawn nor predicted"},
    }


def test_means_and_undefined_values_make_up_all_cases(scores):
    summary = summarise(scores, seed=0)
    named = undefined_rows(scores).groupby(["label", "metric"]).size()
    for row in summary.to_dict("records"):
        if row["metric"] in ("missed", "false", "absent"):
            assert row["n_undefined"] == 0
            continue
        assert row["n_cases"] + row["n_undefined"] == 4
        if row["label"] in LEGEND.names:
            assert row["n_undefined"] == named.get((row["label"], row["metric"]), 0)
    assert np.isfinite(summary["mean"]).all()


def test_a_case_without_calibration_is_named_and_counted(scores):
    sure = [("both", "of both", 0.1), ("missed", "of missed", 0.2)]
    rows = [
        {"case": c, "subject": s, "label": "all", "metric": "brier", "value": v} for c, s, v in sure
    ]
    table = pd.concat([scores, pd.DataFrame(rows).assign(rung="", fold="")])
    found = undefined_rows(table)
    lacking = found[found["metric"] == "brier"]
    assert set(lacking["case"]) == {"false", "absent"}
    assert set(lacking["reason"]) == {"no probabilities kept, or nothing drawn"}
    summary = summarise(table, seed=0).set_index(["label", "metric"])
    assert summary.loc[("all", "brier"), "n_undefined"] == 2


def test_raters_who_differ_leave_one_row_with_both_reasons(scores):
    """Two drew what was not predicted, two did not draw it: the mean over them has both."""
    mixed = scores[scores["case"] == "missed"].copy()
    outcome = mixed[mixed["metric"] == "missed"].iloc[:1].assign(metric="absent", value=0.5)
    found = undefined_rows(pd.concat([mixed, outcome]))
    mine = found[(found["label"] == "cell") & (found["metric"] == "hd95_px")]
    assert mine["reason"].tolist() == ["drawn, not predicted; neither drawn nor predicted"]


def test_other_units_are_not_lacking_and_rungs_stay_apart():
    known = Grid(FULL.shape, pixel_spacing_mm=(0.5, 0.5))
    one = table_of({"px": (FULL, FULL, Grid(FULL.shape)), "mm": (FULL, FULL, known)}, rung="one")
    assert undefined_rows(one).empty
    other = table_of({"px": (FULL, EMPTY, Grid(FULL.shape))}, Panel.of(["iou", "hd"]), rung="other")
    found = undefined_rows(pd.concat([one, other]))
    assert set(found["rung"]) == {"other"}
    assert set(found["metric"]) == {"hd_px"}


def test_nothing_scored_names_nothing():
    assert undefined_rows(scores_table([])).empty
