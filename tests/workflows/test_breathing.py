"""Lung volume against spirometry: what makes up the lungs, and at what breath."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from suffice.core import UsageError
from suffice.spirometry import read_spirometry
from suffice.tracking import sizes_of
from suffice.workflows.breathing import Breathing, compare_breathing, lung_volumes


def measures(**columns: str) -> pd.DataFrame:
    """Two subjects at two visits; the second has lost half a litre, and a nodule grew."""
    rows = []
    for i in range(2):
        for visit, date in (("1", "2022-01-10"), ("2", "2023-01-10")):
            whole = 4000 + 200 * i - 500 * i * (visit == "2")
            for label, volume in (
                ("left lung", 0.45 * whole),
                ("right lung", 0.55 * whole),
                ("lung nodule", 1.0),
            ):
                rows.append((f"c{i}_{visit}", f"S{i}", visit, date, label, str(volume)))
    names = ["case", "subject", "visit", "date", "label", "volume_ml"]
    return pd.DataFrame(rows, columns=names).assign(source="drawn", **columns)


def compared(folder: Path, table: pd.DataFrame, **options) -> Breathing:
    rows = [
        (f"S{i}", date, "M", 60, 170, fvc)
        for i, date, fvc in (
            (0, "2022-01-20", 3.0),
            (0, "2023-01-05", 3.0),
            (1, "2022-01-20", 3.2),
            (1, "2023-01-05", 2.8),
        )
    ]
    path = folder / "spirometry.csv"
    names = ["subject", "date", "sex", "age", "height_cm", "fvc_l"]
    pd.DataFrame(rows, columns=names).to_csv(path, index=False)
    given = {"reference": "gli2022", "max_gap_days": 30, "breath": "unknown", **options}
    return compare_breathing(sizes_of(table), table, read_spirometry(path), **given)


def test_both_lungs_make_one_volume_in_litres_and_a_nodule_none():
    found = lung_volumes(sizes_of(measures())).set_index("case")["lungs_l"]
    assert found.to_dict() == pytest.approx({"c0_1": 4.0, "c0_2": 4.0, "c1_1": 4.2, "c1_2": 3.7})


def test_each_scan_is_set_against_its_test(tmp_path):
    found = compared(tmp_path, measures())
    assert len(found.pairs) == 4 and found.unpaired.empty
    # By hand: 1.0, 1.0, 1.0 and 0.9 litres more on the scan than were breathed out.
    assert found.agreement["fvc"].bias.value == pytest.approx(0.975)
    # From first to last: 0 and -0.5 on the scan, 0 and -0.4 in the tests.
    assert found.agreement["fvc_change"].bias.value == pytest.approx(-0.05)
    assert "fev1" not in found.agreement


def test_a_test_too_far_off_belongs_to_no_scan(tmp_path):
    found = compared(tmp_path, measures(), max_gap_days=7)
    assert sorted(found.unpaired["case"]) == ["c0_1", "c1_1"]


def test_without_lungs_there_is_nothing_to_set_against_spirometry(tmp_path):
    liver = measures().query("label == 'left lung'").assign(label="liver")
    with pytest.raises(UsageError, match="No volume of the lungs"):
        compared(tmp_path, liver)
    with pytest.raises(UsageError, match="no structure 'spleen'"):
        compared(tmp_path, liver, lungs=["spleen"])
    assert len(compared(tmp_path, liver, lungs=["liver"]).pairs) == 4


def test_the_measurements_may_say_at_which_breath_a_scan_was_taken(tmp_path):
    found = compared(tmp_path, measures(breath="Expiration"))
    assert any("4 of 4 scans were taken at expiration" in c for c in found.cautions)
    with pytest.raises(UsageError, match="breath that is none: got 'deep'"):
        compared(tmp_path, measures(breath="deep"))
