"""A U-Net that learns from all raters of a cohort."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from suffice.core import (
    Budget,
    Case,
    Channel,
    Cohort,
    CohortError,
    Grid,
    Image,
    LabelMap,
    Legend,
    UsageError,
)
from suffice.io import read_case_image, write_image, write_mask
from suffice.raters import majority
from suffice.segmenters import UNetSegmenter, load_segmenter
from suffice.segmenters import unet as unet_module
from suffice.segmenters.several_raters import (
    WAYS,
    RatersUNetSegmenter,
    each_apart,
    posterior_of_staple,
    share_of_raters,
)
from suffice.training.plan import Plan


@pytest.fixture(scope="session")
def disputed(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Pictures of a disc: anna is right, ben draws half of it, carla did not look at the last."""
    folder = tmp_path_factory.mktemp("disputed")
    rng, legend = np.random.default_rng(0), Legend.from_names({3: "nodule"})
    grid, cases = Grid((48, 48)), []
    for i in range(4):
        y, x = np.indices(grid.shape)
        disc = np.hypot(y - rng.uniform(16, 32), x - rng.uniform(16, 32)) < 9
        array = (disc * 120 + rng.normal(60, 15, disc.shape)).clip(0, 255).astype(np.uint8)
        image = folder / f"{i}_image.png"
        write_image(image, Image(array[None], grid))
        drawn = {"anna": disc, "ben": disc & (rng.random(disc.shape) < 0.5), "carla": disc}
        masks = {
            rater: folder / f"{i}_{rater}.png" for rater in drawn if (i, rater) != (3, "carla")
        }
        for rater, path in masks.items():
            write_mask(path, LabelMap(3 * drawn[rater].astype(np.uint8), grid, legend))
        cases.append(Case(f"c{i}", f"s{i}", {"image": image}, masks))
    return Cohort("disputed", folder, (Channel(),), legend, tuple(cases))


@pytest.mark.parametrize("way", WAYS)
def test_what_it_leaves_is_a_unet_that_is_saved_and_loaded_as_one(
    counted: pytest.MonkeyPatch,
    monkeypatch: pytest.MonkeyPatch,
    disputed: Cohort,
    picture_plan: Plan,
    tmp_path: Path,
    way: str,
) -> None:
    monkeypatch.setattr(unet_module, "LEAST_TRAINING", 1.0)
    segmenter = RatersUNetSegmenter(way, plan=picture_plan)
    segmenter.fit(disputed, budget=Budget(minutes=1.0), seed=0, workdir=tmp_path / "work")
    segmenter.save(tmp_path / "model")
    loaded = load_segmenter(tmp_path / "model")
    assert type(loaded) is UNetSegmenter and loaded.card_.rung == "unet"
    image = read_case_image(disputed, disputed.cases[0])
    found = segmenter.predict(image).labels.array
    np.testing.assert_array_equal(loaded.predict(image).labels.array, found)
    assert segmenter.notes_[0] == f"learned from 3 raters by {way}"
    assert (tmp_path / "model" / "raters.csv").exists() == (way == "confusion")


def test_matrices_are_kept_where_a_person_can_read_them(
    counted: pytest.MonkeyPatch, disputed: Cohort, picture_plan: Plan, tmp_path: Path
) -> None:
    segmenter = RatersUNetSegmenter("confusion", plan=picture_plan)
    segmenter.fit(disputed, budget=Budget(minutes=3.0), seed=0, workdir=tmp_path / "work")
    assert set(segmenter.confusion_) == {"anna", "ben", "carla"}
    assert "ben leaves out the most" in segmenter.notes_[-1]
    segmenter.save(tmp_path / "model")
    text = (tmp_path / "model" / "raters.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 3 * 4
    (missed,) = (
        float(row["share"])
        for row in rows
        if (row["rater"], row["true"], row["drawn"]) == ("ben", "nodule", "background")
    )
    assert missed == pytest.approx(float(segmenter.confusion_["ben"][1, 0]), abs=1e-5)


def test_the_same_folder_goes_on_as_the_same_way_only(
    counted: pytest.MonkeyPatch, disputed: Cohort, picture_plan: Plan, tmp_path: Path
) -> None:
    workdir, budget = tmp_path / "work", Budget(minutes=0.1)
    first = RatersUNetSegmenter("confusion", plan=picture_plan)
    first.fit(disputed, budget=budget, seed=0, workdir=workdir)
    # What a killed start did not get to, or a disk lost, is made anew.
    (workdir / "store" / "c1" / "shares.npy").unlink()
    (workdir / "checkpoint.pt").unlink()
    again = RatersUNetSegmenter("confusion", plan=picture_plan)
    again.fit(disputed, budget=budget, seed=0, workdir=workdir)
    for rater, matrix in first.confusion_.items():
        np.testing.assert_array_equal(again.confusion_[rater], matrix)
    for other in (RatersUNetSegmenter("soft", plan=picture_plan), UNetSegmenter(plan=picture_plan)):
        with pytest.raises(UsageError, match="kind"):
            other.fit(disputed, budget=budget, seed=0, workdir=workdir)


def test_shares_are_those_of_the_raters() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, (12, 12)).astype(np.uint8)
    wrong = np.where(rng.random(truth.shape) < 0.2, 0, truth).astype(np.uint8)
    masks = {"anna": truth, "ben": wrong, "carla": truth}
    raters = ("anna", "ben", "carla", "dora")
    soft, staple = (way(masks, raters, 3) for way in (share_of_raters, posterior_of_staple))
    np.testing.assert_allclose(soft.sum(0), 1, atol=1e-6)
    np.testing.assert_allclose(staple.sum(0), 1, atol=1e-6)
    np.testing.assert_array_equal(soft.argmax(0), majority(masks))
    np.testing.assert_array_equal(staple.argmax(0), truth)
    apart = each_apart(masks, raters, 3).reshape(4, 3, 12, 12)
    np.testing.assert_array_equal(apart[1].argmax(0), wrong)
    np.testing.assert_allclose(apart[:3].mean(0), soft, atol=1e-6)
    assert not apart[3].any()
    alone = {"ben": wrong}
    np.testing.assert_array_equal(posterior_of_staple(alone, raters, 3).argmax(0), wrong)


def test_what_cannot_be_learned_from_is_refused(
    disputed: Cohort, picture_plan: Plan, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="expected first, soft, staple, confusion"):
        RatersUNetSegmenter("hope")
    cases = [replace(case, masks={"anna": case.masks["anna"]}) for case in disputed.cases]
    alone = replace(disputed, cases=tuple(cases))
    with pytest.raises(CohortError, match=r"got one rater a case.*train on the first one's masks"):
        RatersUNetSegmenter("soft").fit(alone, budget=Budget(minutes=1), seed=0, workdir=tmp_path)
    mixed = replace(picture_plan, mixing=("cutmix",), mixing_probabilities=(0.5,))
    with pytest.raises(UsageError, match="cannot be mixed: got cutmix"):
        RatersUNetSegmenter("soft", plan=mixed).fit(
            disputed, budget=Budget(minutes=0.1), seed=0, workdir=tmp_path
        )


def test_trained_weights_are_started_from(
    counted: pytest.MonkeyPatch, disputed: Cohort, picture_plan: Plan, tmp_path: Path
) -> None:
    budget = Budget(minutes=0.05)
    plain = UNetSegmenter(plan=picture_plan)
    plain.fit(disputed, budget=budget, seed=0, workdir=tmp_path / "first")
    plain.save(tmp_path / "model")
    segmenter = RatersUNetSegmenter("confusion", plan=picture_plan, init=tmp_path / "model")
    segmenter.fit(disputed, budget=budget, seed=0, workdir=tmp_path / "second")
    assert "arrays taken" in segmenter.notes_[0] and "New: paces" in segmenter.notes_[0]
    assert segmenter.notes_[1] == "learned from 3 raters by confusion"
