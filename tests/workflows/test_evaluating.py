"""Scoring folders of masks: pairing, reasons for what is left out, files, real masks."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image as PILImage

from suffice.core import CohortError, LabelError, StorageError, UsageError
from suffice.workflows.evaluating import evaluate

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


def test_a_cohort_gives_names_subjects_and_its_unlabelled_cases(tiny_cohort, tmp_path):
    for case in tiny_cohort.labelled().cases:
        mask = nib.load(case.masks["expert"])
        write = np.roll(np.asarray(mask.dataobj), 1, axis=0)
        nib.save(nib.Nifti1Image(write, mask.affine), tmp_path / f"{case.name}.nii.gz")
    nib.save(nib.Nifti1Image(write, mask.affine), tmp_path / "case7.nii.gz")
    result = evaluate(tmp_path, tiny_cohort.root)
    assert set(result.scores["label"]) == {"ball", "all"}
    assert set(result.scores["subject"]) == {f"subject{i}" for i in range(6)}
    assert [item.path.name for item in result.left_out] == ["case7.nii.gz"]
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
