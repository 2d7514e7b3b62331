"""`suffice track` as a person and a program call it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from suffice.cli.main import app


def table(folder: Path) -> Path:
    rows = [
        (f"c{i}{v}", f"S{i}", str(v), f"202{v}-01-01", "lung", 4000 + 100 * i - 600 * (v - 1) * i)
        for i in range(3)
        for v in (1, 2)
    ]
    path = folder / "measures.csv"
    names = ["case", "subject", "visit", "date", "label", "volume_ml"]
    pd.DataFrame(rows, columns=names).to_csv(path, index=False)
    return path


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        app(["track", *arguments])
    return int(ended.value.code or 0)


def test_words_and_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = str(table(tmp_path)), tmp_path / "out"
    assert call(source, "--repeatability", "5%", "--out", str(out)) == 0
    words = capsys.readouterr().out
    assert "noise of lung: 5 %, given" in words
    assert words.count("shrunk") == 2 and words.count("within noise") == 1
    assert "lung: −600 ml a year" in words and words.rstrip().endswith("index.html")
    assert call(source, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["repeatability"]["lung"]["kind"] == "unknown"
    assert [row["verdict"] for row in told["track"] if row["visit"] == "2"] == ["not known"] * 3


def test_spirometry_is_answered_with_its_cautions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = tmp_path / "tests.csv"
    tests.write_text(
        "subject,date,fvc\nS0,2021-01-05,3.1\nS1,2021-01-05,3.2\nS2,2021-01-09,3.0\n",
        encoding="utf-8",
    )
    assert call(str(table(tmp_path)), "--spirometry", str(tests)) == 0
    both = capsys.readouterr()
    assert "lungs against fvc: r " in both.out and "3 pairs of 3 subjects" in both.out
    assert "no test for c02: its nearest test is" in both.err
    assert "'fvc' has no unit in its name and is taken in l" in both.err
    assert "caution: Posture differs" in both.err


def test_a_problem_is_one_line_with_its_cure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(str(table(tmp_path)), "--lesions", "lung") == 1
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1 and "a table has none" in told[0]
    assert call(str(tmp_path / "measures.csv"), "--breath", "deep") == 2
