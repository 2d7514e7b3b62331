"""Several kinds of models in one study: the same folds, one choice, no part of the test in it."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from suffice.core import Cohort, CohortError, UsageError
from suffice.study import read_costs, read_record
from suffice.workflows.allotting import allot, choose_rung, choose_rungs, share_minutes
from suffice.workflows.planning import plan_ladder
from suffice.workflows.running import Study, run


@pytest.fixture(scope="module")
def rungs(shared_fakes) -> dict[str, Any]:
    """One that is too careful, one that does not apply, one that breaks, and the good one."""
    good = shared_fakes.rungs["unet"]

    class Careful(good):
        rung = "careful"

        def fit(self, labelled: Cohort, **options: Any) -> Any:
            super().fit(labelled, **options)
            self.threshold_ += 35.0
            return self

    class Choosy(good):
        rung = "choosy"

        @classmethod
        def refusal(cls, labelled: Cohort) -> CohortError | None:
            return CohortError("Balls are not for this kind", cure="Draw cubes.")

    class Broken(good):
        rung = "broken"

        def fit(self, labelled: Cohort, **_: Any) -> Any:
            raise CohortError("It breaks on what it reads")

    return {"careful": Careful, "choosy": Choosy, "broken": Broken, "unet": good}


@pytest.fixture(scope="module")
def options(rungs: dict[str, Any], shared_fakes) -> dict[str, Any]:
    return {"models": ["all"], "minutes": 2, "rungs": rungs, "load": shared_fakes.load}


@pytest.fixture(scope="module")
def climbed(
    tiny_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory, options: dict[str, Any]
) -> Study:
    return run(tiny_cohort, tmp_path_factory.mktemp("climbed") / "study", **options)


def test_every_kind_is_scored_on_the_same_cases(climbed: Study) -> None:
    scores = pd.read_csv(climbed.folder / "scores.csv")
    cases = {rung: set(part["case"]) for rung, part in scores.groupby("rung")}
    assert cases == {rung: {f"case{i}" for i in range(6)} for rung in ("careful", "unet")}
    folders = [p.name for p in (climbed.folder / "validation").iterdir()]
    assert sorted(folders) == ["careful", "unet"]


def test_the_best_over_the_folds_is_chosen_and_predicts(climbed: Study) -> None:
    assert climbed.rung == "unet" and climbed.n_predicted == 2
    assert climbed.choice.startswith("best mean Dice of 2 kinds of models")
    assert (climbed.folder / "models" / "unet").is_dir()
    assert not (climbed.folder / "models" / "careful").exists()
    assert (climbed.folder / "models" / "careful-fold-2").is_dir()
    record = read_record(climbed.folder / "study.toml")
    assert (record.rung, record.choice) == (climbed.rung, climbed.choice)


def test_the_ladder_lists_all_and_says_why_not(climbed: Study) -> None:
    ladder = pd.read_csv(climbed.folder / "ladder.csv").set_index("rung")
    assert list(ladder.index) == ["careful", "unet", "choosy", "broken"]
    assert "Draw cubes" in ladder.loc["choosy", "note"]
    assert "It breaks" in ladder.loc["broken", "note"]
    assert ladder.loc["unet", "dice"] == pytest.approx(climbed.dice)
    gap = ladder.loc["unet", "dice"] - ladder.loc["careful", "dice"]
    assert ladder.loc["careful", "behind"] == pytest.approx(gap)
    assert ladder.loc["careful", "behind_low"] > 0
    assert ladder.loc["unet", "verdict"] == "best, enough"
    assert (ladder.loc[["careful", "unet"], ["minutes", "memory_gb"]] > 0).all(axis=None)


def test_the_report_says_which_kind_is_enough(climbed: Study) -> None:
    page = climbed.report.read_text(encoding="utf-8")
    assert "Which kind of model is enough" in page
    assert "unet is enough" in page and "a little too good" in page
    assert "does not apply: Balls are not for this kind" in page


def test_started_again_it_chooses_nothing_new(
    tiny_cohort: Cohort, climbed: Study, options: dict[str, Any]
) -> None:
    record = (climbed.folder / "study.toml").read_bytes()
    assert run(tiny_cohort, climbed.folder, **options) == climbed
    assert (climbed.folder / "study.toml").read_bytes() == record


def test_a_test_set_has_no_part_in_the_choice(
    tiny_cohort: Cohort, tmp_path: Path, options: dict[str, Any]
) -> None:
    study = run(tiny_cohort, tmp_path / "study", test=["case1", "case4"], **options)
    assert study.n_scored == 2
    scores = pd.read_csv(study.folder / "scores.csv", dtype={"fold": str}, keep_default_na=False)
    tested = scores[scores["fold"] == ""]
    assert set(tested["case"]) == {"case1", "case4"} and set(tested["rung"]) == {"unet"}
    assert not set(scores.loc[scores["fold"] != "", "case"]) & {"case1", "case4"}
    summary = pd.read_csv(study.folder / "summary.csv")
    assert set(summary.loc[summary["rung"] == "unet", "part"]) == {"train", "test"}
    page = study.report.read_text(encoding="utf-8")
    assert "had no part in the choice" in page
    assert "on 2 subjects that the model never saw" in page


def test_costs_are_kept_for_each_training(climbed: Study) -> None:
    costs = {(cost.rung, cost.fold): cost for cost in read_costs(climbed.folder / "costs.csv")}
    folds = {(rung, str(fold)) for rung in ("careful", "unet") for fold in range(3)}
    assert set(costs) == folds | {("unet", "")}
    assert all(cost.seconds_per_scan > 0 for cost in costs.values())


def test_where_nothing_can_be_fitted_the_reason_is_given(
    tiny_cohort: Cohort, tmp_path: Path, options: dict[str, Any]
) -> None:
    with pytest.raises(CohortError, match="It breaks"):
        run(tiny_cohort, tmp_path / "a", **{**options, "models": ["choosy", "broken"]})
    with pytest.raises(CohortError, match="Draw cubes"):
        run(tiny_cohort, tmp_path / "b", **{**options, "models": ["choosy"]})


def test_names_of_kinds() -> None:
    assert choose_rung("auto") == "unet"
    assert choose_rungs(["unet", "unet-plain"]) == ("unet-plain", "unet")
    with pytest.raises(UsageError, match="no such kind of model: got v-net, expected auto"):
        choose_rungs(["v-net"])
    with pytest.raises(UsageError, match="No kind of model is named"):
        choose_rungs([])


@pytest.mark.parametrize("n_folds", [1, 3])
@pytest.mark.parametrize("needs", [[0.1, np.inf], [0.1, 2.0, np.inf, np.inf], [0.5], [9.0, 9.0]])
def test_shares_never_exceed_the_minutes(needs: list[float], n_folds: int) -> None:
    shares = list(share_minutes(dict(enumerate(needs)), minutes=10, n_folds=n_folds).values())
    assert n_folds * sum(shares) + max(shares) <= 10 + 1e-9
    assert all(share <= need for share, need in zip(shares, needs, strict=True))
    if np.inf in needs:
        assert n_folds * sum(shares) + max(shares) == pytest.approx(10)


def test_one_kind_alone_is_not_tried(tiny_cohort: Cohort, rungs: dict[str, Any]) -> None:
    given = allot(tiny_cohort.labelled(), ["broken"], minutes=8, n_folds=3, seed=0, rungs=rungs)
    assert given.minutes == {"broken": 2.0}


def test_the_plan_lists_every_kind(tiny_cohort: Cohort, rungs: dict[str, Any]) -> None:
    planned = {row.rung: row for row in plan_ladder(tiny_cohort, minutes=2, rungs=rungs)}
    assert list(planned) == list(rungs)
    assert planned["choosy"].refusal.endswith("Draw cubes.")
    assert 0 < planned["careful"].minutes < 2 and not planned["careful"].takes_all
    assert planned["careful"].memory_gb > 0


def test_the_choice_is_written_where_the_study_is_described(climbed: Study) -> None:
    text = (climbed.folder / "study.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    assert set(table["allotted"]) == {"careful", "broken", "unet"}
    assert set(table["refused"]) == {"choosy", "broken"}
