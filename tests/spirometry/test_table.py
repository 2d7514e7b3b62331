"""Tables of spirometry as people keep them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from suffice.core import FileFormatError
from suffice.spirometry import interpret_spirometry, read_spirometry

DATA = Path(__file__).parents[3] / "shared" / "data" / "spirometry"
NHANES = DATA / "nhanes_2007_2012.csv.gz"

PLAIN = """subject,date,sex,age_years,height_cm,fvc_l,fev1_l
S1,2024-01-31,M,60,175,4.0,3.0
S2,2024-02-01,F,50,160,3.0,2.5
"""


def written(folder: Path, text: str, name: str = "tests.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_plain_names(tmp_path):
    table = read_spirometry(written(tmp_path, PLAIN))
    assert table.notes == ()
    assert table.tests.to_dict("records")[0] == {
        "subject": "S1",
        "date": "2024-01-31",
        "sex": "male",
        "age_years": 60.0,
        "height_cm": 175.0,
        "fvc_l": 4.0,
        "fev1_l": 3.0,
    }


def test_other_names_units_separators_and_codes_mean_the_same(tmp_path):
    other = (
        "Patient ID;Name;Test date;Gender;Age [y];Height (m);FVC [mL];FEV1 (ml)\n"
        "S1;Doe;31.01.2024;1;60;1,75;4000;3000\n"
        "S2;Roe;2024/02/01;female;50;1,60;3000;2500\n"
    )
    found = read_spirometry(written(tmp_path, other))
    plain = read_spirometry(written(tmp_path, PLAIN, "plain.csv"))
    assert found.tests.round(6).equals(plain.tests.round(6))
    assert "Name" not in found.tests


def test_units_are_told_by_size_and_said(tmp_path):
    text = "id\tFVC\tFEV1\theight\n007\t4100\t3100\t1.8\n"
    table = read_spirometry(written(tmp_path, text))
    assert table.tests.to_dict("records") == [
        {"subject": "007", "height_cm": 180.0, "fvc_l": 4.1, "fev1_l": 3.1}
    ]
    assert [note for note in table.notes if "taken in ml" in note] == [
        "'FVC' has no unit in its name and is taken in ml",
        "'FEV1' has no unit in its name and is taken in ml",
    ]


def test_age_from_a_date_of_birth_which_is_not_kept(tmp_path):
    text = "subject,date,date_of_birth,fvc_l\nS1,2024-01-01,1964-01-01,4\n"
    table = read_spirometry(written(tmp_path, text))
    assert table.tests["age_years"][0] == pytest.approx(60.0, abs=0.01)
    assert list(table.tests) == ["subject", "date", "age_years", "fvc_l"]


def test_empty_rows_and_swapped_columns_are_said(tmp_path):
    text = "subject,fvc_l,fev1_l\nS1,3,4\nS2,,\n,4,3\n"
    table = read_spirometry(written(tmp_path, text))
    assert len(table.tests) == 1
    assert "2 rows without a value or a subject are left out" in table.notes
    assert "FEV1 exceeds FVC in 1 tests: are the two columns swapped?" in table.notes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("subject,age\nS1,50\n", "lacks fvc_l or fev1_l"),
        ("fvc_l\n4\n", "lacks subject"),
        ("subject,fvc_l,FVC (ml)\nS1,4,4000\n", "holds 'fvc' twice"),
        ("subject,fvc_l\nS1,four\n", "Row 2 of 'tests.csv' has no number in 'fvc_l': got 'four'"),
        ("subject,fvc_l\nS1,-4\n", "Row 2 of 'tests.csv' has a 'fvc_l' that is not positive"),
        ("subject,fvc_l\nS1,4000\n", "'fvc_l' in 'tests.csv' is not in l"),
        ("subject,fvc_ml\nS1,4\n", "'fvc_ml' in 'tests.csv' is not in ml"),
        ("subject,fvc\nS1,40\n", "The unit of 'fvc' in 'tests.csv' is unclear"),
        ("subject,fvc_l,height\nS1,4,40\n", "The unit of 'height' in 'tests.csv' is unclear"),
        ("subject,fvc_l,sex\nS1,4,M\nS2,4,0\n", "Row 3 of 'tests.csv' has a 'sex' that is not"),
        ("subject,fvc_l,date\nS1,4,03/04/2024\n", "is not read as a date: got '03/04/2024'"),
        ("subject,fvc_l\n", "holds no test"),
        ("subject,fvc_l\nS1,\n", "holds no test that can be used"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_cure(tmp_path, text, words):
    with pytest.raises(FileFormatError, match=r"tests\.csv") as caught:
        read_spirometry(written(tmp_path, text))
    assert words in str(caught.value)
    assert caught.value.cure and "\n" not in str(caught.value)


def test_what_is_no_table(tmp_path):
    sheet = tmp_path / "tests.xlsx"
    sheet.write_bytes(b"PK\x03\x04" + bytes(range(256)) * 4)
    with pytest.raises(FileFormatError, match=r"'tests\.xlsx' is no table"):
        read_spirometry(sheet)
    with pytest.raises(FileFormatError, match=r"'none\.csv' is no table"):
        read_spirometry(tmp_path / "none.csv")


def test_a_packed_table(tmp_path):
    path = tmp_path / "tests.csv.gz"
    path.write_bytes(gzip.compress(PLAIN.encode()))
    assert len(read_spirometry(path).tests) == 2


@pytest.mark.skipif(not NHANES.exists(), reason="needs ../shared/data/spirometry")
def test_nhanes_as_it_comes():
    table = read_spirometry(NHANES, needs=())
    assert len(table.tests) == 16596
    assert any("groups that GLI 2012 does not know" in note for note in table.notes)
    found = interpret_spirometry(table.tests, "gli2012")
    known = found["reason"] == ""
    assert (found["reason"][~known] == "group of origin unknown").all()
    assert known.sum() == (found["group"] != "").sum() == 16596 - 3068 - 1825
