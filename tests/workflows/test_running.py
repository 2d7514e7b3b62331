"""The main job from end to end, with a segmenter that learns in no time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suffice.core import Cohort, CohortError, Progress, StorageError, UsageError
from suffice.io import read_mask
from suffice.study import read_record, read_splits
from suffice.workflows.running import Study, run


def run_tiny(cohort: Cohort, out: Path, fakes, **options) -> Study:
    return run(cohort, out, **{"minutes": 1, **options}, make_segmenter=fakes.make, load=fakes.load)


def test_the_whole_study(tiny_cohort: Cohort, tmp_path: Path, fakes) -> None:
    told: list[Progress] = []
    study = run(
        tiny_cohort,
        tmp_path / "study",
        minutes=1,
        make_segmenter=fakes.make,
        load=fakes.load,
        listener=told.append,
    )
    assert sorted(path.name for path in study.folder.iterdir()) == [
        "left_out.csv",
        "measures.csv",
        "models",
        "predictions",
        "report.html",
        "scores.csv",
        "splits.csv",
        "study.toml",
        "summary.csv",
        "validation",
    ]
    assert study.report == study.folder / "report.html"
    assert 0.98 < study.dice_low <= study.dice <= study.dice_high <= 1
    assert (study.n_scored, study.n_predicted, study.left_out) == (6, 2, ())
    assert {progress.task for progress in told} >= {"final model: train", "model 1 of 3: train"}


def test_no_model_is_scored_on_what_it_learned_from(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    run_tiny(tiny_cohort, tmp_path / "study", fakes)
    final, *folds = fakes.fits
    assert final == tiny_cohort.labelled().names
    scores = pd.read_csv(tmp_path / "study" / "scores.csv")
    for fold, learned_from in enumerate(folds):
        scored = set(scores.loc[scores["fold"] == fold, "case"])
        assert len(scored) == 2
        assert not scored & set(learned_from)


def test_measures_hold_what_was_drawn_and_predicted(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    run_tiny(tiny_cohort, tmp_path / "study", fakes)
    table = pd.read_csv(tmp_path / "study" / "measures.csv")
    assert table["source"].value_counts().to_dict() == {"predicted": 8, "drawn": 6}
    path = tmp_path / "study" / "predictions" / "case7.nii.gz"
    voxels = int((read_mask(path, tiny_cohort.legend).array > 0).sum())
    np.testing.assert_allclose(table.loc[table["case"] == "case7", "volume_ml"], [voxels * 1.5e-3])


def test_a_fixed_test_set_is_learned_from_by_no_model(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    study = run_tiny(tiny_cohort, tmp_path / "study", fakes, test=["case1", "case4"])
    assert fakes.fits == [("case0", "case2", "case3", "case5")]
    assert study.n_scored == 2
    final, folds = read_splits(study.folder / "splits.csv")
    assert (final.test, folds) == (("case1", "case4"), ())
    assert read_record(study.folder / "study.toml").minutes == 1


def test_the_same_command_again_trains_nothing(tiny_cohort: Cohort, tmp_path: Path, fakes) -> None:
    first = run_tiny(tiny_cohort, tmp_path / "study", fakes)
    n_fits = len(fakes.fits)
    scores = (first.folder / "scores.csv").read_bytes()
    assert run_tiny(tiny_cohort, tmp_path / "study", fakes) == first
    assert len(fakes.fits) == n_fits
    assert (first.folder / "scores.csv").read_bytes() == scores


def test_a_run_goes_on_after_its_last_whole_step(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    def stop(progress: Progress) -> None:
        if progress.task.startswith("model 2"):
            raise KeyboardInterrupt

    out = tmp_path / "study"
    with pytest.raises(KeyboardInterrupt):
        run(
            tiny_cohort,
            out,
            minutes=1,
            make_segmenter=fakes.make,
            load=fakes.load,
            listener=stop,
        )
    assert len(fakes.fits) == 3
    run_tiny(tiny_cohort, out, fakes)
    assert len(fakes.fits) == 5
    assert fakes.fits[2] == fakes.fits[3]


@pytest.mark.parametrize(
    ("options", "what"),
    [({"minutes": 2}, "minutes"), ({"seed": 1}, "seed"), ({"mirror": True}, "mirror")],
)
def test_other_settings_are_refused(
    tiny_cohort: Cohort, tmp_path: Path, fakes, options: dict, what: str
) -> None:
    out = tmp_path / "study"
    run_tiny(tiny_cohort, out, fakes)
    with pytest.raises(UsageError, match=f"begun with other {what}.*--force"):
        run_tiny(tiny_cohort, out, fakes, **options)
    run_tiny(tiny_cohort, out, fakes, **options, overwrite=True)
    assert len(fakes.fits) == 8


def test_something_else_in_the_folder_is_left_alone(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(StorageError, match="is not a study"):
        run_tiny(tiny_cohort, tmp_path, fakes, overwrite=True)
    assert (tmp_path / "thesis.txt").exists()


def test_one_subject_cannot_be_scored(tiny_cohort: Cohort, tmp_path: Path, fakes) -> None:
    with pytest.raises(CohortError, match="expected at least 2"):
        run_tiny(tiny_cohort.subset(["case0", "case7"]), tmp_path / "study", fakes)
    assert not (tmp_path / "study").exists()


def test_two_visits_of_a_test_subject_stay_together(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    second = replace(tiny_cohort.cases[1], subject="subject0")
    cohort = replace(tiny_cohort, cases=(tiny_cohort.cases[0], second, *tiny_cohort.cases[2:]))
    with pytest.raises(UsageError, match="'subject0' would be on both sides"):
        run_tiny(cohort, tmp_path / "study", fakes, test=["case0"])
