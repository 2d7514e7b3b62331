"""A U-Net that learns from unlabelled pictures as well."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from suffice.core import Budget, Cohort, CohortError, UsageError
from suffice.io import read_case_image, read_case_mask
from suffice.segmenters import load_segmenter
from suffice.segmenters import unet as unet_module
from suffice.segmenters.pooled_unet import STRATEGIES, PooledUNetSegmenter
from suffice.training.plan import Plan


@pytest.fixture
def colour_plan(picture_plan: Plan) -> Plan:
    channels = {"in_channels": 3, "normalisation": ("scan",) * 3}
    return dataclasses.replace(picture_plan, **channels, intensity=picture_plan.intensity * 3)


@pytest.fixture
def split(cells_cohort: Cohort) -> tuple[Cohort, Cohort]:
    names = cells_cohort.names
    return cells_cohort.subset(names[:2]), cells_cohort.subset(names[2:])


@pytest.mark.parametrize("strategy", ["self-training", "cross-pseudo"])
def test_what_it_leaves_is_a_unet_that_is_saved_and_loaded_as_one(
    counted: pytest.MonkeyPatch,
    split: tuple[Cohort, Cohort],
    colour_plan: Plan,
    tmp_path: Path,
    strategy: str,
) -> None:
    labelled, pool = split
    segmenter = PooledUNetSegmenter(pool, strategy=strategy, plan=colour_plan)
    segmenter.fit(labelled, budget=Budget(minutes=0.5), seed=0, workdir=tmp_path / "work")
    segmenter.save(tmp_path / "model")
    loaded = load_segmenter(tmp_path / "model")
    image = read_case_image(pool, pool.cases[0])
    found = segmenter.predict(image).labels.array
    np.testing.assert_array_equal(loaded.predict(image).labels.array, found)
    assert loaded.card_.rung == "unet"
    assert segmenter.card_.n_cases == len(labelled)


def test_masks_of_the_pool_are_not_looked_at(
    counted: pytest.MonkeyPatch,
    monkeypatch: pytest.MonkeyPatch,
    split: tuple[Cohort, Cohort],
    colour_plan: Plan,
    tmp_path: Path,
) -> None:
    # As many steps, however long reading takes.
    monkeypatch.setattr(unet_module, "LEAST_TRAINING", 1.0)
    labelled, pool = split
    bare = dataclasses.replace(
        pool, cases=tuple(dataclasses.replace(case, masks={}) for case in pool.cases)
    )
    found = []
    for name, cohort in (("with", pool), ("without", bare)):
        segmenter = PooledUNetSegmenter(cohort, strategy="self-training", plan=colour_plan)
        segmenter.fit(labelled, budget=Budget(minutes=0.3), seed=0, workdir=tmp_path / name)
        image = read_case_image(pool, pool.cases[0])
        found.append(segmenter.predict(image, keep_probabilities=True).probabilities)
    np.testing.assert_array_equal(found[0], found[1])
    assert read_case_mask(pool, pool.cases[0]).array.any()


def test_a_case_cannot_be_labelled_and_not(
    counted: pytest.MonkeyPatch, split: tuple[Cohort, Cohort], colour_plan: Plan, tmp_path: Path
) -> None:
    labelled, _ = split
    segmenter = PooledUNetSegmenter(labelled, strategy="mean-teacher", plan=colour_plan)
    with pytest.raises(CohortError, match="with their masks and without"):
        segmenter.fit(labelled, budget=Budget(minutes=0.1), seed=0, workdir=tmp_path / "work")


def test_strategies_and_pools_that_cannot_serve_are_refused(cells_cohort: Cohort) -> None:
    with pytest.raises(UsageError, match=", ".join(STRATEGIES)):
        PooledUNetSegmenter(cells_cohort, strategy="hope")
    with pytest.raises(CohortError, match="no unlabelled scan"):
        PooledUNetSegmenter(cells_cohort.subset([]), strategy="mean-teacher")


def test_another_way_does_not_go_on_in_the_same_folder(
    counted: pytest.MonkeyPatch, split: tuple[Cohort, Cohort], colour_plan: Plan, tmp_path: Path
) -> None:
    labelled, pool = split
    workdir, budget = tmp_path / "work", Budget(minutes=0.05)
    first = PooledUNetSegmenter(pool, strategy="mean-teacher", plan=colour_plan)
    first.fit(labelled, budget=budget, seed=0, workdir=workdir)
    other = PooledUNetSegmenter(pool, strategy="copy-paste", plan=colour_plan)
    with pytest.raises(UsageError, match="kind"):
        other.fit(labelled, budget=budget, seed=0, workdir=workdir)
