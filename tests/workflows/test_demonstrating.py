"""The demo: a cohort of phantoms, and a study on it."""

import json
from pathlib import Path

import pytest

from suffice.core import StorageError
from suffice.study import read_splits
from suffice.workflows.demonstrating import demonstrate


def test_a_study_on_phantoms_that_goes_on(tmp_path: Path, fakes) -> None:
    def demo() -> Path:
        return demonstrate(
            tmp_path / "demo",
            minutes=1,
            n_subjects=4,
            rungs=fakes.rungs,
            load=fakes.load,
        ).report

    report = demo()
    assert report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    final, folds = read_splits(report.parent / "splits.csv")
    assert (len(final.train), len(final.test), folds) == (2, 2, ())
    page = report.read_text(encoding="utf-8")
    assert 'id="time"' in page and "Bland–Altman" in page
    told = json.loads((report.parent / "track" / "agreement.json").read_text(encoding="utf-8"))
    assert told["spirometry"]["agreement"]["fvc"]["n_pairs"] == 8
    assert demo() == report
    assert len(fakes.fits) == 1


def test_a_folder_with_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(StorageError, match="is no demo"):
        demonstrate(tmp_path, minutes=1)


def test_what_a_kill_left_is_no_other_thing(tmp_path: Path, fakes) -> None:
    (tmp_path / ".partial-0123abcd-cohort").mkdir()
    study = demonstrate(tmp_path, minutes=1, n_subjects=4, rungs=fakes.rungs, load=fakes.load)
    assert study.report.exists()
