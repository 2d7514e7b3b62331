"""Registration labels a pool before a network knows something."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from suffice.core import Budget, Cohort, silent
from suffice.io import read_case_image
from suffice.segmenters import registered_pool
from suffice.segmenters.fitting import Fitting
from suffice.segmenters.pooled_unet import PooledUNetSegmenter
from suffice.segmenters.registered_pool import share_by_registration
from suffice.segmenters.unet import UNetSegmenter
from suffice.segmenters.unlabelled import store_unlabelled
from suffice.training.plan import Plan
from suffice.training.store import Store

Split = tuple[Fitting, Cohort, Plan, Store]


@pytest.fixture
def plan(picture_plan: Plan) -> Plan:
    return dataclasses.replace(picture_plan, n_classes=3)


@pytest.fixture
def prepared(plan: Plan, anatomy_cohort: Callable[..., Cohort], tmp_path: Path) -> Split:
    return _prepared(anatomy_cohort(tmp_path, 6), plan, tmp_path, n_labels=3)


def _prepared(cohort: Cohort, plan: Plan, folder: Path, *, n_labels: int) -> Split:
    labelled, pool = cohort.subset(cohort.names[:n_labels]), cohort.subset(cohort.names[n_labels:])
    fitting = Fitting(
        labelled=labelled, budget=Budget(minutes=10), seed=0, workdir=folder, listener=silent
    )
    UNetSegmenter()._fill(fitting, plan)
    store_unlabelled(fitting.store, pool, plan, listener=silent)
    return fitting, pool, plan, fitting.store


def _share(split: Split, folder: Path) -> str:
    fitting, pool, plan, _ = split
    return share_by_registration(fitting, pool, plan, folder)


def test_structures_of_the_pool_are_found_and_the_pool_s_masks_not_looked_at(
    prepared: Split, anatomy, dice, tmp_path: Path
) -> None:
    account = _share(prepared, tmp_path / "shares")
    assert "3 of 3 scans" in account
    _, pool, plan, store = prepared
    for i, name in enumerate(pool.names, start=3):
        shares = np.load(tmp_path / "shares" / f"{name}.npy")
        assert shares.shape == (plan.n_classes, *store.open(name).labels.shape)
        np.testing.assert_allclose(shares.sum(axis=0, dtype=float), 1.0, atol=2e-3)
        assert not store.open(name).labels.any()
        _, truth = anatomy(i)
        assert dice(shares.argmax(axis=0) > 0, truth > 0) > 0.9
        assert dice(shares.argmax(axis=0) == 2, truth == 5) > 0.75


def test_what_was_killed_goes_on_with_what_is_not_written(
    prepared: Split, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = _share(prepared, tmp_path / "whole")
    real, n_calls = registered_pool.shares_by_atlases, []

    def killed(*arguments: object) -> object:
        n_calls.append(1)
        if len(n_calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(registered_pool, "shares_by_atlases", killed)
    with pytest.raises(KeyboardInterrupt):
        _share(prepared, tmp_path / "killed")
    assert not (tmp_path / "killed" / "done.json").exists()
    assert _share(prepared, tmp_path / "killed") == whole
    assert len(n_calls) == 4
    for name in prepared[1].names:
        file = f"{name}.npy"
        assert (tmp_path / "killed" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    # Nothing is left to be done.
    assert _share(prepared, tmp_path / "killed") == whole
    assert len(n_calls) == 4


def test_scans_that_share_no_anatomy_are_left_alone(
    cells_cohort: Cohort, plan: Plan, tmp_path: Path
) -> None:
    colour = dataclasses.replace(
        plan,
        n_classes=2,
        in_channels=3,
        normalisation=("scan",) * 3,
        intensity=plan.intensity * 3,
    )
    split = _prepared(cells_cohort, colour, tmp_path, n_labels=2)
    assert "no anatomy" in _share(split, tmp_path / "shares")
    assert [path.name for path in (tmp_path / "shares").iterdir()] == ["done.json"]


def test_no_more_than_a_part_of_the_time_is_taken(
    prepared: Split, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(registered_pool, "ALL", 0.0)
    assert "0 of 3 scans" in _share(prepared, tmp_path / "shares")
    assert "0 of 3" in json.loads((tmp_path / "shares" / "done.json").read_text())


def test_one_labelled_case_teaches_a_unet_by_registration(
    counted: pytest.MonkeyPatch,
    plan: Plan,
    anatomy_cohort: Callable[..., Cohort],
    tmp_path: Path,
) -> None:
    cohort = anatomy_cohort(tmp_path, 4)
    labelled, pool = cohort.subset(cohort.names[:1]), cohort.subset(cohort.names[1:])
    segmenter = PooledUNetSegmenter(pool, strategy="registration", plan=plan)
    segmenter.fit(labelled, budget=Budget(minutes=0.5), seed=0, workdir=tmp_path / "work")
    assert "registration labelled 3 of 3" in segmenter.notes_[-1]
    # The rounds have labels from the first step on.
    assert sorted(p.name for p in (tmp_path / "work" / "pool").iterdir())[0] == "round0"
    image = read_case_image(pool, pool.cases[0])
    assert segmenter.predict(image).labels.array.shape == image.grid.shape
