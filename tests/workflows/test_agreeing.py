"""Raters of a cohort: tables, a copy found, the ceiling, cases to adjudicate; real raters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from suffice.core import Case, Channel, Cohort, CohortError, Legend, StorageError, UsageError
from suffice.io import write_cohort
from suffice.workflows.agreeing import RaterAgreement, agree
from suffice.workflows.fusing import fuse_cohort
from suffice.workflows.importing import import_cohort

REAL_DATA = Path(__file__).parents[3] / "shared" / "data"


def _png(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(array.astype(np.uint8)).save(path)
    return path


@pytest.fixture
def raters(tmp_path: Path) -> Cohort:
    """Six pictures by anna, ben and cleo; gold copies anna, ben sees nothing in p5."""
    folder = tmp_path / "cohort"
    cases = []
    for i in range(6):
        cell = np.zeros((24, 24))
        cell[6 : 14 + i, 6:14] = 1
        drawn = {
            "anna_ink": cell,
            "ben_ink": np.roll(cell, 1, 0) * (i < 5),
            "cleo_ink": np.roll(cell, 2, 1),
            "gold": cell,
        }
        image = _png(folder / "images" / f"p{i}.png", cell * 100 + 20)
        masks = {r: _png(folder / r / f"p{i}.png", mask) for r, mask in drawn.items()}
        cases.append(Case(f"p{i}", f"s{i}", {"image": image}, masks))
    lone = Case("lone", "s9", cases[0].images, {"anna_ink": cases[0].masks["anna_ink"]})
    legend = Legend.from_names({1: "cell"})
    cohort = Cohort("cells", folder, (Channel(),), legend, (*cases, lone))
    write_cohort(cohort, folder)
    return cohort


def _row(found: RaterAgreement, of: str, metric: str, who: str = "") -> pd.Series:
    table = found.summary
    rows = table[(table["of"] == of) & (table["metric"] == metric) & (table["who"] == who)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_pairs_copies_ceiling_and_what_to_adjudicate(raters: Cohort) -> None:
    seen = []
    found = agree(raters.root, listener=seen.append)
    assert (found.n_cases, found.n_subjects, found.n_single) == (6, 6, 1)
    (copy,) = found.duplicates
    assert (copy.rater_a, copy.rater_b, copy.n_identical) == ("anna_ink", "gold", 6)
    assert _row(found, "pair", "dice", "anna_ink - gold")["mean"] == 1
    dice = found.pairs[(found.pairs["case"] == "p0") & (found.pairs["metric"] == "dice")]
    assert dice["value"].tolist() == pytest.approx([0.875, 0.75, 1.0, 0.65625, 0.875, 0.75])
    assert found.adjudicate.loc[0, "case"] == "p5"
    assert found.adjudicate.loc[0, "n_one_sided"] == 3
    assert _row(found, "pairs", "hd95_px")["n_undefined"] == 3
    assert _row(found, "pairs", "dice_both")["mean"] > _row(found, "pairs", "dice")["mean"]
    assert _row(found, "rater", "dice", "anna_ink")["mean"] > 0.9
    top = _row(found, "ceiling", "dice")
    assert top["low"] < top["mean"] < top["high"]
    assert 0 < _row(found, "raters", "fleiss_kappa")["mean"] < 1
    assert _row(found, "raters", "icc_area")["n_cases"] == 6
    assert seen[-1].fraction == 1.0


@pytest.mark.parametrize("name", ["consensus", "panel"])
def test_a_consensus_is_held_against_nobody(raters: Cohort, tmp_path: Path, name: str) -> None:
    """It is made of those whom it would be compared with, and so would flatter them all."""
    before = agree(raters.root, without=["gold"])
    fused = fuse_cohort(raters.root, tmp_path / "fused", name=name, without=["gold"]).cohort
    after = agree(fused.root)
    assert after.raters == ("anna_ink", "ben_ink", "cleo_ink")
    assert after.n_single == 1
    pd.testing.assert_frame_equal(after.summary, before.summary)
    again = fuse_cohort(fused.root, tmp_path / "again", name="again").cohort
    assert again.raters == ("again", "anna_ink", "ben_ink", "cleo_ink")


def test_raters_left_out_and_persons(raters: Cohort) -> None:
    found = agree(raters, without=["gold"], person_pattern="^(anna|ben)", workers=1)
    assert not found.duplicates and found.raters == ("anna_ink", "ben_ink", "cleo_ink")
    assert _row(found, "two persons", "dice")["n_values"] == 6
    assert not (found.summary["of"] == "one person").any()
    with pytest.raises(UsageError, match="has no rater 'dora'"):
        agree(raters, without=["dora"])
    with pytest.raises(UsageError, match="finds nobody"):
        agree(raters, person_pattern="^(Person[0-9])")
    with pytest.raises(CohortError, match="No case of 'cells' has two raters"):
        agree(raters, without=["gold", "ben_ink", "cleo_ink"])


def test_writes_its_tables_and_a_picture(raters: Cohort, tmp_path: Path) -> None:
    out = tmp_path / "agree"
    raters.cases[0].masks["ben_ink"].write_bytes(b"no picture")
    found = agree(raters, out)
    assert {path.name for path in out.iterdir()} == {
        *("agreement.csv", "summary.csv", "ceiling.csv", "adjudicate.csv", "sizes.csv"),
        *("heatmap.png", "left_out.csv", "undefined.csv"),
    }
    written = pd.read_csv(out / "agreement.csv")
    assert written["value"].tolist() == pytest.approx(found.pairs["value"].tolist())
    with Pillow.open(out / "heatmap.png") as picture:
        assert picture.size[0] > 300
    with pytest.raises(StorageError, match="exists already"):
        agree(raters, out)
    agree(raters, out, overwrite=True)


def _real(tmp_path: Path, name: str, pattern: str, masks: list[str], **options: bool) -> Cohort:
    if not (REAL_DATA / name).exists():
        pytest.skip(f"real data '{name}' is not on this machine")
    source = REAL_DATA / name
    return import_cohort(
        source, tmp_path / name, pattern=pattern, mask_pattern=masks, **options
    ).cohort


def test_nodules_agree_as_published(tmp_path: Path) -> None:
    """Of ten patients: 0.757 a slice over the whole source, pairs of whom both drew something."""
    masks = ["{subject}9/{nodule}/mask-{rater}/slice-{slice}.png"]
    cohort = _real(tmp_path, "lidc_nodules", "{subject}9/{nodule}/images/slice-{slice}.png", masks)
    found = agree(cohort)
    assert _row(found, "pairs", "dice_both")["pooled"] == pytest.approx(0.757, abs=0.08)
    assert found.raters == ("0", "1", "2", "3") and not found.duplicates


def test_the_gold_that_copies_a_person_is_found(tmp_path: Path) -> None:
    experts, gold = "ExpertsAnnotations/{rater}/*_{case}5.png", "gold=GoldStandard/*_{case}5.png"
    found = agree(
        _real(
            tmp_path, "cells_10_raters", "RawImages/{case}5.png", [experts, gold], invert_masks=True
        ),
        person_pattern="^(Person[0-9]+)_",
    )
    assert found.n_cases == 4
    copies = {(pair.rater_a, pair.rater_b) for pair in found.duplicates}
    assert ("Person2_ImageJ", "gold") in copies
    assert _row(found, "two persons", "dice")["mean"] == pytest.approx(0.856, abs=0.05)
    assert _row(found, "one person", "dice")["mean"] == pytest.approx(0.884, abs=0.05)
