"""What ways are worth, from the folder of a curve whose truth is known."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from suffice.core import Case, Channel, Cohort, Legend, UsageError
from suffice.forecasting.experience import read_experience
from suffice.study.curve_design import design_curve
from suffice.study.curve_table import curve_rows, write_curve
from suffice.workflows import enough as workflow
from suffice.workflows import known_curve as known_curves
from suffice.workflows.curving import Curve
from suffice.workflows.enough import enough
from suffice.workflows.exchanging import worth_of
from suffice.workflows.known_curve import known_curve
from suffice.workflows.pricing import read_prices
from suffice.workflows.targets import Target
from suffice.workflows.ways import parse_ways

LEGEND = Legend.from_names({1: "lung"})
# A way is as good as the usual one with so many times the cases.
TIMES = {"usual": 1.0, "unaugmented": 0.5, "pool": 2.0, "consensus": 1.0}


def cohort_of(n: int) -> Cohort:
    mask = {"expert": Path("m.png")}
    cases = tuple(Case(f"c{i}", f"s{i}", {"image": Path("a.png")}, mask) for i in range(n))
    return Cohort("toy", Path(), (Channel(),), LEGEND, cases)


def made_up(folder: Path, n: int = 48, *, n_draws: int = 3, minutes_each: float = 0.5) -> Curve:
    design = design_curve(cohort_of(n))
    ways = parse_ways(["unaugmented", "pool", "consensus"])
    rows = []
    for one in design.trainings(["unet"], draws=range(n_draws), ways={"unet": tuple(TIMES)}):
        if one.way == "pool" and one.n_subjects == design.sizes[-1]:
            rows.append(curve_rows(one, pd.DataFrame(), minutes=0.0, note="No pool is left."))
            continue
        rng = np.random.default_rng([one.draw, one.n_subjects])
        value = 0.95 - 0.5 * (TIMES[one.way] * one.n_subjects) ** -0.6 + rng.normal(0, 0.002)
        scores = pd.DataFrame(
            {
                "case": case,
                "subject": case.replace("c", "s"),
                "label": "lung",
                "metric": "dice",
                "value": value + 0.02 * np.sin(int(case[1:])),
            }
            for case in one.test
        )
        place = folder / "trainings" / f"{one.name}.csv"
        place.parent.mkdir(parents=True, exist_ok=True)
        scores.assign(rung="unet", fold="").to_csv(place, index=False)
        rows.append(curve_rows(one, scores, minutes=0.1))
    table = write_curve(folder / "curve.csv", rows)
    return Curve(
        folder=folder, table=table, design=design, minutes_each=minutes_each, minutes=2.0, ways=ways
    )


@pytest.fixture(scope="module")
def curve(tmp_path_factory: pytest.TempPathFactory) -> Curve:
    return made_up(tmp_path_factory.mktemp("curve"))


def test_what_doubles_the_cases_is_worth_as_many_as_there_are(curve: Curve) -> None:
    target = Target("mean", "dice", 0.9)
    found = {
        way.name: worth_of(curve, "unet", way, target, level=0.8, seed=0) for way in curve.ways[1:]
    }
    pool, bare, same = found["pool"].said, found["unaugmented"].said, found["consensus"].said
    assert pool is not None and bare is not None and same is not None
    assert (curve.design.sizes[-1], pool.at) == (32, 16)
    assert pool.worth == pytest.approx(16, abs=3) and pool.is_gain
    # The arm without says what augmentation is worth to those who do without it.
    assert bare.way == "augmentation" and bare.worth == pytest.approx(16, abs=3)
    assert abs(same.worth) < 1
    assert found["pool"].sentence.startswith("By Dice with unet, pool is worth ")
    assert [rate.at for rate in found["pool"].rates] == [1, 2, 4, 8, 16]


@pytest.mark.parametrize("from_masks", [True, False])
def test_weights_that_may_know_the_scored_masks_are_doubted(
    curve: Curve, from_masks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SimpleNamespace(from_masks=from_masks)
    monkeypatch.setattr("suffice.workflows.ways.read_source", lambda path: source)
    way = replace(curve.ways[2], init=Path("organ"))
    found = worth_of(curve, "unet", way, Target("mean", "dice", 0.9), level=0.8, seed=0)
    assert ("may have learned from masks" in found.sentence) == from_masks


def test_draws_that_one_way_lacks_are_left_out(tmp_path: Path) -> None:
    curve = made_up(tmp_path)
    cut = curve.table[(curve.table["way"] != "pool") | (curve.table["draw"] == 0)]
    part = Curve(
        folder=tmp_path, table=cut, design=curve.design, minutes_each=0.5, minutes=2.0,
        ways=curve.ways,
    )  # fmt: skip
    way = next(way for way in curve.ways if way.name == "pool")
    found = worth_of(part, "unet", way, Target("mean", "dice", 0.9), level=0.8, seed=0)
    assert {rate.n_draws for rate in found.rates} == {1}


def test_a_size_without_any_score_is_left_out(tmp_path: Path) -> None:
    """Where a structure is in no scored mask and no prediction, Dice is undefined."""
    curve = made_up(tmp_path)
    for place in (tmp_path / "trainings").glob("unet-pool-n0004-*.csv"):
        pd.read_csv(place).assign(value=np.nan).to_csv(place, index=False)
    way = next(way for way in curve.ways if way.name == "pool")
    found = worth_of(curve, "unet", way, Target("lung", "dice", 0.9), level=0.8, seed=0)
    assert [rate.at for rate in found.rates] == [1, 2, 8, 16]


def test_a_way_that_never_trained_says_why(tmp_path: Path) -> None:
    curve = made_up(tmp_path)
    table = curve.table.copy()
    is_pool = table["way"] == "pool"
    table.loc[is_pool, ["value", "note"]] = [np.nan, "There is no unlabelled scan."]
    part = Curve(
        folder=tmp_path, table=table, design=curve.design, minutes_each=0.5, minutes=2.0,
        ways=curve.ways,
    )  # fmt: skip
    way = next(way for way in curve.ways if way.name == "pool")
    found = worth_of(part, "unet", way, Target("mean", "dice", 0.9), level=0.8, seed=0)
    assert found.said is None
    assert found.sentence.endswith("pool is worth: There is no unlabelled scan.")


def test_all_ways_are_answered_written_and_drawn(
    curve: Curve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow, "learning_curve", lambda *args, **options: curve)
    found = enough(curve.design.cohort, curve.folder, targets=["dice=0.92"], minutes=5)
    assert [answer.way for answer in found.answers] == list(TIMES)
    assert found.answers[2].sentences[0].startswith("Dice 0.92 with unet, pool takes ")
    written = json.loads((curve.folder / "forecast.json").read_text())
    assert [one["way"] for one in written["worth"]] == ["unaugmented", "pool", "consensus"]
    assert written["worth"][1]["sentence"] == found.worths[1].sentence
    chart = (curve.folder / "forecast.svg").read_text()
    assert all(f">{name}<" in chart for name in TIMES)


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expect hardly anything of the curve, as it is known and to be carried on as it is."""
    known = read_experience(Path(__file__).parents[1] / "forecasting" / "wide.json")
    module = importlib.import_module("suffice.forecasting.forecast")
    monkeypatch.setattr(module, "shipped_experience", lambda: known)


@pytest.mark.usefixtures("wide")
def test_with_prices_the_answer_is_in_hours_and_money_and_the_cheapest_is_named(
    curve: Curve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow, "learning_curve", lambda *args, **options: curve)
    priced = read_prices(minutes_a_case=45, rate_expert=80, value_a_point=100, currency="CHF")
    cohort = curve.design.cohort
    found = enough(cohort, curve.folder, targets=["dice=0.91"], minutes=5, priced=priced)
    assert "hours" in found.answers[0].sentences[1] and "CHF" in found.answers[0].sentences[1]
    (advice,) = found.advice
    assert advice.choice is not None and advice.choice.price is not None
    assert advice.choice.price.name == advice.model == "unet, pool"
    first, second = advice.sentences
    assert first.startswith("Dice 0.91: Cheapest: unet, pool, ")
    assert second.startswith("Dice with unet, pool: ")
    # As many cases again as are given, 48, at 60 CHF each.
    assert "where the cases cost 2,880 CHF" in second
    written = json.loads((curve.folder / "forecast.json").read_text())
    assert written["advice"][0]["sentences"] == [first, second]
    assert written["prices"]["minutes_a_case"]["minutes"] == 45
    assert written["answers"][2]["price"]["money"]["unit"] == "CHF"
    assert written["answers"][2]["next"]["stops"] in (True, False)


def test_curves_of_other_minutes_are_among_the_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    curve = made_up(tmp_path / "short")
    longer = made_up(tmp_path / "long", minutes_each=6.0)
    monkeypatch.setattr(known_curves, "data_hash", lambda cohort: "the same")
    record = {
        "data": "the same",
        "held_back": [list(part) for part in longer.design.parts],
        "seed": 0,
        "sizes": list(longer.design.sizes),
        "minutes_each": 6.0,
        "ways": {"pool": {"kind": "pool", "unlabelled": "unimatch"}},
    }
    (longer.folder / "curve.json").write_text(json.dumps(record))
    read = known_curve(longer.folder, curve.design)
    pd.testing.assert_frame_equal(read.table, longer.table, check_dtype=False)
    assert [way.kind for way in read.ways] == ["usual", "pool"] and read.minutes_each == 6.0
    monkeypatch.setattr(workflow, "learning_curve", lambda *args, **options: curve)
    priced = read_prices(minutes_a_case=60, rate_expert=0, rate_compute=100)
    cohort = curve.design.cohort
    found = enough(
        cohort, curve.folder, targets=["dice=0.80"], minutes=5, priced=priced,
        beside=[longer.folder],
    )  # fmt: skip
    choice = found.advice[0].choice
    assert choice is not None and choice.price is not None and choice.n_ways == 8
    # Where drawing is free and all get there, fewer minutes of the machine are cheaper.
    assert choice.price.name.endswith("trained for 0.5 minutes")
    assert {one.minutes_each for one in found.beside} == {6.0}
    record["seed"] = 1
    (longer.folder / "curve.json").write_text(json.dumps(record))
    with pytest.raises(UsageError, match="cannot be compared: it has other seed"):
        known_curve(longer.folder, curve.design)
    with pytest.raises(UsageError, match="holds no learning curve"):
        known_curve(tmp_path, curve.design)
