"""Ablations: who is compared with whom, what minutes suffice, and how one goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suffice.augment import POLICIES, families_of
from suffice.core import Case, Cohort, UsageError
from suffice.training.loop import augmentation_of
from suffice.training.plan import Plan
from suffice.workflows import ablating
from suffice.workflows.ablating import ablate, effects_of, share
from suffice.workflows.arms import arms_of

WORTH = {"full": 0.06, "none": 0.0, "without gamma": 0.02, "only gamma": 0.03}


def scores_of(arm: str, seed: int, n_subjects: int = 8) -> pd.DataFrame:
    subjects = np.random.default_rng(0).normal(0.8, 0.05, n_subjects)
    noise = np.random.default_rng([seed, list(WORTH).index(arm)]).normal(0, 0.003, n_subjects)
    return pd.DataFrame(
        {
            "case": [f"c{i}" for i in range(n_subjects)],
            "subject": [f"s{i}" for i in range(n_subjects)],
            "label": "ball",
            "metric": "dice",
            "value": subjects + WORTH[arm] + noise,
        }
    )


@pytest.fixture
def cohort(tiny_cohort: Cohort) -> Cohort:
    """Ten labelled subjects, of files that nobody reads here."""
    first = tiny_cohort.cases[0]
    cases = tuple(Case(f"c{i}", f"s{i}", first.images, first.masks) for i in range(10))
    return replace(tiny_cohort, cases=cases)


def test_arms_leave_out_and_leave_alone(disc_plan: Plan) -> None:
    arms = {arm.name: arm for arm in arms_of("strong", ["gamma", "rotation+scale"], ["cutmix"])}
    left = {
        name: set(families_of(augmentation_of(arm.plan(disc_plan)))) for name, arm in arms.items()
    }
    everything = set(families_of(POLICIES["strong"]))
    assert left["none"] == set()
    assert left["full"] | {"flip"} == everything | {"flip"}
    assert left["full"] - left["without rotation+scale"] == {"rotation", "scale"}
    assert left["only gamma"] == {"gamma"}
    assert arms["with cutmix"].plan(disc_plan).mixing == ("cutmix",)


def test_too_few_minutes_are_refused_with_those_that_would_do() -> None:
    with pytest.raises(UsageError, match="40 or more"):
        share(20, 10)
    assert share(40, 10) == (2, 2.0)
    n_seeds, each = share(1000, 10)
    assert n_seeds == 5 and each == 20.0


def test_a_family_is_worth_what_leaving_it_out_costs() -> None:
    arms = arms_of("light", ["gamma"])
    scores = pd.concat(
        scores_of(arm.name, seed).assign(arm=arm.name, seed=seed) for arm in arms for seed in (0, 1)
    )
    effects = effects_of(scores, arms, seed=0).set_index("arm")
    expected = {"full": 0.06, "without gamma": 0.04, "only gamma": 0.03}
    for name, worth in expected.items():
        row = effects.loc[name]
        assert row["difference"] == pytest.approx(worth, abs=0.005)
        assert row["low"] < row["difference"] < row["high"]
        assert row["p"] < 0.05 and row["seed_sd"] < 0.01 and row["n_seeds"] == 2


def test_an_ablation_is_done_once(
    cohort: Cohort, disc_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []

    def scores(out, arm, plan, train, test, minutes, seed, listener):
        trained.append((arm.name, seed, minutes, train.names, test.names))
        return scores_of(arm.name, seed)

    monkeypatch.setattr(ablating, "_scores", scores)
    monkeypatch.setattr(ablating, "plan_for", lambda *_, **__: replace(disc_plan, n_steps=500))
    monkeypatch.setattr(ablating, "data_hash", lambda _: "same")
    out = tmp_path / "ablation"
    settings = {"minutes": 20.0, "policy": "light", "families": ["gamma"]}
    found = ablate(cohort, out, **settings)
    assert found.n_seeds == 2 and found.minutes_each == 2.5 and found.n_test == 6
    assert len(trained) == 8
    assert {(train, test) for *_, train, test in trained} == {trained[0][3:]}
    assert {"ablation.png", "effects.csv", "scores.csv", "splits.csv", "plan.toml"} <= {
        path.name for path in out.iterdir()
    }
    assert ablate(cohort, out, **settings).effects.equals(found.effects)
    with pytest.raises(UsageError, match="other arms"):
        ablate(cohort, out, **{**settings, "families": ["noise"]})
    with pytest.raises(UsageError, match="too few for"):
        ablate(cohort, tmp_path / "other", **{**settings, "minutes": 1.0})
    assert not (tmp_path / "other").exists()


def test_too_few_subjects_are_refused(tiny_cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Too few subjects"):
        ablate(tiny_cohort, tmp_path / "out", minutes=100)
    assert not (tmp_path / "out").exists()


def test_a_network_too_slow_for_the_minutes_is_refused(
    cohort: Cohort, disc_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablating, "plan_for", lambda *_, **__: replace(disc_plan, n_steps=20))
    monkeypatch.setattr(ablating, "data_hash", lambda _: "same")
    with pytest.raises(UsageError, match="400 minutes in all"):
        ablate(cohort, tmp_path / "out", minutes=20, policy="light", families=["gamma"])
