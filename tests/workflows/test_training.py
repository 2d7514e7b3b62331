"""Training: which cases are learned from, what is left behind."""

from dataclasses import replace
from pathlib import Path

import pytest

from suffice.core import Cohort, CohortError, FileFormatError, StorageError, UsageError
from suffice.segmenters import UNetSegmenter, load_segmenter
from suffice.segmenters.pooled_unet import PooledUNetSegmenter
from suffice.segmenters.several_raters import RatersUNetSegmenter
from suffice.workflows import opening
from suffice.workflows.learning import with_pool, with_raters
from suffice.workflows.training import (
    choose_labelled,
    read_names,
    train,
)


def test_a_model_is_left_and_no_work_folder(tiny_cohort: Cohort, tmp_path: Path, fakes) -> None:
    trained = train(tiny_cohort, tmp_path / "model", minutes=1, rungs=fakes.rungs)
    assert trained.cases == tiny_cohort.labelled().names == fakes.fits[0]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert 30 < fakes.load(tmp_path / "model").threshold_ < 70


def test_nothing_is_overwritten_without_leave(tiny_cohort: Cohort, tmp_path: Path, fakes) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(StorageError, match="exists already"):
        train(tiny_cohort, tmp_path / "model", minutes=1, rungs=fakes.rungs)
    assert fakes.fits == []
    train(tiny_cohort, tmp_path / "model", minutes=1, rungs=fakes.rungs, overwrite=True)
    assert (tmp_path / "model" / "model.json").is_file()


def test_a_folder_of_a_person_is_no_work_folder(tiny_cohort: Cohort, tmp_path: Path, fakes) -> None:
    kept = tmp_path / "model.work" / "thesis.txt"
    kept.parent.mkdir()
    kept.write_text("years of work", encoding="utf-8")
    with pytest.raises(StorageError, match=r"holds other things.*another --out"):
        train(tiny_cohort, tmp_path / "model", minutes=1, rungs=fakes.rungs)
    assert fakes.fits == [] and [path.name for path in kept.parent.iterdir()] == ["thesis.txt"]


def test_a_draw_hangs_on_its_seed_alone(tiny_cohort: Cohort) -> None:
    draws = [choose_labelled(tiny_cohort, n_labels=3, seed=seed).names for seed in (1, 1, 2, 3)]
    assert draws[0] == draws[1]
    assert len(set(draws)) > 1
    assert all(set(names) < set(tiny_cohort.labelled().names) for names in draws)


def test_subjects_are_drawn_with_all_their_cases(tiny_cohort: Cohort) -> None:
    twice = [replace(case, subject=f"s{i // 2}") for i, case in enumerate(tiny_cohort.cases)]
    cohort = replace(tiny_cohort, cases=tuple(twice))
    drawn = choose_labelled(cohort, n_labels=2, seed=1)
    assert len(drawn.subjects) == 2 and len(drawn) == 4
    with pytest.raises(UsageError, match=r"labelled subjects to learn from .* expected 1 to 3"):
        choose_labelled(cohort, n_labels=4)


@pytest.mark.parametrize("n_labels", [0, 7])
def test_a_draw_that_cannot_be_had(tiny_cohort: Cohort, n_labels: int) -> None:
    with pytest.raises(UsageError, match="expected 1 to 6"):
        choose_labelled(tiny_cohort, n_labels=n_labels)


def test_named_cases(tiny_cohort: Cohort) -> None:
    assert choose_labelled(tiny_cohort, cases=["case3", "case1"]).names == ("case3", "case1")
    with pytest.raises(CohortError, match="have no mask: got case7"):
        choose_labelled(tiny_cohort, cases=["case1", "case7"])
    with pytest.raises(CohortError, match="No case to learn from"):
        choose_labelled(tiny_cohort, cases=[])
    with pytest.raises(CohortError, match="Cases to score on have no mask"):
        choose_labelled(tiny_cohort, cases=["case7"], purpose="score on")
    with pytest.raises(UsageError, match="not both"):
        choose_labelled(tiny_cohort, cases=["case1"], n_labels=1)


def test_a_cohort_without_masks(tiny_cohort: Cohort) -> None:
    with pytest.raises(CohortError, match=r"has no labelled case\. Draw a mask"):
        choose_labelled(tiny_cohort.unlabelled())


def test_names_are_read_from_a_list(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("# drawn once\ncase1\n\n  case2 \n", encoding="utf-8")
    assert read_names(path) == ("case1", "case2")
    with pytest.raises(FileFormatError, match="Cannot read the list of cases"):
        read_names(tmp_path / "absent.txt")


def test_a_score_of_many_is_held_out_by_what_their_masks_show(
    tiny_cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "ENOUGH_TO_HOLD_OUT", 2)
    seen = {}
    monkeypatch.setattr(opening, "hold_out", lambda *_, **options: seen.update(options))
    opening.divide(tiny_cohort, test=None, seed=0)
    assert seen["presence"] == {name: ["ball"] for name in tiny_cohort.labelled().names}


def test_the_pool_is_what_has_no_mask(tiny_cohort: Cohort) -> None:
    pooled = with_pool(UNetSegmenter(), tiny_cohort.unlabelled(), "mean-teacher")
    assert isinstance(pooled, PooledUNetSegmenter)
    assert pooled.pool.names == tiny_cohort.unlabelled().names
    assert set(pooled.pool.names).isdisjoint(tiny_cohort.labelled().names)


def test_only_a_unet_learns_from_a_pool(tiny_cohort: Cohort, tmp_path: Path, fakes) -> None:
    with pytest.raises(UsageError, match="Only a U-Net, alone or with a partner, learns from"):
        train(tiny_cohort, tmp_path / "m", minutes=1, rungs=fakes.rungs, unlabelled="copy-paste")
    with pytest.raises(CohortError, match="no unlabelled scan"):
        train(tiny_cohort.labelled(), tmp_path / "m", minutes=1, unlabelled="copy-paste")
    with pytest.raises(UsageError, match=r"got unet without consistency.*no other way of learning"):
        train(tiny_cohort, tmp_path / "m", minutes=1, unlabelled="copy-paste", consistency=False)
    assert not any(tmp_path.iterdir())


def test_several_raters_are_learned_from_by_a_unet_alone(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    twice = replace(
        tiny_cohort,
        cases=tuple(
            replace(case, masks={**case.masks, "anna": case.masks["expert"]})
            for case in tiny_cohort.labelled().cases
        ),
    )
    found = with_raters(UNetSegmenter(), twice, "soft")
    assert isinstance(found, RatersUNetSegmenter) and found.way == "soft"
    with pytest.raises(CohortError, match=r"got one rater a case.*Add a column mask_NAME"):
        train(tiny_cohort, tmp_path / "m", minutes=1, raters="soft")
    with pytest.raises(UsageError, match="expected first, soft, staple, confusion"):
        train(twice, tmp_path / "m", minutes=1, raters="best")
    with pytest.raises(UsageError, match="Only a U-Net without a pool learns from several"):
        train(twice, tmp_path / "m", minutes=1, rungs=fakes.rungs, raters="soft")
    assert not any(tmp_path.iterdir())


def test_one_labelled_subject_and_a_pool_make_a_model(tiny_cohort: Cohort, tmp_path: Path) -> None:
    trained = train(
        tiny_cohort, tmp_path / "m", minutes=0.05, n_labels=1, unlabelled="registration"
    )
    assert len(trained.cases) == 1
    pooled, registered = trained.notes
    assert pooled == "learned from 2 scans without masks, too, by registration"
    # How many were labelled in time hangs on the machine.
    assert registered.startswith("registration labelled ") and "of 2 scans" in registered
    assert load_segmenter(trained.model).rung == "unet"
