"""The table of what was done, also after a kill in the middle of a row."""

from __future__ import annotations

import csv
from pathlib import Path

from suffice.privacy import Audit, Record, finished, make_whole


def record(name: str) -> Record:
    return Record(file=name, kind="dicom", outcome="cleaned", done={"removed": ["a"], "x": ["b"]})


def test_a_cut_table_is_made_whole(tmp_path: Path) -> None:
    table = tmp_path / "audit.csv"
    with Audit(table) as audit:
        for name in ("one", "two", "three"):
            audit.add(record(name))
    whole = table.read_text()
    table.write_text(whole[:-9])
    assert finished(table) == {"one", "two"}
    make_whole(table)
    with Audit(table) as audit:
        audit.add(record("three"))
    assert table.read_text() == whole
    assert [row["file"] for row in csv.DictReader(whole.splitlines())] == [
        *("one", "one", "two", "two", "three", "three")
    ]


def test_no_table_is_no_file_done(tmp_path: Path) -> None:
    assert finished(tmp_path / "none.csv") == set()
    make_whole(tmp_path / "none.csv")


def test_a_file_that_was_refused_says_why(tmp_path: Path) -> None:
    refused = Record(file="a", kind="", outcome="refused", reason="damaged")
    assert refused.rows() == [["a", "", "refused", "not copied", "damaged"]]
