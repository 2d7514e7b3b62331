"""`suffice measure`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from suffice.cli.main import app
from suffice.core import Cohort


def run(*arguments: object):
    return CliRunner().invoke(app, ["measure", *map(str, arguments)])


def test_the_table_goes_to_the_file_and_its_name_to_the_answer(
    tiny_cohort: Cohort, tmp_path: Path
) -> None:
    out = tmp_path / "measures.csv"
    found = run(tiny_cohort.root, "--out", out, "--drawn")
    assert found.exit_code == 0 and found.stdout.strip() == str(out)
    table = pd.read_csv(out)
    assert (table["volume_low_ml"] < table["volume_ml"]).all()
    assert run(tiny_cohort.root, "--out", out).exit_code == 1
    assert run(tiny_cohort.root, "--out", out, "--force").exit_code == 0


def test_without_a_file_the_sizes_are_the_answer(tiny_cohort: Cohort) -> None:
    found = run(tiny_cohort.root / "masks", "--label", "1=ball")
    head = found.stdout.splitlines()[0].split()
    assert head == ["case", "label", "source", "volume_ml", "note"]
    assert re.search(r"case0\s+ball\s+predicted\s+0\.\d+\s+no interval", found.stdout)


def test_json_holds_everything(tiny_cohort: Cohort) -> None:
    found = run(tiny_cohort.root, "--json")
    answer = json.loads(found.stdout)
    assert len(answer["measures"]) == 6 and answer["left_out"] == []
    row = answer["measures"][0]
    assert row["volume_low_ml"] is None and row["surface_mm2"] > 0 and row["mean_value"] > 0


@pytest.mark.parametrize("broken", ["1=", "ball"])
def test_a_label_without_value_or_name_is_refused(tiny_cohort: Cohort, broken: str) -> None:
    found = run(tiny_cohort.root, "--label", broken)
    assert found.exit_code == 1 and "A label needs a value and a name" in found.stderr


def test_a_mask_that_cannot_be_read_is_a_problem(tiny_cohort: Cohort, tmp_path: Path) -> None:
    good = tiny_cohort.cases[0].masks["expert"]
    (tmp_path / "good.nii.gz").write_bytes(good.read_bytes())
    (tmp_path / "bad.nii.gz").write_bytes(good.read_bytes()[:50])
    found = run(tmp_path)
    assert found.exit_code == 1 and "good" in found.stdout
    assert "1 masks lack measures" in found.stderr
