import pandas as pd
import pytest
from scipy.stats import norm

from suffice.core import UsageError
from suffice.tracking import one_source, sizes_of


def measures(*rows: tuple[str, str, str, str, str, float], size: str = "volume_ml") -> pd.DataFrame:
    names = ["case", "subject", "visit", "date", "source", size]
    return pd.DataFrame(rows, columns=names).assign(label="lung")


def test_visits_are_ordered_by_date_and_years_count_from_the_first():
    sizes = sizes_of(
        measures(
            ("b", "S1", "1", "2022-01-01", "drawn", 3.0),
            ("a", "S1", "2", "2020-01-01", "drawn", 1.0),
            ("c", "S2", "1", "2021-06-01", "drawn", 9.0),
        )
    )
    assert sizes.unit == "ml" and sizes.notes == ()
    assert sizes.table["case"].tolist() == ["a", "b", "c"]
    assert sizes.table["years"].round(2).tolist() == [0.0, 2.0, 0.0]


def test_without_dates_visit_10_comes_after_visit_9():
    sizes = sizes_of(measures(*((f"c{v}", "S1", v, "", "", 1.0) for v in ("10", "9", "1"))))
    assert sizes.table["visit"].tolist() == ["1", "9", "10"]
    assert sizes.table["years"].isna().all()
    assert "1 subjects have visits without a date" in sizes.notes[0]


def test_areas_are_tracked_where_there_is_no_volume():
    assert sizes_of(measures(("a", "S1", "", "", "", 4.0), size="area_px")).unit == "px"


def test_bounds_are_read_where_they_are_known():
    table = measures(("a", "S1", "", "", "", 4.0)).assign(volume_low_ml=3.0, volume_high_ml=5.0)
    assert sizes_of(table).table[["low", "high"]].to_numpy().tolist() == [[3.0, 5.0]]


def test_bounds_of_another_level_are_brought_to_95_percent() -> None:
    row = measures(("a", "S1", "", "", "", 4.0))
    table = row.assign(volume_low_ml=3.0, volume_high_ml=6.0, level=0.8)
    ((low, high),) = sizes_of(table).table[["low", "high"]].to_numpy()
    times = norm.ppf(0.975) / norm.ppf(0.9)
    assert (low, high) == pytest.approx((4 - times, 4 + 2 * times))


def test_a_table_without_sizes_and_a_date_that_is_none():
    with pytest.raises(UsageError, match="no size that can be tracked"):
        sizes_of(pd.DataFrame({"case": ["a"], "label": ["x"], "extent_mm": [3.0]}))
    with pytest.raises(UsageError, match="date of case 'a' is none: got '01/02/2020'"):
        sizes_of(measures(("a", "S1", "", "01/02/2020", "", 4.0)))


def test_each_subject_keeps_the_source_of_most_of_its_visits():
    sizes = sizes_of(
        measures(
            ("a1", "A", "1", "2020-01-01", "drawn", 1.0),
            ("a1", "A", "1", "2020-01-01", "predicted", 1.1),
            ("a2", "A", "2", "2021-01-01", "drawn", 2.0),
            ("b1", "B", "1", "2020-01-01", "drawn", 1.0),
            ("b1", "B", "1", "2020-01-01", "predicted", 1.1),
        )
    )
    kept = one_source(sizes)
    assert kept.table[["case", "source"]].to_numpy().tolist() == [
        ["a1", "drawn"],
        ["a2", "drawn"],
        ["b1", "predicted"],
    ]
    assert "drawn and predicted" in kept.notes[-1]
    assert one_source(sizes, "predicted").table["case"].tolist() == ["a1", "b1"]
    with pytest.raises(UsageError, match="No measurement is of source 'anna'"):
        one_source(sizes, "anna")
