"""A study tells how good the masks are that nobody drew, and so does its model afterwards."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from suffice.core import Cohort
from suffice.study.estimates import BY_LABEL_COLUMNS, COLUMNS, read_estimates
from suffice.workflows.evaluating import evaluate
from suffice.workflows.predicting import predict
from suffice.workflows.running import Study, run


def run_tiny(cohort: Cohort, out: Path, fakes, **options) -> Study:
    return run(cohort, out, **{"minutes": 1, **options}, rungs=fakes.rungs, load=fakes.load)


def trees(study: Study) -> set[str]:
    return {p.relative_to(study.folder).as_posix() for p in study.folder.rglob("*")}


@pytest.fixture(scope="module")
def finished(tiny_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory, shared_fakes) -> Study:
    return run_tiny(tiny_cohort, tmp_path_factory.mktemp("judged") / "study", shared_fakes)


def test_every_mask_that_nobody_drew_comes_with_a_predicted_dice(finished: Study) -> None:
    masks = finished.folder / "predictions"
    table = pd.read_csv(masks / "predictions.csv")
    assert tuple(table.columns) == COLUMNS
    assert sorted(table["case"]) == ["case6", "case7"]
    assert table["predicted_dice"].is_monotonic_increasing
    assert table["predicted_dice"].between(0.97, 1).all()
    assert (table["dice_lower_80"] <= table["predicted_dice"]).all()
    # Six scored subjects bound 80 %, and are too few for 90 %.
    assert table["dice_lower_80"].notna().all() and table["dice_lower_90"].isna().all()
    by_label = read_estimates(masks)
    assert by_label is not None and tuple(by_label.columns) == BY_LABEL_COLUMNS
    assert list(by_label["label"]) == ["ball", "mean"] * 2


def test_true_and_predicted_dice_of_the_scored_cases(finished: Study) -> None:
    quality = pd.read_csv(finished.folder / "quality.csv")
    assert set(quality["case"]) == {f"case{i}" for i in range(6)}
    assert set(quality["part"]) == {"held back"}
    scores = pd.read_csv(finished.folder / "scores.csv")
    true = scores[scores["metric"] == "dice"].set_index("case")["value"]
    mine = quality[quality["label"] == "ball"].set_index("case")["dice"]
    np.testing.assert_allclose(mine, true[mine.index], atol=1e-4)
    assert not (finished.folder / "work").exists()


def test_a_second_start_judges_nothing_anew(
    tiny_cohort: Cohort, finished: Study, shared_fakes
) -> None:
    before = (finished.folder / "quality.json").stat().st_mtime_ns
    again = run_tiny(tiny_cohort, finished.folder, shared_fakes)
    assert (finished.folder / "quality.json").stat().st_mtime_ns == before
    assert again.n_predicted == 2


def test_the_model_judges_other_scans_and_a_bad_one_stands_out(
    tiny_cohort: Cohort, finished: Study, tmp_path: Path, shared_fakes
) -> None:
    scans = tmp_path / "scans"
    shutil.copytree(tiny_cohort.root / "images", scans)
    spoilt = nib.load(scans / "case7.nii.gz")
    noise = np.random.default_rng(0).normal(0, 60, spoilt.shape)
    array = np.asarray(spoilt.dataobj) + noise.astype(np.float32)
    nib.save(nib.Nifti1Image(array, spoilt.affine), scans / "case7.nii.gz")
    model = finished.folder / "models" / "unet"
    done = predict(model, [scans], tmp_path / "masks", load=shared_fakes.load)
    assert done.estimates == tmp_path / "masks" / "predictions.csv"
    table = pd.read_csv(done.estimates)
    assert len(table) == 8
    assert table.loc[0, "case"] == "case7" and table.loc[0, "look"] == "first"
    assert "ball: " in table.loc[0, "notes"]
    evaluation = evaluate(tmp_path / "masks", tiny_cohort, tmp_path / "scores")
    assert set(evaluation.quality["case"]) == {f"case{i}" for i in range(6)}
    assert (tmp_path / "scores" / "quality.csv").is_file()


def test_more_scans_join_the_table(
    tiny_cohort: Cohort, finished: Study, tmp_path: Path, shared_fakes
) -> None:
    model, out = finished.folder / "models" / "unet", tmp_path / "masks"
    first, second, *_ = sorted((tiny_cohort.root / "images").iterdir())
    for scan in (first, second):
        predict(model, [scan], out, load=shared_fakes.load)
    assert len(pd.read_csv(out / "predictions.csv")) == 2
    (out / first.name).unlink()
    predict(model, [second], out, load=shared_fakes.load)
    assert len(pd.read_csv(out / "predictions.csv")) == 1


@pytest.mark.parametrize("options", [{"judge": False}, {"mirror": True}])
def test_nothing_is_judged_where_it_is_not_wanted_or_cannot_be(
    tiny_cohort: Cohort, finished: Study, tmp_path: Path, shared_fakes, options
) -> None:
    model, (scan, *_) = finished.folder / "models" / "unet", (tiny_cohort.root / "images").iterdir()
    done = predict(model, [scan], tmp_path / "masks", load=shared_fakes.load, **options)
    assert done.estimates is None
    assert [path.name for path in (tmp_path / "masks").iterdir()] == [scan.name]


def test_estimates_of_a_mask_go_with_it(
    tiny_cohort: Cohort, finished: Study, tmp_path: Path, shared_fakes
) -> None:
    model, out = finished.folder / "models" / "unet", tmp_path / "masks"
    first, second, *_ = sorted((tiny_cohort.root / "images").iterdir())
    predict(model, [first, second], out, load=shared_fakes.load)
    predict(model, [first], out, judge=False, overwrite=True, load=shared_fakes.load)
    kept = [second.name.removesuffix(".nii.gz")]
    assert list(pd.read_csv(out / "predictions.csv")["case"]) == kept
    assert set(pd.read_csv(out / "predictions_by_label.csv")["case"]) == set(kept)
    assert [path.name for path in (out / "doubts").iterdir()] == [f"{kept[0]}.json"]


def test_a_study_without_it_or_of_too_few_subjects(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    few = replace(tiny_cohort, cases=(*tiny_cohort.cases[:3], tiny_cohort.cases[7]))
    for cohort, options in ((few, {}), (tiny_cohort, {"judge": False})):
        study = run_tiny(cohort, tmp_path / str(len(cohort)), fakes, **options)
        assert not {name for name in trees(study) if "quality" in name or "doubts" in name}


def test_cases_set_apart_teach_where_there_are_no_folds(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    study = run_tiny(
        tiny_cohort, tmp_path / "study", fakes, test=["case0", "case1", "case2", "case3"]
    )
    quality = pd.read_csv(study.folder / "quality.csv")
    assert set(quality["case"]) == {"case0", "case1", "case2", "case3"}
    assert len(pd.read_csv(study.folder / "predictions" / "predictions.csv")) == 2
