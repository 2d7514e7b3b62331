"""Which test belongs to which scan."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.core import UsageError
from suffice.spirometry import cautions_on, pair_by_date


def scans(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["case", "subject", "date"])


def known_tests(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["subject", "date", "fvc_l"])


days = st.integers(0, 3000).map(lambda n: (date(2015, 1, 1) + timedelta(days=n)).isoformat())


@given(days, st.lists(days, min_size=1, max_size=6), st.integers(0, 1000))
def test_no_test_lies_nearer_than_the_one_taken(day, others, gap):
    known = known_tests(*(("S1", other, float(i + 1)) for i, other in enumerate(others)))
    found = pair_by_date(scans(("a", "S1", day)), known, max_gap_days=gap)
    apart = [(date.fromisoformat(other) - date.fromisoformat(day)).days for other in others]
    nearest = min(abs(n) for n in apart)
    if nearest > gap:
        assert found.table.empty and "days off" in found.unpaired["reason"][0]
    else:
        assert abs(found.table["gap_days"][0]) == nearest
        assert found.table["gap_days"][0] in apart


def test_of_two_as_far_off_the_earlier_is_taken():
    both = known_tests(("S1", "2024-01-11", 1.0), ("S1", "2023-12-22", 2.0))
    found = pair_by_date(scans(("a", "S1", "2024-01-01")), both)
    assert found.table["fvc_l"].tolist() == [2.0] and found.table["gap_days"].tolist() == [-10.0]


def test_every_scan_is_paired_or_told_why_not():
    known = known_tests(
        ("S1", "2020-01-01", 4.0), ("S2", "", 3.0), ("S3", "", 3.0), ("S3", "", 2.0)
    )
    found = pair_by_date(
        scans(
            ("a", "S1", "2020-01-05"),
            ("b", "S1", "2021-01-05"),
            ("c", "S2", "2020-01-01"),
            ("d", "S3", "2020-01-01"),
            ("e", "S4", "2020-01-01"),
        ),
        known,
    )
    assert found.table["case"].tolist() == ["a", "c"]
    assert math.isnan(found.table["gap_days"][1])
    assert dict(zip(found.unpaired["case"], found.unpaired["reason"], strict=True)) == {
        "b": "its nearest test is 370 days off, more than 90",
        "d": "the dates of its tests are unknown",
        "e": "its subject has no test",
    }


def test_a_table_without_dates_serves_subjects_with_one_test():
    found = pair_by_date(
        scans(("a", "S1", "")), pd.DataFrame([("S1", 4.0)], columns=["subject", "fvc_l"])
    )
    assert found.table["fvc_l"].tolist() == [4.0]


def test_a_gap_that_is_none():
    with pytest.raises(UsageError, match="largest gap"):
        pair_by_date(scans(), known_tests(), max_gap_days=-1)


def pairs(n: int = 12, **columns: object) -> pd.DataFrame:
    one = {"gap_days": 3.0, "posture": "supine", "breath": "inspiration"} | columns
    return pd.DataFrame([{"subject": f"S{i}", **one} for i in range(n)])


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"posture": "upright"}, "sitting or standing"),
        ({"posture": ""}, "most likely sitting"),
        ({"breath": "expiration"}, "12 of 12 scans were taken at expiration"),
        ({"breath": "unknown"}, "which breath 12 of 12 scans"),
        ({"gap_days": 45.0}, "In 12 of 12 pairs scan and test lie more than 30 days apart, 45"),
        ({"gap_days": float("nan")}, "unknown in 12 pairs"),
    ],
)
def test_each_caution_is_given_for_its_reason_alone(columns, words):
    told = cautions_on(pairs(**columns))
    assert len(told) == 2 and words in told[1]


def test_nothing_but_the_residual_volume_where_all_is_well():
    assert len(cautions_on(pairs())) == 1
    assert "FVC leaves out" in cautions_on(pairs())[0]
    assert cautions_on(pairs().head(0)) == ()


def test_few_subjects_and_several_pairs_of_one():
    told = cautions_on(pd.concat([pairs(4), pairs(4)]))
    assert any("4 subjects have a pair" in line for line in told)
    assert any("several pairs" in line for line in told)


def test_breath_of_all_scans_as_an_option():
    known = pairs().drop(columns="breath")
    assert len(cautions_on(known, breath="inspiration")) == 1
    assert "unknown" in cautions_on(known)[1]
