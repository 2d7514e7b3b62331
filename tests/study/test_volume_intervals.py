"""Intervals in a table of measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suffice.core import CohortError, FileFormatError, UsageError
from suffice.study import (
    bounds_of,
    held_back_errors,
    read_errors,
    read_measures,
    scored_errors,
    with_intervals,
)


def measures(n: int = 12, size: str = "volume_ml") -> pd.DataFrame:
    rows = []
    for i in range(n):
        about = {"case": f"c{i}", "subject": f"00{i}", "visit": "", "date": "", "label": "lung"}
        rows.append({**about, "source": "drawn", size: 10.0 + i, "extent_mm": 3.0})
        rows.append({**about, "source": "predicted", size: (10.0 + i) / 1.1, "extent_mm": 3.0})
    new = {"case": "new", "subject": "n", "visit": "", "date": "", "label": "lung"}
    rows.append({**new, "source": "predicted", size: 20.0, "extent_mm": 3.0})
    return pd.DataFrame(rows)


@pytest.mark.parametrize("size", ["volume_ml", "area_mm2", "area_px"])
def test_a_predicted_size_has_an_interval_beside_it_and_a_drawn_one_none(size: str) -> None:
    table = measures(size=size)
    found = with_intervals(table, held_back_errors(table))
    columns = list(found.columns)
    place = columns.index(size)
    assert columns[place + 1 : place + 3] == list(bounds_of(size))
    assert columns[-2:] == ["level", "note"]
    low, high = bounds_of(size)
    new = found[found["case"] == "new"].iloc[0]
    assert (new[low], new[high], new["level"]) == pytest.approx((20 / 1.1, 22.0, 0.9))
    drawn = found[found["source"] == "drawn"]
    assert drawn[[low, high, "level"]].isna().all(axis=None)
    assert set(drawn["note"]) == {""}


def test_what_was_measured_stays() -> None:
    table = measures()
    found = with_intervals(table, held_back_errors(table))
    pd.testing.assert_frame_equal(found[table.columns], table)
    again = with_intervals(found, held_back_errors(found))
    pd.testing.assert_frame_equal(again, found)


def test_a_held_back_case_is_judged_by_the_others() -> None:
    """Nine subjects allow 90 % for a new case, and for one of them the eight others 80 %."""
    table = measures(9)
    found = with_intervals(table, held_back_errors(table)).set_index(["case", "source"])
    assert found.loc[("new", "predicted"), "level"] == 0.9
    assert found.loc[("c0", "predicted"), "level"] == 0.8


def test_without_held_back_cases_no_interval_is_made_up() -> None:
    alone = measures().query("source == 'predicted'")
    found = with_intervals(alone, held_back_errors(alone))
    assert found[["volume_low_ml", "volume_high_ml", "level"]].isna().all(axis=None)
    assert set(found["note"]) == {"no interval: no held-back case tells the error"}
    few = measures(3)
    found = with_intervals(few, held_back_errors(few))
    assert found.iloc[-1]["note"] == "no interval: 3 held-back subjects, it takes 4"
    assert np.isnan(found.iloc[-1]["volume_low_ml"])
    asked = with_intervals(measures(), held_back_errors(measures()), level=0.95)
    assert asked.iloc[-1]["note"] == "no interval: 12 held-back subjects, it takes 19"


def test_what_is_not_there_and_what_was_never_drawn() -> None:
    table = measures()
    table.loc[len(table) - 1, "volume_ml"] = 0.0
    table.loc[table["source"] == "drawn", "volume_ml"] *= (np.arange(12) > 0) * 1.0
    found = with_intervals(table, held_back_errors(table))
    assert found.iloc[-1]["note"] == "no interval: nothing was predicted"
    judged = found[found["case"] == "c5"].iloc[1]
    assert judged["volume_low_ml"] == 0.0 and np.isnan(judged["volume_high_ml"])
    assert judged["note"] == "no upper bound"


def test_scores_tell_the_same_errors(tmp_path: Path) -> None:
    table = measures()
    pairs = held_back_errors(table)["lung", "volume_ml"]
    excess = 100 * (pairs.predicted / pairs.drawn - 1)
    about = {"label": "lung", "metric": "volume_error_percent"}
    scores = pd.DataFrame(
        [
            {"case": s, "subject": s, **about, "value": value}
            for s, value in zip(pairs.subjects, excess, strict=True)
        ]
    )
    one, other = pairs.interval(7.0), scored_errors(scores)["lung", "volume_ml"].interval(7.0)
    assert one is not None and other is not None
    assert (other.low, other.high) == pytest.approx((one.low, one.high))
    scores.loc[0, "value"], scores.loc[1, "value"] = np.inf, -100.0
    scores.to_csv(tmp_path / "scores.csv", index=False)
    read = read_errors(tmp_path)["lung", "volume_ml"]
    assert read.drawn[0] == 0 and read.predicted[1] == 0 and read.n_subjects == 11


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    table = with_intervals(measures(), held_back_errors(measures()))
    table.to_csv(tmp_path / "measures.csv", index=False)
    pd.testing.assert_frame_equal(read_measures(tmp_path / "measures.csv"), table)
    assert set(read_errors(tmp_path)) == {("lung", "volume_ml")}


def test_a_table_that_tells_no_error_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "measures.csv"
    measures().query("source == 'predicted'").to_csv(path, index=False)
    with pytest.raises(CohortError, match="tells no error of a volume"):
        read_errors(path)
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match="not a table of measures"):
        read_errors(path)
    with pytest.raises(FileFormatError, match="not a table"):
        read_errors(tmp_path / "nothing.csv")
    with pytest.raises(UsageError, match="between 0 and 1"):
        with_intervals(measures(), {}, level=90)
