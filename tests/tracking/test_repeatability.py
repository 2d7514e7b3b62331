import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.core import UsageError
from suffice.tracking import (
    RC_FACTOR,
    Repeatability,
    changes_of,
    estimate_repeatability,
    given_repeatability,
    repeatability_of,
    sizes_of,
)

pairs = st.lists(st.tuples(st.floats(1, 100), st.floats(1, 100)), min_size=2, max_size=20)


@given(pairs)
def test_of_pairs_it_is_the_root_mean_square_of_differences(values):
    table = np.array(values)
    found = repeatability_of(list(table), "lung", "test-retest")
    differences = table[:, 0] - table[:, 1]
    assert found.amount == pytest.approx(1.96 * np.sqrt((differences**2).mean()), abs=1e-9)
    assert found.amount_low <= found.amount <= found.amount_high


@given(pairs, st.floats(0.1, 10))
def test_it_scales_with_the_unit_and_the_percentage_does_not(values, scale):
    groups = [np.array(pair) for pair in values]
    one = repeatability_of(groups, "lung", "test-retest")
    other = repeatability_of([scale * group for group in groups], "lung", "test-retest")
    assert other.amount == pytest.approx(scale * one.amount)
    assert other.percent == pytest.approx(one.percent)


def test_its_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    truth, held = RC_FACTOR * 2.0, 0
    for _ in range(400):
        groups = list(50 + rng.normal(0, 2.0, (12, 2)))
        found = repeatability_of(groups, "lung", "test-retest")
        held += found.amount_low <= truth <= found.amount_high
    assert 0.92 <= held / 400 <= 0.98


def test_differences_of_unchanged_things_are_noise_95_times_in_a_hundred():
    rng = np.random.default_rng(1)
    known = repeatability_of(list(50 + rng.normal(0, 2.0, (4000, 2))), "lung", "test-retest")
    fresh = 50 + rng.normal(0, 2.0, (4000, 2))
    share = (np.abs(fresh[:, 0] - fresh[:, 1]) <= known.threshold(50, 50)).mean()
    assert share == pytest.approx(0.95, abs=0.01)


def rows(*values: tuple[str, str, str, str, float]) -> pd.DataFrame:
    names = ["case", "subject", "date", "source", "volume_ml"]
    return pd.DataFrame(values, columns=names).assign(label="lung", visit="")


def test_scans_of_one_day_are_repeats_and_go_before_masks_of_one_scan():
    table = rows(
        ("a", "S1", "2020-01-01", "x", 100.0),
        ("b", "S1", "2020-01-01", "x", 104.0),
        ("b", "S1", "2020-01-01", "y", 190.0),
        ("c", "S1", "2020-01-09", "x", 130.0),
    )
    (found,) = estimate_repeatability(sizes_of(table))
    assert (found.kind, found.degrees) == ("test-retest", 1)
    assert found.amount == pytest.approx(1.96 * 4)
    (wider,) = estimate_repeatability(sizes_of(table), retest_days=8)
    assert wider.degrees == 2


def test_masks_of_several_people_where_no_scan_was_repeated():
    table = rows(
        ("a", "S1", "2020-01-01", "anna", 100.0),
        ("a", "S1", "2020-01-01", "ben", 104.0),
        ("b", "S1", "2021-01-01", "anna", 130.0),
    )
    (found,) = estimate_repeatability(sizes_of(table))
    assert (found.kind, found.n_groups) == ("repeated masks", 1)


def test_sizes_that_differ_widely_are_judged_in_percent():
    narrow = repeatability_of([np.array([10, 11]), np.array([15, 16])], "x", "test-retest")
    wide = repeatability_of([np.array([10, 11]), np.array([100, 110])], "x", "test-retest")
    assert not narrow.in_percent and wide.in_percent
    assert wide.threshold(20, 20) == pytest.approx(wide.percent / 100 * 20)


def series(*values: float, **columns: list[float]) -> pd.DataFrame:
    dates = [f"{2020 + i}-01-01" for i in range(len(values))]
    pairs = zip(dates, values, strict=True)
    table = rows(*((f"c{i}", "S1", day, "x", v) for i, (day, v) in enumerate(pairs)))
    return table.assign(**columns)


def test_real_change_is_told_from_noise_against_the_first_and_the_previous_visit():
    found = changes_of(sizes_of(series(100, 108, 118)), {"lung": given_repeatability("10", "lung")})
    assert found["verdict"].tolist() == ["", "within noise", "grown"]
    assert found["since_previous_verdict"].tolist() == ["", "within noise", "within noise"]
    assert found["change_percent"].tolist()[1:] == pytest.approx([8.0, 18.0])
    shrunk = changes_of(sizes_of(series(100, 80)), {"lung": given_repeatability("15%", "lung")})
    assert shrunk["noise"][1] == pytest.approx(13.5)
    assert shrunk["verdict"][1] == "shrunk"


def test_without_anything_to_go_by_nothing_is_called_real():
    sizes = sizes_of(series(100, 300))
    (known,) = estimate_repeatability(sizes)
    assert known.kind == "unknown"
    assert changes_of(sizes, {"lung": known})["verdict"].tolist() == ["", "not known"]
    assert changes_of(sizes, {})["verdict"].tolist() == ["", "not known"]


def test_the_intervals_of_the_sizes_serve_where_nothing_is_repeated():
    table = series(100, 106, 110, volume_low_ml=[97, 103, 107], volume_high_ml=[103, 109, 113])
    sizes = sizes_of(table)
    (known,) = estimate_repeatability(sizes)
    found = changes_of(sizes, {"lung": known})
    assert known.kind == "intervals"
    assert found["noise"][1] == pytest.approx(3 * np.sqrt(2))
    assert found["verdict"].tolist() == ["", "grown", "grown"]
    assert found["since_previous_verdict"][2] == "within noise"


@pytest.mark.parametrize("text", ["-3", "ten", "0%", "nan", ""])
def test_a_coefficient_that_is_none(text):
    with pytest.raises(UsageError, match="no positive number"):
        given_repeatability(text, "lung")


def test_unknown_has_no_threshold():
    assert np.isnan(Repeatability(label="x", kind="unknown").threshold(3, 4))
