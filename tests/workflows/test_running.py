"""The main job from end to end, with a segmenter that learns in no time."""

import importlib.metadata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suffice.core import Cohort, CohortError, Progress, StorageError, UsageError
from suffice.io import read_mask
from suffice.segmenters.template_unet import TemplateUNetSegmenter
from suffice.study import read_record, read_splits, write_record
from suffice.workflows.running import Study, run


def run_tiny(cohort: Cohort, out: Path, fakes, **options) -> Study:
    return run(cohort, out, **{"minutes": 1, **options}, rungs=fakes.rungs, load=fakes.load)


@pytest.fixture(scope="module")
def told() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def finished(
    tiny_cohort: Cohort,
    tmp_path_factory: pytest.TempPathFactory,
    shared_fakes,
    told: list[Progress],
) -> Study:
    out = tmp_path_factory.mktemp("finished") / "study"
    return run_tiny(tiny_cohort, out, shared_fakes, listener=told.append)


def test_the_whole_study(finished: Study, told: list[Progress]) -> None:
    assert sorted(path.name for path in finished.folder.iterdir()) == [
        "cautions.csv",
        "costs.csv",
        "ladder.csv",
        "left_out.csv",
        "measures.csv",
        "models",
        "predictions",
        "quality.csv",
        "quality.json",
        "report.html",
        "scores.csv",
        "splits.csv",
        "study.toml",
        "summary.csv",
        "validation",
    ]
    assert finished.report == finished.folder / "report.html"
    assert 0.98 < finished.dice_low <= finished.dice <= finished.dice_high <= 1
    assert (finished.n_scored, finished.n_predicted, finished.left_out) == (6, 2, ())
    assert {progress.task for progress in told} >= {"final model: train", "model 1 of 3: train"}


def test_no_model_is_scored_on_what_it_learned_from(
    tiny_cohort: Cohort, finished: Study, shared_fakes
) -> None:
    *folds, final = shared_fakes.fits[:4]
    assert final == tiny_cohort.labelled().names
    scores = pd.read_csv(finished.folder / "scores.csv")
    for fold, learned_from in enumerate(folds):
        scored = set(scores.loc[scores["fold"] == fold, "case"])
        assert len(scored) == 2
        assert not scored & set(learned_from)


def test_measures_hold_what_was_drawn_and_predicted(tiny_cohort: Cohort, finished: Study) -> None:
    table = pd.read_csv(finished.folder / "measures.csv")
    assert table["source"].value_counts().to_dict() == {"predicted": 8, "drawn": 6}
    path = finished.folder / "predictions" / "case7.nii.gz"
    voxels = int((read_mask(path, tiny_cohort.legend).array > 0).sum())
    new = table[table["case"] == "case7"]
    np.testing.assert_allclose(new["volume_ml"], [voxels * 1.5e-3])
    # Six subjects were scored, which is enough for 80 %.
    assert new["level"].tolist() == [0.8] and new["note"].isna().all()
    assert (new["volume_low_ml"] <= new["volume_high_ml"]).all()


def test_a_scan_that_cannot_be_read_stops_no_study(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    (tmp_path / "case7.tif").write_text("no picture", encoding="utf-8")
    broken = replace(tiny_cohort.cases[7], images={"image": tmp_path / "case7.tif"})
    cohort = replace(tiny_cohort, cases=(*tiny_cohort.cases[:7], broken))
    study = run_tiny(cohort, tmp_path / "study", fakes, test=["case0"])
    assert study.report.exists() and study.n_predicted == 1
    assert [item.path.name for item in study.left_out] == ["case7.tif"]


def test_the_same_command_again_trains_nothing(
    tiny_cohort: Cohort, finished: Study, shared_fakes
) -> None:
    scores = (finished.folder / "scores.csv").read_bytes()
    assert run_tiny(tiny_cohort, finished.folder, shared_fakes) == finished
    assert len(shared_fakes.fits) == 4
    assert (finished.folder / "scores.csv").read_bytes() == scores


def test_a_fixed_test_set_is_learned_from_by_no_model(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    study = run_tiny(tiny_cohort, tmp_path / "study", fakes, test=["case1", "case4"])
    assert fakes.fits == [("case0", "case2", "case3", "case5")]
    assert study.n_scored == 2
    final, folds = read_splits(study.folder / "splits.csv")
    assert (final.test, folds) == (("case1", "case4"), ())
    assert read_record(study.folder / "study.toml").minutes == 1


@pytest.fixture
def with_template(monkeypatch: pytest.MonkeyPatch, fakes) -> dict:
    """Let ``auto`` be a template and a U-Net where there are four subjects to learn from."""
    monkeypatch.setattr(
        TemplateUNetSegmenter, "suits", classmethod(lambda _, part: len(part.subjects) >= 4)
    )
    (recording,) = fakes.rungs.values()

    class Templated(recording):
        rung = "template-unet"

    return {**fakes.rungs, "template-unet": Templated}


def test_auto_suits_what_each_fold_learns_from(
    tiny_cohort: Cohort, tmp_path: Path, fakes, with_template: dict
) -> None:
    study = run(tiny_cohort, tmp_path / "a", minutes=1, rungs=with_template, load=fakes.load)
    assert read_record(study.folder / "study.toml").rung == "template-unet"
    # Six subjects in three folds leave four: with one less the score would be of another kind.
    five = tiny_cohort.subset(tiny_cohort.labelled().names[:5])
    study = run(five, tmp_path / "b", minutes=1, rungs=with_template, load=fakes.load)
    assert read_record(study.folder / "study.toml").rung == "unet"


def test_auto_beside_another_kind_is_a_choice_with_folds(
    tiny_cohort: Cohort, tmp_path: Path, fakes, with_template: dict
) -> None:
    study = run(
        tiny_cohort,
        tmp_path / "study",
        minutes=1,
        models=("auto", "unet"),
        test=["case1"],
        rungs=with_template,
        load=fakes.load,
    )
    final, folds = read_splits(study.folder / "splits.csv")
    assert final.test == ("case1",) and len(folds) > 1


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
            rungs=fakes.rungs,
            load=fakes.load,
            listener=stop,
        )
    assert len(fakes.fits) == 2
    run_tiny(tiny_cohort, out, fakes)
    assert len(fakes.fits) == 5
    assert fakes.fits[1] == fakes.fits[2]


@pytest.mark.parametrize(
    ("options", "what"),
    [({"minutes": 2}, "minutes"), ({"seed": 1}, "seed"), ({"mirror": True}, "mirror")],
)
def test_other_settings_are_refused(
    tiny_cohort: Cohort, finished: Study, fakes, options: dict[str, object], what: str
) -> None:
    with pytest.raises(UsageError, match=rf"begun with other {what}.*--force"):
        run_tiny(tiny_cohort, finished.folder, fakes, **options)
    assert fakes.fits == []


def test_a_study_with_weights_to_start_from_is_not_gone_on_with_without_them(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    study = run_tiny(tiny_cohort, tmp_path / "study", fakes, test=["case0"])
    path = study.folder / "study.toml"
    record = read_record(path)
    write_record(path, replace(record, settings={**record.settings, "init": "first"}))
    with pytest.raises(UsageError, match=r"begun with other init: got nothing, expected first"):
        run_tiny(tiny_cohort, study.folder, fakes, test=["case0"])


def test_other_settings_replace_a_study_where_that_is_wished(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    for minutes in (1, 2):
        study = run_tiny(
            tiny_cohort, tmp_path / "study", fakes, minutes=minutes, test=["case0"], overwrite=True
        )
        assert read_record(study.folder / "study.toml").minutes == minutes
    assert len(fakes.fits) == 2


def test_a_replaced_study_leaves_what_a_person_put_beside_it(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    study = run_tiny(tiny_cohort, tmp_path / "study", fakes, test=["case0"])
    (study.folder / "thesis.txt").write_text("years of work", encoding="utf-8")
    (study.folder / "validation" / "unet" / "stale.png").write_text("", encoding="utf-8")
    run_tiny(tiny_cohort, study.folder, fakes, test=["case0"], minutes=2, overwrite=True)
    assert (study.folder / "thesis.txt").exists()
    assert not (study.folder / "validation" / "unet" / "stale.png").exists()


def test_a_run_killed_before_its_record_stood_begins_anew(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    out = tmp_path / "study"
    out.mkdir()
    (out / "splits.csv").write_text("case,subject,part,fold\n", encoding="utf-8")
    (out / ".partial-0123abcd-study.toml").write_text("", encoding="utf-8")
    assert run_tiny(tiny_cohort, out, fakes, test=["case0"]).report.exists()


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


def test_copies_under_two_subjects_are_a_caution(
    tiny_cohort: Cohort, finished: Study, tmp_path: Path, fakes
) -> None:
    assert finished.cautions == ()
    first, second, *rest = tiny_cohort.cases
    copy = replace(second, images=first.images, masks=first.masks)
    copied = replace(tiny_cohort, cases=(first, copy, *rest))
    study = run_tiny(copied, tmp_path / "study", fakes)
    assert [(c.kind, c.cases) for c in study.cautions] == [
        ("duplicate-scan", (first.name, second.name))
    ]
    assert "1 group of scans with masks look like copies" in study.report.read_text("utf-8")


def test_other_versions_on_a_later_start_are_a_caution(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    study = run_tiny(tiny_cohort, tmp_path / "study", fakes)
    record = study.folder / "study.toml"
    now = importlib.metadata.version("numpy")
    text = record.read_text("utf-8").replace(f'"numpy" = "{now}"', '"numpy" = "1.0"')
    record.write_text(text, encoding="utf-8")
    for _ in range(2):
        study = run_tiny(tiny_cohort, tmp_path / "study", fakes)
    (caution,) = study.cautions
    assert caution.message.endswith(f"numpy 1.0 then, {now} now")
    assert "numpy 1.0 then" in study.report.read_text("utf-8")


def test_what_people_reach_is_kept_and_shown(tiny_cohort: Cohort, tmp_path: Path, fakes) -> None:
    cases = [
        replace(case, masks={**case.masks, "second": case.masks["expert"]} if case.masks else {})
        for case in tiny_cohort.cases
    ]
    cohort = replace(tiny_cohort, cases=tuple(cases))
    done = run_tiny(cohort, tmp_path / "s", fakes)
    summary = pd.read_csv(done.folder / "ceiling_summary.csv")
    assert set(summary["rater"]) == {"all", "expert", "second"}
    assert set(summary.loc[summary["metric"] == "dice", "mean"]) == {1.0}
    assert "What people reach" in done.report.read_text(encoding="utf-8")
