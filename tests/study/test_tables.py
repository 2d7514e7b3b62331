"""Tables of a study: names stay text, and what is no such table is told."""

from pathlib import Path

import pytest

from suffice.core import FileFormatError
from suffice.study.tables import read_table

COLUMNS = ("case", "value", "note")


def read(path: Path):
    return read_table(
        path, "trials", COLUMNS, text=("case",), numbers=("value",), optional=("note",)
    )


def test_names_stay_text_and_nothing_is_no_number(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    path.write_text("case,value\n007,0.5\nNA,\n", encoding="utf-8")
    table = read(path)
    assert table["case"].tolist() == ["007", "NA"]
    assert table["value"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "text", ["", "case,note\na,b\n", 'case,value\n"a,1\n', "case,value\na,x\n"]
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "trials.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileFormatError, match="is not a table of trials"):
        read(path)
    with pytest.raises(FileFormatError, match="is not a table of trials"):
        read(tmp_path / "absent.csv")
