"""Following subjects over visits: tables, cohorts, spirometry and pages, all at once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suffice.core import StorageError, UsageError
from suffice.io import write_cohort
from suffice.workflows.tracking import track

SPIROMETRY = ("subject", "date", "sex", "age", "height_cm", "fvc_l", "fev1_l")


def measures(folder: Path, n_subjects: int = 8) -> Path:
    """Two visits a subject: the odd ones lose half a litre of lung, the others nothing."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n_subjects):
        whole = 4000 + 200 * i
        for visit, date in ((1, "2022-01-10"), (2, "2023-01-10")):
            lost = 500 if visit == 2 and i % 2 else 0
            for label, part in (("left lung", 0.45), ("right lung", 0.55)):
                value = part * (whole - lost) + rng.normal(0, 5)
                rows.append((f"c{i}_{visit}", f"S{i}", visit, date, label, "predicted", value))
    names = ["case", "subject", "visit", "date", "label", "source", "volume_ml"]
    path = folder / "measures.csv"
    pd.DataFrame(rows, columns=names).to_csv(path, index=False)
    return path


def lung_tests(folder: Path, n_subjects: int = 8) -> Path:
    rows = []
    for i in range(n_subjects):
        for date, lost in (("2022-01-20", 0.0), ("2023-01-05", 0.5 if i % 2 else 0.0)):
            fvc = 0.75 * (4 + 0.2 * i - lost)
            rows.append((f"S{i}", date, "F" if i % 2 else "M", 60, 170, round(fvc, 3), fvc * 0.78))
    path = folder / "spirometry.csv"
    pd.DataFrame(rows, columns=list(SPIROMETRY)).to_csv(path, index=False)
    return path


def test_a_table_with_spirometry_becomes_tables_and_pages(tmp_path):
    out = tmp_path / "out"
    found = track(measures(tmp_path), out, spirometry=lung_tests(tmp_path), repeatability="60")
    last = found.track[found.track["visit"] == "2"].set_index(["subject", "label"])["verdict"]
    assert {v for (s, _), v in last.items() if int(s[1]) % 2} == {"shrunk"}
    assert {v for (s, _), v in last.items() if not int(s[1]) % 2} == {"within noise"}
    assert found.breathing is not None
    assert found.breathing.agreement["fvc"].n_pairs == 16
    assert found.breathing.agreement["fvc"].correlation.value > 0.99
    # The lungs hold a third more than what can be breathed out.
    assert found.breathing.agreement["fvc"].slope.value == pytest.approx(0.75, abs=0.02)
    assert found.breathing.agreement["fvc_change"].correlation.value > 0.99
    names = {path.name for path in out.iterdir()}
    assert names == {
        "track.csv",
        "slopes.csv",
        "spirometry.csv",
        "agreement.json",
        "index.html",
        "subjects",
    }
    told = json.loads((out / "agreement.json").read_text(encoding="utf-8"))
    assert told["spirometry"]["agreement"]["fvc"]["bias"]["value"] > 0.9
    assert told["verdicts"]["left lung"] == {"within noise": 4, "shrunk": 4}
    tests = pd.read_csv(out / "spirometry.csv")
    assert tests["fvc_z"].notna().all() and (tests["reference"] == "gli2022").all()
    index = (out / "index.html").read_text(encoding="utf-8")
    assert "subjects/S3.html" in index and "Bland–Altman" in index
    page = (out / "subjects" / "S3.html").read_text(encoding="utf-8")
    assert "shrunk" in page and "FVC" in page and "http" not in page.split("<svg")[0]


def test_what_is_there_is_not_replaced_unasked(tmp_path):
    out = tmp_path / "out"
    table = measures(tmp_path, 2)
    track(table, out)
    with pytest.raises(StorageError, match="exists already"):
        track(table, out)
    track(table, out, overwrite=True)
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(StorageError, match="holds other things"):
        track(table, other, overwrite=True)
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]


def test_a_folder_of_nothing(tmp_path):
    with pytest.raises(UsageError, match="nothing that can be tracked"):
        track(tmp_path)


def test_lesions_of_a_cohort_and_the_masks_of_all_visits(lesions, tmp_path):
    out = tmp_path / "out"
    found = track(lesions.root, out)
    rows = found.lesions.set_index("fate")
    assert sorted(found.lesions["fate"]) == ["grown", "new"]
    assert rows.loc["grown", "before"] == pytest.approx(0.064)
    assert rows.loc["grown", "after"] == pytest.approx(0.128)
    assert rows.loc["new", "after"] == pytest.approx(0.016)
    assert set(found.lesions["registered"]) == {"same grid"}
    # Two people drew the first scan: how far they differ is the noise.
    assert found.repeatability["lesion"].kind == "repeated masks"
    assert found.track["source"].tolist() == ["anna", "anna"]
    page = (out / "subjects" / "P_1.html").read_text(encoding="utf-8")
    assert page.count('<figure class="panel">') == 6 and "1 new and 1 grown" in page
    assert "data:image/png" in page


def test_unknown_structures_and_tables_without_masks(lesions, tmp_path):
    with pytest.raises(UsageError, match="no structure 'plaque'"):
        track(lesions.root, lesions=["plaque"])
    with pytest.raises(UsageError, match="a table has none"):
        track(measures(tmp_path, 2), lesions=["left lung"])
    assert track(lesions.root, lesions=[]).lesions.empty


def test_a_cohort_without_any_mask(lesions):
    bare = replace(lesions, cases=tuple(replace(case, masks={}) for case in lesions.cases))
    write_cohort(bare, lesions.root, overwrite=True)
    with pytest.raises(UsageError, match="no mask that can be measured"):
        track(lesions.root)
