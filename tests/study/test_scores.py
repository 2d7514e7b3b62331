"""The score table and its summary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suffice.core import Case, FileFormatError, UsageError
from suffice.metrics import Score, bootstrap_interval
from suffice.study import read_scores, score_rows, scores_table, summarise, write_scores


def table_of(*rows, rung=""):
    """Rows are (case, subject, label, metric, value)."""
    made = []
    for case, subject, label, metric, value in rows:
        scan = Case(case, subject, {"image": Path("i.png")})
        made += score_rows(scan, [Score(label, metric, value)], rung=rung, fold="0")
    return scores_table(made)


def row_of(summary, label, metric):
    (row,) = summary[(summary["label"] == label) & (summary["metric"] == metric)].to_dict("records")
    return row


def test_the_headline_averages_the_labels_of_each_case_first():
    scores = table_of(
        ("a", "s1", "left", "dice", 0.8),
        ("a", "s1", "right", "dice", 0.6),
        ("b", "s2", "left", "dice", 0.9),
    )
    summary = summarise(scores, seed=0)
    assert row_of(summary, "mean", "dice")["mean"] == pytest.approx((0.7 + 0.9) / 2)
    assert row_of(summary, "left", "dice")["n_cases"] == 2
    right = row_of(summary, "right", "dice")
    assert right["n_subjects"] == 1
    assert np.isnan([right["low"], right["high"]]).all()


def test_intervals_are_those_of_the_bootstrap_over_subjects():
    rng = np.random.default_rng(0)
    values = rng.random(12)
    subjects = [f"s{i // 2}" for i in range(12)]
    scores = table_of(
        *(
            (f"c{i}", s, "left", "dice", v)
            for i, (s, v) in enumerate(zip(subjects, values, strict=True))
        )
    )
    row = row_of(summarise(scores, seed=4, level=0.8), "left", "dice")
    expected = bootstrap_interval(values, subjects, level=0.8, seed=4)
    assert (row["low"], row["high"]) == (expected.low, expected.high)
    assert (row["n_subjects"], row["n_cases"], row["level"]) == (6, 12, 0.8)


def test_a_miss_is_counted_and_never_makes_the_median_look_better():
    distances = [1.0, 2.0, np.inf]
    scores = table_of(*((f"c{i}", f"s{i}", "left", "hd95_mm", v) for i, v in enumerate(distances)))
    row = row_of(summarise(scores, seed=0), "left", "hd95_mm")
    assert (row["mean"], row["n_undefined"], row["n_cases"], row["median"]) == (1.5, 1, 2, 2.0)
    only = row_of(summarise(scores[2:], seed=0), "left", "hd95_mm")
    assert np.isnan(only["mean"])
    assert (only["n_undefined"], only["median"]) == (1, np.inf)


def test_a_case_with_one_missed_label_has_no_mean_distance():
    scores = table_of(("a", "s", "left", "hd95_mm", 1.0), ("a", "s", "right", "hd95_mm", np.inf))
    assert row_of(summarise(scores, seed=0), "mean", "hd95_mm")["n_undefined"] == 1


def test_accuracy_is_of_the_case_and_in_no_mean_of_labels():
    scores = table_of(("a", "s", "left", "dice", 0.5), ("a", "s", "all", "accuracy", 0.99))
    summary = summarise(scores, seed=0)
    assert set(zip(summary["label"], summary["metric"], strict=True)) == {
        ("mean", "dice"),
        ("left", "dice"),
        ("all", "accuracy"),
    }


def test_rungs_are_summarised_apart():
    one = table_of(("a", "s", "left", "dice", 0.5), rung="unet")
    other = table_of(("a", "s", "left", "dice", 0.7), rung="transfer")
    summary = summarise(pd.concat([one, other]), seed=0)
    assert summary[summary["label"] == "left"]["mean"].tolist() == [0.5, 0.7]
    with pytest.raises(UsageError, match="Case 'a' is scored twice for 'left', dice"):
        summarise(pd.concat([one, one]), seed=0)


def test_no_scores_make_an_empty_summary():
    assert summarise(scores_table([]), seed=0).empty


def test_names_and_infinite_values_survive_the_file(tmp_path):
    scores = table_of(("001", "NA", "left", "hd95_mm", np.inf), ("002", "7", "left", "dice", 1 / 3))
    write_scores(tmp_path / "scores.csv", scores)
    back = read_scores(tmp_path / "scores.csv")
    pd.testing.assert_frame_equal(back, scores, check_dtype=False)
    assert (tmp_path / "scores.csv").read_text().splitlines()[1] == "001,NA,left,hd95_mm,inf,,0"


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "case,subject,label,metric,value\na,a,l,dice,x\n"]
)
def test_what_is_no_score_table_is_named(tmp_path, text):
    (tmp_path / "scores.csv").write_text(text)
    with pytest.raises(FileFormatError, match="is not a table of scores"):
        read_scores(tmp_path / "scores.csv")


def test_the_rows_of_a_label_stand_together():
    scores = table_of(
        ("a", "s1", "left", "dice", 0.8),
        ("a", "s1", "right", "dice", 0.6),
        ("b", "s2", "left", "false", 0.0),
    )
    assert summarise(scores, seed=0)["label"].tolist() == ["mean", "mean", "left", "left", "right"]
