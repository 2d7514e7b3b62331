"""A U-Net and a template: when the template has half a say, and when none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from suffice.core import Budget, Cohort, Grid, Image
from suffice.segmenters import UNetSegmenter, load_segmenter
from suffice.segmenters.card import read_card
from suffice.segmenters.pooled_unet import PooledTemplateUNetSegmenter
from suffice.segmenters.template import LEAST_SUBJECTS
from suffice.segmenters.template_unet import TemplateUNetSegmenter
from suffice.training.plan import Plan
from suffice.workflows.allotting import choose_rung_for, choose_rungs
from suffice.workflows.learning import untrained


def trained(cohort: Cohort, plan: Plan, folder: Path) -> TemplateUNetSegmenter:
    plan = dataclasses.replace(plan, n_classes=3)
    return TemplateUNetSegmenter(plan=plan).fit(
        cohort, budget=Budget(minutes=0.5), seed=0, workdir=folder / "work"
    )


def test_probabilities_are_the_mean_of_both(
    counted: pytest.MonkeyPatch,
    monkeypatch: pytest.MonkeyPatch,
    picture_plan: Plan,
    anatomy_cohort: Callable[..., Cohort],
    anatomy,
    dice,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(TemplateUNetSegmenter, "least_dice", 0.8)
    together = trained(anatomy_cohort(tmp_path, 6), picture_plan, tmp_path)
    assert "the template has half a say" in together.notes_[-1]
    together.save(tmp_path / "model")
    loaded = load_segmenter(tmp_path / "model")
    assert isinstance(loaded, TemplateUNetSegmenter) and loaded._partner is not None
    grey, labels = anatomy(50)
    image = Image(grey[None], Grid(grey.shape))
    found = loaded.predict(image, keep_probabilities=True)
    alone = UNetSegmenter.predict(together, image, keep_probabilities=True)
    other = loaded._partner.predict(image, keep_probabilities=True)
    mean = (alone.probabilities.astype(float) + other.probabilities.astype(float)) / 2
    np.testing.assert_allclose(found.probabilities, mean, atol=2e-3)
    assert dice(found.labels.array > 0, labels > 0) > 0.85


def test_beside_a_template_the_network_learns_from_a_pool(
    counted: pytest.MonkeyPatch,
    monkeypatch: pytest.MonkeyPatch,
    picture_plan: Plan,
    anatomy_cohort: Callable[..., Cohort],
    anatomy,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(TemplateUNetSegmenter, "least_dice", 0.8)
    cohort = anatomy_cohort(tmp_path, 8)
    labelled, pool = cohort.subset(cohort.names[:6]), cohort.subset(cohort.names[6:])
    plan = dataclasses.replace(picture_plan, n_classes=3)
    budget = Budget(minutes=0.5)
    image = Image(anatomy(50)[0][None], Grid(anatomy(50)[0].shape))
    found = {}
    for kind, given in ((TemplateUNetSegmenter, ()), (PooledTemplateUNetSegmenter, (pool,))):
        how = {"strategy": "soft-teacher"} if given else {}
        made = kind(*given, plan=plan, **how)
        made.fit(labelled, budget=budget, seed=0, workdir=tmp_path / kind.__name__)
        found[kind] = UNetSegmenter.predict(made, image, keep_probabilities=True).probabilities
    assert made.notes_[0] == "learned from 2 scans without masks, too, by soft-teacher"
    assert "the template has half a say" in made.notes_[-1]
    assert not np.allclose(*found.values(), atol=1e-3)
    made.save(tmp_path / "model")
    loaded = load_segmenter(tmp_path / "model")
    assert type(loaded) is TemplateUNetSegmenter and loaded._partner is not None
    np.testing.assert_array_equal(
        loaded.predict(image).labels.array, made.predict(image).labels.array
    )


def test_too_few_subjects_leave_the_network_alone(
    counted: pytest.MonkeyPatch,
    picture_plan: Plan,
    anatomy_cohort: Callable[..., Cohort],
    tmp_path: Path,
) -> None:
    alone = trained(anatomy_cohort(tmp_path, 3), picture_plan, tmp_path)
    assert "no say" in alone.notes_[-1] and "3 labelled subjects" in alone.notes_[-1]
    assert alone._partner is None


def test_a_template_that_could_not_be_tried_has_no_say(
    counted: pytest.MonkeyPatch,
    monkeypatch: pytest.MonkeyPatch,
    picture_plan: Plan,
    anatomy_cohort: Callable[..., Cohort],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("suffice.segmenters.partnered_unet.PARTNER_PART", 1e-5)
    alone = trained(anatomy_cohort(tmp_path, 5), picture_plan, tmp_path)
    assert alone.notes_[-1] == "the template has no say"


def test_pictures_of_anatomy_get_a_template_by_default_and_cells_do_not(
    anatomy_cohort: Callable[..., Cohort], cells_cohort: Cohort, tmp_path: Path
) -> None:
    anatomy = anatomy_cohort(tmp_path, 6)
    assert choose_rung_for(anatomy, "auto") == "template-unet"
    assert choose_rung_for(anatomy, "unet") == "unet"
    assert choose_rung_for(anatomy, "auto", is_usual=False) == "unet"
    assert choose_rung_for(cells_cohort, "auto") == "unet"
    assert choose_rungs(["auto"], labelled=anatomy) == ("template-unet",)
    few = anatomy.subset(anatomy.names[:4])
    assert choose_rung_for(few, "auto") == "unet"
    assert untrained(anatomy, anatomy).rung == "template-unet"
    pooled = untrained(anatomy, anatomy, unlabelled="mean-teacher")
    assert isinstance(pooled, PooledTemplateUNetSegmenter)


def test_what_cannot_be_told_is_no_anatomy(
    anatomy_cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    anatomy = anatomy_cohort(tmp_path, 8)
    for case in anatomy.cases[:6]:
        (path,) = case.masks.values()
        Picture.fromarray(np.zeros_like(np.asarray(Picture.open(path)))).save(path)
    # Two drawn cases of eight do not tell, and are no reason to refuse either.
    assert choose_rung_for(anatomy, "auto") == "unet"
    (path,) = anatomy.cases[0].masks.values()
    path.write_bytes(b"no picture")
    assert choose_rung_for(anatomy, "auto") == "unet"


def test_a_partner_worth_nothing_lets_the_training_go_on(
    counted: pytest.MonkeyPatch,
    monkeypatch: pytest.MonkeyPatch,
    picture_plan: Plan,
    anatomy_cohort: Callable[..., Cohort],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(TemplateUNetSegmenter, "least_dice", 0.9999)
    alone = trained(anatomy_cohort(tmp_path, 5), picture_plan, tmp_path)
    assert alone._partner is None and "no say: on the labelled" in alone.notes_[-1]
    alone.save(tmp_path / "model")
    # What stands in the model's card is what a reader of the folder learns.
    assert read_card(tmp_path / "model").method == alone.notes_[-1]


def test_volumes_are_left_to_the_network(tiny_cohort: Cohort) -> None:
    assert len({case.subject for case in tiny_cohort.labelled().cases}) >= LEAST_SUBJECTS
    assert not TemplateUNetSegmenter.suits(tiny_cohort.labelled())
