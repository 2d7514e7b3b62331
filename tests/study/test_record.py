"""The record of a study: what it says and that it comes back."""

from __future__ import annotations

import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from suffice.core import Case, Channel, Cohort, FileFormatError, Legend, UsageError
from suffice.study import StudyRecord, data_hash, read_record, versions, write_record

RECORD = StudyRecord(
    name='odd "name" ü\n',
    cohort="../lungs",
    rung="unet",
    seed=7,
    minutes=10.0,
    data_hash="ab12",
    settings={"patch": [32, 48, 32], "mirror": True, "lr": 1e-3, "note": "a\\b\x7f", "odd key": 1},
)


def test_a_record_comes_back_from_its_file(tmp_path):
    write_record(tmp_path / "study.toml", RECORD)
    assert read_record(tmp_path / "study.toml") == RECORD


def test_what_is_not_set_is_not_written(tmp_path):
    write_record(tmp_path / "study.toml", replace(RECORD, settings={"folds": None, "a": 1}))
    assert read_record(tmp_path / "study.toml").settings == {"a": 1}
    with pytest.raises(UsageError, match="Settings are text, numbers"):
        write_record(tmp_path / "study.toml", replace(RECORD, settings={"a": {"b": 1}}))


@pytest.mark.parametrize(
    ("text", "got"), [("name =", "Invalid value"), ('name = "a"', "no 'cohort'")]
)
def test_a_damaged_record_is_named(tmp_path, text, got):
    (tmp_path / "study.toml").write_text(text)
    with pytest.raises(FileFormatError, match=f"not the record of a study: got {got}"):
        read_record(tmp_path / "study.toml")


def test_versions_are_told_without_loading_torch():
    assert versions()["python"] == platform.python_version()
    code = "import sys, suffice.study as s; s.versions(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def make_cohort(root: Path, *, pixels: bytes = b"scan", name: str = "toy") -> Cohort:
    root.mkdir(exist_ok=True)
    series = root / "series"
    series.mkdir(exist_ok=True)
    (root / "a.png").write_bytes(pixels)
    (root / "a_mask.png").write_bytes(b"mask")
    (series / "1.dcm").write_bytes(b"slice")
    cases = (
        Case("a", "s1", {"image": root / "a.png"}, {"expert": root / "a_mask.png"}),
        Case("b", "s2", {"image": series}),
    )
    return Cohort(name, root, (Channel(),), Legend.from_names({1: "lung"}), cases)


def test_the_hash_follows_the_contents_not_the_place(tmp_path):
    here = make_cohort(tmp_path / "here")
    assert data_hash(here) == data_hash(make_cohort(tmp_path / "there", name="other"))
    assert data_hash(here) == data_hash(replace(here, cases=here.cases[::-1]))


@pytest.mark.parametrize("change", ["pixels", "slice", "subject", "legend", "mask", "spacing"])
def test_any_change_of_the_data_changes_the_hash(tmp_path, change):
    cohort = make_cohort(tmp_path)
    before = data_hash(cohort)
    first, second = cohort.cases
    if change == "pixels":
        cohort = make_cohort(tmp_path, pixels=b"scam")
    elif change == "slice":
        (tmp_path / "series" / "2.dcm").write_bytes(b"")
    elif change == "subject":
        cohort = replace(cohort, cases=(replace(first, subject="s2"), second))
    elif change == "spacing":
        cohort = replace(cohort, cases=(replace(first, pixel_spacing_mm=(0.5, 0.5)), second))
    elif change == "mask":
        cohort = replace(cohort, cases=(replace(first, masks={}), second))
    else:
        cohort = replace(cohort, legend=Legend.from_names({2: "lung"}))
    assert data_hash(cohort) != before


def test_a_file_that_is_gone_is_named(tmp_path):
    cohort = make_cohort(tmp_path)
    (tmp_path / "a.png").unlink()
    with pytest.raises(FileFormatError, match=r"a.png' cannot be read: got No such file"):
        data_hash(cohort)
