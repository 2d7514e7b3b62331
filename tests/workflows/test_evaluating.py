"""Scoring folders of masks: pairing, reasons for what is left out, files, real masks."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image as PILImage

from suffice.core import (
    Case,
    Channel,
    Cohort,
    CohortError,
    Grid,
    LabelError,
    Legend,
    StorageError,
    UsageError,
)
from suffice.io import write_cohort, write_probabilities
from suffice.metrics import Panel
from suffice.workflows.evaluating import advise_on, evaluate
from suffice.workflows.fusing import fuse_cohort

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def write_nifti(path, array, spacing=(1.0, 1.0, 2.0)):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, np.diag([*spacing, 1.0])), path)


def write_png(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    PILImage.fromarray(array).save(path)


def cube(shift=0, value=1):
    array = np.zeros((12, 12, 8), dtype=np.uint8)
    array[3 + shift : 8 + shift, 3:8, 2:6] = value
    return array


@pytest.fixture
def folders(tmp_path):
    """References a to d; predictions a (exact), b (shifted), c (other grid), e (no reference)."""
    for name in "abcd":
        write_nifti(tmp_path / "ref" / f"{name}.nii.gz", cube())
    write_nifti(tmp_path / "pred" / "a.nii.gz", cube())
    write_nifti(tmp_path / "pred" / "b.nii.gz", cube(shift=1))
    write_nifti(tmp_path / "pred" / "c.nii.gz", cube(), spacing=(1.0, 1.0, 2.5))
    write_nifti(tmp_path / "pred" / "e.nii.gz", cube())
    return tmp_path


def value_of(table, case, metric):
    return table[(table["case"] == case) & (table["metric"] == metric)]["value"].item()


def test_pairs_by_name_and_says_what_it_left_out(folders):
    seen = []
    result = evaluate(folders / "pred", folders / "ref", listener=seen.append)
    assert value_of(result.scores, "a", "dice") == 1
    assert value_of(result.scores, "b", "dice") == pytest.approx(0.8)
    assert value_of(result.scores, "b", "hd95_mm") == pytest.approx(1.0)
    assert set(result.scores["label"]) == {"label 1", "all"}
    reasons = {item.path.name: item.reason for item in result.left_out}
    assert set(reasons) == {"c.nii.gz", "d.nii.gz", "e.nii.gz"}
    assert "lie on different grids" in reasons["c.nii.gz"]
    assert reasons["d.nii.gz"] == "no prediction is called 'd'"
    assert reasons["e.nii.gz"] == "no reference is called 'e'"
    assert seen[-1].fraction == 1.0


def test_any_number_of_workers_gives_the_same(folders):
    one, three = (evaluate(folders / "pred", folders / "ref", workers=n) for n in (1, 3))
    pd.testing.assert_frame_equal(one.scores, three.scores)
    pd.testing.assert_frame_equal(one.summary, three.summary)


def test_writes_its_tables_and_does_not_replace_them_unasked(folders):
    out = folders / "out"
    result = evaluate(folders / "pred", folders / "ref", out)
    assert sorted(p.name for p in out.iterdir()) == ["left_out.csv", "scores.csv", "summary.csv"]
    summary = pd.read_csv(out / "summary.csv")
    assert summary["mean"].tolist() == pytest.approx(result.summary["mean"].tolist())
    with pytest.raises(StorageError, match="exists already"):
        evaluate(folders / "pred", folders / "ref", out)
    evaluate(folders / "pred", folders / "ref", out, overwrite=True)


def test_an_unreadable_prediction_does_not_stop_the_others(folders):
    (folders / "pred" / "d.nii.gz").write_bytes(b"not an image")
    write_nifti(folders / "pred" / "c.nii.gz", cube(value=9))
    result = evaluate(folders / "pred", folders / "ref")
    assert set(result.scores["case"]) == {"a", "b"}
    reasons = {item.path.name: item.reason for item in result.left_out}
    assert "d.nii.gz" in reasons
    assert "values that the legend does not know" in reasons["c.nii.gz"]


def test_one_file_against_another_whatever_their_names(folders):
    result = evaluate(folders / "pred" / "b.nii.gz", folders / "ref" / "a.nii.gz")
    assert value_of(result.scores, "a", "dice") == pytest.approx(0.8)


def test_visits_of_one_person_are_one_subject_where_names_tell(tmp_path):
    for name in ("sub-01_ses-1", "sub-01_ses-2", "sub-02_ses-1", "other"):
        write_nifti(tmp_path / "ref" / f"{name}.nii.gz", cube())
    result = evaluate(tmp_path / "ref", tmp_path / "ref")
    assert set(result.scores["subject"]) == {"sub-01", "sub-02", "other"}
    dice = result.summary[result.summary["metric"] == "dice"]
    assert set(dice["n_subjects"]) == {3} and set(dice["n_cases"]) == {4}


def test_a_cohort_gives_names_subjects_and_its_unlabelled_cases(tiny_cohort, tmp_path):
    for case in tiny_cohort.labelled().cases:
        mask = nib.load(case.masks["expert"])
        write = np.roll(np.asarray(mask.dataobj), 1, axis=0)
        nib.save(nib.Nifti1Image(write, mask.affine), tmp_path / f"{case.name}.nii.gz")
    nib.save(nib.Nifti1Image(write, mask.affine), tmp_path / "case7.nii.gz")
    result = evaluate(tmp_path, tiny_cohort.root)
    assert set(result.scores["label"]) == {"ball", "all"}
    assert set(result.scores["subject"]) == {f"subject{i}" for i in range(6)}
    # Nobody drew case7, as the cohort says: a model's mask of it is no mistake.
    assert result.left_out == ()
    row = result.summary.set_index(["label", "metric"]).loc[("mean", "dice")]
    assert row["n_subjects"] == 6
    assert 0.7 < row["low"] < row["mean"] < row["high"] < 1


def test_pictures_are_scored_in_pixels(tmp_path):
    mask = np.zeros((16, 16), dtype=np.uint8)
    mask[4:10, 4:10] = 255
    write_png(tmp_path / "ref" / "x.png", mask)
    write_png(tmp_path / "pred" / "x.png", np.roll(mask, 2, axis=1))
    result = evaluate(tmp_path / "pred", tmp_path / "ref")
    assert value_of(result.scores, "x", "hd95_px") == 2
    assert value_of(result.scores, "x", "area_error_px") == 0


def test_what_cannot_be_scored_is_named(folders, tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        evaluate(tmp_path / "nowhere", folders / "ref")
    (folders / "empty").mkdir()
    with pytest.raises(CohortError, match="could be scored: got no prediction is called 'a'"):
        evaluate(folders / "empty", folders / "ref")
    with pytest.raises(LabelError, match="do not tell their structures"):
        evaluate(folders / "pred", folders / "empty")
    write_nifti(folders / "pred" / "a.nii", cube())
    with pytest.raises(UsageError, match=r"Two masks of .* are called 'a'"):
        evaluate(folders / "pred", folders / "ref")


@pytest.mark.skipif(not DATA.is_dir(), reason="real data is not here")
def test_shifting_a_real_mask_by_a_voxel_moves_its_surface_by_the_spacing(tmp_path):
    path = DATA / "sarcoma_STS_008" / "nifti" / "PET_mask.nii.gz"
    mask = nib.load(path)
    moved = np.roll(np.asarray(mask.dataobj), 1, axis=2)
    nib.save(nib.Nifti1Image(moved, mask.affine), tmp_path / "moved.nii.gz")
    scores = evaluate(tmp_path / "moved.nii.gz", path).scores
    thickness = float(np.linalg.norm(mask.affine[:3, 2]))
    assert value_of(scores, "PET_mask", "hd95_mm") == pytest.approx(thickness, rel=1e-3)
    assert 0.7 < value_of(scores, "PET_mask", "dice") < 1


@pytest.fixture
def raters(tmp_path):
    """Four pictures: anna, and ben two pixels off; ben alone drew nothing in p3; predictions."""
    cases = []
    for i in range(4):
        cell = np.zeros((24, 24), dtype=np.uint8)
        cell[6:16, 5 : 14 + i] = 1
        drawn = {"anna": cell, "ben": np.roll(cell, 2, axis=1) * np.uint8(i < 3), "cleo": cell}
        for rater, mask in drawn.items():
            write_png(tmp_path / rater / f"p{i}.png", mask)
        write_png(tmp_path / "images" / f"p{i}.png", cell * 90)
        write_png(tmp_path / "pred" / f"p{i}.png", np.roll(cell, 1, axis=1))
        masks = {rater: tmp_path / rater / f"p{i}.png" for rater in drawn}
        cases.append(Case(f"p{i}", f"s{i}", {"image": tmp_path / "images" / f"p{i}.png"}, masks))
    legend = Legend.from_names({1: "cell"})
    write_cohort(Cohort("cells", tmp_path, (Channel(),), legend, tuple(cases)), tmp_path)
    return tmp_path


def mean_of(table, metric, label="cell", **where):
    rows = table[(table["metric"] == metric) & (table["label"] == label)]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows["mean"].item()


def test_against_each_rater_and_their_consensus(raters):
    each = evaluate(str(raters / "pred"), str(raters), rater="all")
    assert set(each.scores["rater"]) == {"anna", "ben", "cleo"}
    means = [mean_of(each.summary, "dice", rater=r) for r in ("anna", "ben", "cleo", "all")]
    assert means[0] == means[2] > means[1]
    assert means[3] == pytest.approx(np.mean(means[:3]))
    assert set(each.undefined["case"]) == {"p3"}
    fused = evaluate(raters / "pred", raters, rater="consensus", consensus="staple")
    assert mean_of(fused.summary, "dice") == pytest.approx(means[0], abs=0.05)
    with pytest.raises(CohortError, match="no reference mask by 'dora'"):
        evaluate(raters / "pred", raters, rater="dora")


def test_the_ceiling_stands_beside_the_score(raters, tmp_path):
    result = evaluate(raters / "pred", raters, tmp_path / "out")
    # Of three, two drew the same: they are the consensus of themselves and ben.
    anna, everyone = (mean_of(result.ceiling_summary, "dice", rater=r) for r in ("anna", "all"))
    assert 0 < everyone < 1 and anna < mean_of(result.summary, "dice") + 0.2
    assert {p.name for p in (tmp_path / "out").iterdir()} >= {"ceiling.csv", "ceiling_summary.csv"}
    without = evaluate(raters / "pred", raters, ceiling=False)
    assert not len(without.ceiling)


def test_a_consensus_has_no_part_in_the_ceiling(raters, tmp_path):
    before = evaluate(raters / "pred", raters)
    fuse_cohort(raters, tmp_path / "fused")
    after = evaluate(raters / "pred", tmp_path / "fused")
    assert set(after.ceiling["rater"]) == {"anna", "ben", "cleo"}
    pd.testing.assert_frame_equal(after.ceiling_summary, before.ceiling_summary)
    each = evaluate(raters / "pred", tmp_path / "fused", rater="all")
    assert set(each.scores["rater"]) == {"anna", "ben", "cleo"}
    assert "3 people drew" in str(advise_on(tmp_path / "fused")[0])


def test_instances_of_the_full_panel_are_scored_once(raters):
    scores = evaluate(raters / "pred", raters, panel=Panel.full(), instances=True).scores
    assert not scores.duplicated(["case", "label", "metric"]).any()


def test_instances_and_other_metrics_on_request(raters):
    panel = Panel.of(["dice", "cldice"])
    names = set(evaluate(raters / "pred", raters, panel=panel, instances=True).scores["metric"])
    assert {"dice", "cldice", "pq", "lesion_f1"} <= names and "hd95_px" not in names


def test_kept_probabilities_are_scored(raters):
    (raters / "pred" / "probabilities").mkdir()
    for i in range(4):
        mask = np.asarray(PILImage.open(raters / "anna" / f"p{i}.png"))
        sure = np.where(mask, 0.9, 0.1).astype(np.float32)
        path = raters / "pred" / "probabilities" / f"p{i}.tif"
        write_probabilities(path, np.stack([1 - sure, sure]), Grid(mask.shape))
    summary = evaluate(raters / "pred", raters).summary
    assert mean_of(summary, "brier", "all") == pytest.approx(0.02, abs=1e-6)
    assert mean_of(summary, "ece", "all") == pytest.approx(0.1, abs=1e-6)
    assert mean_of(summary, "nll", "all") == pytest.approx(-np.log(0.9), abs=1e-6)


def test_a_name_that_ends_in_csv_is_that_of_the_scores(raters, tmp_path):
    evaluate(raters / "pred", raters, str(tmp_path / "mine.csv"))
    assert (tmp_path / "mine.csv").read_text(encoding="utf-8").startswith("case,subject,label")
    with pytest.raises(StorageError, match="exists already"):
        evaluate(raters / "pred", raters, tmp_path / "mine.csv")


def test_advice_on_a_cohort(raters):
    advice, n_masks = advise_on(raters)
    assert n_masks == 12
    assert "dice" in advice.panel.names and "accuracy" in str(advice.avoid)
    assert "3 people drew" in str(advice)
