"""Pairs of methods: joined by case, averaged by subject, tested and corrected."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from suffice.core import UsageError
from suffice.metrics import bootstrap_interval
from suffice.study import compare_scores, pair_scores, significantly_better, winner_of
from suffice.study.comparing import paired_differences
from suffice.study.pairing import better_values, by_subject


def table_of(values, metric="dice", label="left", subjects=None):
    """One row a case; values by case name."""
    return pd.DataFrame(
        [
            {
                "case": case,
                "subject": (subjects or {}).get(case, case),
                "label": label,
                "metric": metric,
                "value": value,
            }
            for case, value in values.items()
        ]
    )


def named(values, prefix="c"):
    return {f"{prefix}{i:02d}": float(value) for i, value in enumerate(values)}


def compared(metric="dice", seed=0, **methods):
    tables = {name: table_of(named(values), metric) for name, values in methods.items()}
    paired, _ = pair_scores(tables, metrics=[metric])
    return compare_scores(paired, n_resamples=2000, seed=seed).to_dict("records")


def test_the_row_of_a_pair_against_scipy():
    rng = np.random.default_rng(0)
    a = rng.beta(9, 2, 20)
    b = np.clip(a - rng.normal(0.02, 0.03, 20), 0, 1)
    (row,) = compared(a=a, b=b)
    assert row["mean_a"] == pytest.approx(a.mean())
    assert row["difference"] == pytest.approx((a - b).mean())
    interval = bootstrap_interval(a - b, [f"c{i:02d}" for i in range(20)], n_resamples=2000, seed=0)
    assert (row["low"], row["high"]) == (interval.low, interval.high)
    assert row["effect"] == pytest.approx((a - b).mean() / (a - b).std(ddof=1))
    assert row["p_wilcoxon"] == pytest.approx(stats.wilcoxon(a - b).pvalue)
    assert row["p_permutation"] == pytest.approx(stats.ttest_rel(a, b).pvalue, abs=0.01)
    assert (row["test"], row["p_holm"]) == ("permutation", row["p"])
    assert row["n_better"] == (a > b).sum() and row["n_worse"] == (a < b).sum()


def test_visits_of_a_subject_count_once():
    subjects = {"c00": "s1", "c01": "s1", "c02": "s2"}
    tables = {
        "a": table_of(named([0.9, 0.7, 0.5]), subjects=subjects),
        "b": table_of(named([0.8, 0.8, 0.1]), subjects=subjects),
    }
    (paired,), _ = pair_scores(tables)
    np.testing.assert_allclose(paired_differences(paired, 0, 1), [0.0, 0.4], atol=1e-12)
    (row,) = compare_scores([paired], n_resamples=2000, seed=0).to_dict("records")
    assert row["n_subjects"] == 2 and row["difference"] == pytest.approx(0.2)


def test_cases_of_one_table_are_named():
    tables = {"a": table_of(named([0.9, 0.8, 0.7])), "b": table_of(named([0.8, 0.7]))}
    tables["b"].loc[2] = ["other", "other", "left", "dice", 0.5]
    (paired,), unpaired = pair_scores(tables)
    assert paired.cases == ("c00", "c01")
    assert unpaired[["method", "case", "reason"]].to_numpy().tolist() == [
        ["a", "c02", "not scored by 'b'"],
        ["b", "other", "not scored by 'a'"],
    ]


def test_a_value_that_one_method_lacks_is_named():
    both = {"a": table_of(named([0.9, 0.8])), "b": table_of(named([0.8, 0.7]))}
    both["b"].loc[1, "metric"] = "iou"
    (paired,), unpaired = pair_scores(both, labels=["left"])
    assert paired.cases == ("c00",)
    assert unpaired.to_numpy().tolist() == [["a", "c01", "left", "dice", "no value by 'b'"]]


def test_a_miss_is_worse_than_any_distance():
    a = [1.0, 2.0, 3.0, 1.0, 2.0, 2.5, 1.5]
    b = [2.0, 3.5, 3.2, 1.7, 2.4, math.inf, 1.8]
    (row,) = compared("hd95_mm", a=a, b=b)
    assert (row["test"], row["n_undefined"], row["n_subjects"]) == ("wilcoxon", 1, 6)
    assert row["p"] == pytest.approx(2 / 2**7)
    assert row["difference"] == pytest.approx(np.mean(np.subtract(a, b)[[0, 1, 2, 3, 4, 6]]))
    assert winner_of(row) == ("a", "b") and row["effect"] > 0
    assert "counted by rank and in no mean" in row["note"]


def test_two_misses_are_a_tie():
    (row,) = compared("hd95_mm", a=[math.inf, 1.0, 2.0], b=[math.inf, 2.0, 3.0])
    assert (row["n_better"], row["n_equal"], row["n_worse"]) == (2, 1, 0)


def test_finding_rightly_nothing_beats_a_false_structure():
    a = pd.concat([table_of({"c0": 0.0, "c1": 0.9}), table_of({"c0": 0.0}, "absent")])
    b = pd.concat([table_of({"c1": 0.8}), table_of({"c0": 1.0}, "absent")])
    (paired,), unpaired = pair_scores({"a": a, "b": b}, labels=["left"])
    assert paired.cases == ("c0", "c1") and unpaired.empty
    (row,) = compare_scores([paired], n_resamples=2000, seed=0).to_dict("records")
    assert (row["n_better"], row["n_worse"], row["n_undefined"]) == (1, 1, 1)
    assert row["difference"] == pytest.approx(0.1)


def test_errors_of_size_are_compared_by_how_far_they_are_from_zero():
    (row,) = compared("volume_error_ml", a=[-1.0, 1.0, -1.0], b=[3.0, -3.0, 2.0])
    assert row["mean_a"] == 1.0 and winner_of(row) == ("a", "b")


def test_the_family_is_every_row():
    rng = np.random.default_rng(0)
    base = rng.random(10)
    rows = compared(a=base, b=base - 0.1, c=base + rng.normal(0, 0.01, 10))
    assert [(row["a"], row["b"]) for row in rows] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert rows[0]["p"] == 2 / 2**10 and rows[0]["p_holm"] == pytest.approx(3 * 2 / 2**10)


def test_the_map_of_who_is_better():
    base = np.linspace(0.5, 0.9, 10)
    wiggle = 0.01 * np.array([1, -1] * 5)
    tables = {
        "low": table_of(named(base - 0.2)),
        "high": table_of(named(base)),
        "near": table_of(named(base + wiggle)),
    }
    (paired,), _ = pair_scores(tables)
    better = significantly_better(compare_scores([paired], n_resamples=2000, seed=0), paired)
    assert better.loc["high", "low"] and better.loc["near", "low"]
    assert better.to_numpy().sum() == 2


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=8),
    st.randoms(use_true_random=False),
)
def test_swapped_methods_turn_the_difference_and_keep_the_p(pairs, order):
    a, b = np.round(np.array(pairs).T, 3)
    (one,) = compared(a=a, b=b)
    (swapped,) = compared(a=b, b=a)
    assert swapped["difference"] == pytest.approx(-one["difference"])
    assert swapped["effect"] == pytest.approx(-one["effect"])
    assert swapped["p"] == pytest.approx(one["p"])
    assert swapped["p_wilcoxon"] == pytest.approx(one["p_wilcoxon"])
    assert (swapped["n_better"], swapped["n_worse"]) == (one["n_worse"], one["n_better"])
    rows = list(range(len(a)))
    order.shuffle(rows)
    tables = {"a": table_of(named(a)).iloc[rows], "b": table_of(named(b)).iloc[rows[::-1]]}
    (paired,), _ = pair_scores(tables)
    (shuffled,) = compare_scores([paired], n_resamples=2000, seed=0).to_dict("records")
    assert shuffled == pytest.approx(one, nan_ok=True)


def test_five_subjects_are_told_that_no_test_can_help():
    (row,) = compared(a=[0.9, 0.8, 0.9, 0.7, 0.8], b=[0.1, 0.2, 0.1, 0.3, 0.0])
    assert "no test of 5 paired subjects gives a p below 0.062" in row["note"]


def test_infinite_values_outweigh_finite_ones_within_a_subject():
    values = np.array([1.0, math.inf, math.inf, -math.inf, 2.0, 4.0])
    means = by_subject(values, ["a", "a", "b", "b", "b", "c"])
    assert means.tolist() == [math.inf, 2.0, 4.0]


@pytest.mark.parametrize(
    ("metric", "better"),
    [("iou", "higher"), ("assd_px", "lower"), ("area_error_mm2", "near 0"), ("missed", "lower")],
)
def test_which_way_is_better(metric, better):
    assert better_values(metric) == better


def test_what_cannot_be_paired_is_named():
    one = table_of(named([0.9, 0.8]))
    with pytest.raises(UsageError, match="Nothing is known of the metric 'beauty'"):
        pair_scores({"a": one, "b": one}, metrics=["beauty"])
    with pytest.raises(UsageError, match="share no case"):
        pair_scores({"a": one, "b": table_of(named([0.9], prefix="d"))})
    with pytest.raises(UsageError, match="no value of dice for 'right'"):
        pair_scores({"a": one, "b": one}, labels=["right"])
    with pytest.raises(UsageError, match="more than once"):
        pair_scores({"a": one, "b": pd.concat([one, one])}, labels=["left"])
    with pytest.raises(UsageError, match="belongs to two subjects"):
        pair_scores({"a": one, "b": table_of(named([0.9]), subjects={"c00": "s"})})
