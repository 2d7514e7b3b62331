"""Measures beside their intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from suffice.report.volumes import measure_tables


def table(**columns: object) -> pd.DataFrame:
    about = {"case": "c", "subject": "s", "visit": "", "date": "", "label": "lung"}
    return pd.DataFrame([{**about, "source": "predicted", "volume_ml": 2.5, **columns}])


def test_an_interval_stands_behind_its_value_and_has_no_table_of_its_own() -> None:
    bounds = {"volume_low_ml": 2.0, "volume_high_ml": 3.0, "level": 0.9, "note": ""}
    (found,) = measure_tables(table(**bounds))
    assert found.rows[0][-1] == "2.50 (2.00 to 3.00)"
    assert "90 % interval" in found.interval


def test_a_value_without_one_stands_alone() -> None:
    bounds = {"volume_low_ml": np.nan, "volume_high_ml": np.nan, "level": np.nan, "note": "few"}
    (found,) = measure_tables(table(**bounds))
    assert found.rows[0][-1] == "2.50" and found.interval == ""
    assert measure_tables(table())[0].rows == found.rows


def test_an_upper_bound_may_lack() -> None:
    bounds = {"volume_low_ml": 2.0, "volume_high_ml": np.nan, "level": 0.9, "note": ""}
    assert measure_tables(table(**bounds))[0].rows[0][-1] == "2.50 (at least 2.00)"
