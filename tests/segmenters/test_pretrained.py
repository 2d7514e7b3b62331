"""Weights that learned from scans alone, and trainings that start from them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from suffice.core import Budget, Case, Cohort, CohortError, ModelError, UsageError
from suffice.io import read_case_image
from suffice.segmenters import UNetSegmenter, load_segmenter
from suffice.segmenters import unet as unet_module
from suffice.segmenters.card import read_card
from suffice.segmenters.planning import plan_for
from suffice.segmenters.pretrained import METHODS, PretrainedUNet
from suffice.segmenters.starting import read_source
from suffice.segmenters.starting_plan import plan_from_source
from suffice.segmenters.unet_folder import read_unet
from suffice.segmenters.unlabelled import brighter_part
from suffice.training.machine import Machine
from suffice.training.plan import Plan

CPU = Machine(n_cores=1, memory_gb=8.0, accelerator="cpu", precision="32-true")


def bare(cohort: Cohort) -> Cohort:
    cases = tuple(dataclasses.replace(case, masks={}) for case in cohort.cases)
    return dataclasses.replace(cohort, cases=cases)


def fitted(
    cohort: Cohort, plan: Plan | None, workdir: Path, method: str = "spark"
) -> PretrainedUNet:
    segmenter = PretrainedUNet(method=method, plan=plan)
    return segmenter.fit(cohort, budget=Budget(minutes=0.2), seed=0, workdir=workdir)


@pytest.fixture
def pretrained(
    counted: pytest.MonkeyPatch, tiny_cohort: Cohort, small_plan: Plan, tmp_path: Path
) -> Path:
    fitted(tiny_cohort, small_plan, tmp_path / "pretraining").save(tmp_path / "pretrained")
    return tmp_path / "pretrained"


def test_a_training_takes_all_but_the_head(
    pretrained: Path, tiny_cohort: Cohort, small_plan: Plan, tmp_path: Path
) -> None:
    source = read_source(pretrained)
    assert not source.from_masks
    assert source.kind == "a pretrained by spark of suffice"
    torch.manual_seed(0)
    network = UNetSegmenter.objective.build(small_plan)
    account = source.put_into(network, tiny_cohort.legend)
    assert not account.adapted and not account.left
    assert {name.split(".")[0] for name in account.new} == {"heads"}
    model = UNetSegmenter(plan=small_plan, init=pretrained).fit(
        tiny_cohort.labelled(), budget=Budget(minutes=0.1), seed=0, workdir=tmp_path / "work"
    )
    assert "pretrained" in model.card_.started_from
    image = read_case_image(tiny_cohort, tiny_cohort.cases[-1])
    assert model.predict(image).labels.array.shape == image.grid.shape


def test_the_folder_says_what_it_is_and_refuses_to_segment(
    pretrained: Path, tiny_cohort: Cohort
) -> None:
    card = read_card(pretrained)
    assert (card.rung, card.method, card.n_cases) == ("pretrained", "spark", len(tiny_cohort))
    _, _, _, history, _ = read_unet(pretrained)
    assert {"loss", "explained"} <= set(history[-1])
    for load in (load_segmenter, PretrainedUNet.load):
        with pytest.raises(ModelError, match=r"cannot segment.*--init"):
            load(pretrained)
    image = read_case_image(tiny_cohort, tiny_cohort.cases[0])
    with pytest.raises(ModelError, match="cannot segment"):
        PretrainedUNet().predict(image)


@pytest.mark.parametrize("method", METHODS)
def test_masks_are_not_learned_from(
    counted: pytest.MonkeyPatch,
    monkeypatch: pytest.MonkeyPatch,
    tiny_cohort: Cohort,
    small_plan: Plan,
    tmp_path: Path,
    method: str,
) -> None:
    # As many steps, however long reading takes.
    monkeypatch.setattr(unet_module, "LEAST_TRAINING", 1.0)
    found = [
        fitted(cohort, small_plan, tmp_path / name, method)._network.state_dict()
        for name, cohort in (("with", tiny_cohort), ("without", bare(tiny_cohort)))
    ]
    assert all(torch.equal(weight, found[1][name]) for name, weight in found[0].items())


def test_a_plan_is_made_without_any_mask_and_a_later_training_follows_it(
    counted: pytest.MonkeyPatch, tiny_cohort: Cohort, tmp_path: Path
) -> None:
    model = fitted(bare(tiny_cohort), None, tmp_path / "work")
    model.save(tmp_path / "pretrained")
    own = plan_for(tiny_cohort.labelled(), budget=Budget(minutes=3), machine=CPU)
    other = dataclasses.replace(own, widths=(8,) * len(own.widths))
    plan, _ = plan_from_source(
        other, read_source(tmp_path / "pretrained"), machine=CPU, train_seconds=60
    )
    for key in ("spacing_mm", "widths", "strides", "blocks", "encoder", "architecture"):
        assert getattr(plan, key) == getattr(model.plan_, key), key
    assert (plan.n_classes, plan.augmentation) == (own.n_classes, own.augmentation)


def test_what_cannot_serve_is_refused(
    counted: pytest.MonkeyPatch, tiny_cohort: Cohort, small_plan: Plan, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="spark, denoise"):
        PretrainedUNet(method="hope")
    with pytest.raises(CohortError, match="no scan to learn from"):
        fitted(tiny_cohort.subset([]), small_plan, tmp_path / "none")
    fitted(tiny_cohort, small_plan, tmp_path / "work")
    with pytest.raises(UsageError, match="kind"):
        fitted(tiny_cohort, small_plan, tmp_path / "work", "denoise")
    two = {"in_channels": 2, "normalisation": ("scan",) * 2, "intensity": small_plan.intensity * 2}
    flat = dataclasses.replace(small_plan, **two)
    with pytest.raises(CohortError, match="'case0' is unlike the others"):
        fitted(tiny_cohort, flat, tmp_path / "channels")


def test_the_brighter_part_of_a_scan_is_its_ball(tiny_cohort: Cohort) -> None:
    case: Case = tiny_cohort.cases[0]
    image = read_case_image(tiny_cohort, case)
    assert 0.01 < brighter_part(image.array).mean() < 0.2
    assert not brighter_part(np.full((1, 8, 8), 3.0)).any()
