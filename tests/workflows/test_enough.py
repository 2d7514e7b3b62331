"""How much is enough: targets, the curve's scores, and the answer that is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suffice.core import Case, Channel, Cohort, Legend, UsageError
from suffice.study.curve_design import design_curve
from suffice.study.curve_table import COLUMNS, curve_rows, read_curve, write_curve
from suffice.workflows import enough as workflow
from suffice.workflows.curve_scores import curve_scores
from suffice.workflows.curving import Curve
from suffice.workflows.enough import enough, given_subjects
from suffice.workflows.targets import Target, parse_target

LEGEND = Legend.from_names({1: "lung", 2: "heart"})


def cohort_of(n: int) -> Cohort:
    mask = {"expert": Path("m.png")}
    cases = tuple(Case(f"c{i}", f"s{i}", {"image": Path("a.png")}, mask) for i in range(n))
    return Cohort("toy", Path(), (Channel(),), LEGEND, cases)


def made_up_curve(cohort: Cohort, folder: Path, n_draws: int = 3) -> Curve:
    """Dice 1 - 0.5 n^-0.6 and subjects' own luck, as trainings would have left it."""
    design = design_curve(cohort)
    rows = []
    for one in design.trainings(["forest"], draws=range(n_draws)):
        rng = np.random.default_rng([one.draw, one.n_subjects])
        scores = pd.DataFrame(
            {
                "case": case,
                "subject": case.replace("c", "s"),
                "label": label,
                "metric": "dice",
                "value": 1 - 0.5 * one.n_subjects**-0.6 + 0.02 * np.sin(int(case[1:])),
            }
            for case in one.test
            for label in LEGEND.names
        )
        scores["value"] += rng.normal(0, 0.005)
        place = folder / "trainings" / f"{one.name}.csv"
        place.parent.mkdir(parents=True, exist_ok=True)
        scores.assign(rung="forest", fold="").to_csv(place, index=False)
        rows.append(curve_rows(one, scores, minutes=0.1))
    table = write_curve(folder / "curve.csv", rows)
    return Curve(folder=folder, table=table, design=design, minutes_each=0.5, minutes=2.0)


def test_targets_are_read() -> None:
    assert parse_target("dice=0.90", LEGEND) == Target("mean", "dice", 0.9)
    assert parse_target(" heart:nsd=95% ", LEGEND) == Target("heart", "nsd", 0.95)
    assert parse_target("heart:nsd=95%", LEGEND).words == "NSD 0.95 of heart"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0.9", "cannot be read"),
        ("hd95=3", "in this metric: got hd95, expected dice"),
        ("kidney:dice=0.9", "no such structure: got kidney"),
        ("dice=90", "between 0 and 1: got 90"),
        ("dice=0.9.1", "between 0 and 1"),
    ],
)
def test_targets_that_make_no_sense_are_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_target(text, LEGEND)


def test_the_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    curve = made_up_curve(cohort_of(30), tmp_path)
    read = read_curve(tmp_path / "curve.csv")
    assert list(read.columns) == list(COLUMNS)
    pd.testing.assert_frame_equal(read, curve.table, check_dtype=False)


def test_scores_are_gathered_by_subject_and_averaged_over_structures(tmp_path: Path) -> None:
    curve = made_up_curve(cohort_of(30), tmp_path)
    rows = curve_scores(curve, "forest", "mean", "dice")
    means = rows.groupby(["n_cases", "draw", "seed"])["value"].mean()
    mine = curve.table[(curve.table["label"] == "mean") & (curve.table["metric"] == "dice")]
    expected = mine.set_index(["n_subjects", "draw", "seed"])["value"].sort_index()
    np.testing.assert_allclose(means.to_numpy(), expected.to_numpy(), atol=1e-6)
    assert rows["subject"].nunique() == 10


def test_where_draws_are_scored_on_others_only_whole_ones_count(tmp_path: Path) -> None:
    curve = made_up_curve(cohort_of(8), tmp_path)
    cut = curve.table[(curve.table["draw"] < 2) | (curve.table["n_subjects"] < 4)]
    rows = curve_scores(
        Curve(folder=tmp_path, table=cut, design=curve.design, minutes_each=1.0, minutes=1.0),
        "forest",
        "lung",
        "dice",
    )
    assert set(rows["draw"]) == {0, 1}


def test_what_is_given_is_what_a_final_model_learns_from() -> None:
    cohort = cohort_of(30)
    assert given_subjects(design_curve(cohort), is_test_named=False) == 30
    named = design_curve(cohort, test=["c0", "c1", "c2", "c3"])
    assert given_subjects(named, is_test_named=True) == 26


def test_the_answer_is_written_as_words_values_and_a_chart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = cohort_of(30)
    curve = made_up_curve(cohort, tmp_path)
    monkeypatch.setattr(workflow, "learning_curve", lambda *args, **options: curve)
    found = enough(cohort, tmp_path, targets=["dice=0.93", "heart:dice=0.80"], minutes=5)
    first, second = found.answers
    assert found.given == 30 and found.unit == "cases"
    assert first.sentences[0].startswith("Dice 0.93 with forest takes ")
    assert "none more: the 30 given are enough" in second.sentences[0]
    needed = first.forecast.needed if first.forecast else None
    # 1 - 0.5 n^-0.6 = 0.93 has its solution at 26.5.
    assert needed is not None and needed.n_cases is not None and 18 < needed.n_cases < 40
    written = json.loads((tmp_path / "forecast.json").read_text())
    assert [one["label"] for one in written["answers"]] == ["mean", "heart"]
    assert written["answers"][0]["forecast"]["target"]["n_cases"] == needed.n_cases
    assert (tmp_path / "forecast.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "forecast.svg").read_text()


def test_a_model_that_never_trained_is_answered_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = cohort_of(30)
    design = design_curve(cohort)
    rows = [
        curve_rows(one, pd.DataFrame(), minutes=0.0, note="Not for this.")
        for one in design.trainings(["vae"], draws=[0])
    ]
    table = write_curve(tmp_path / "curve.csv", rows)
    curve = Curve(folder=tmp_path, table=table, design=design, minutes_each=1.0, minutes=0.0)
    monkeypatch.setattr(workflow, "learning_curve", lambda *args, **options: curve)
    found = enough(cohort, tmp_path, targets=["dice=0.9"], minutes=5)
    assert found.answers[0].sentences == ("Dice 0.9 with vae: no forecast. Not for this.",)
    assert not (tmp_path / "forecast.png").exists()


def test_without_a_target_there_is_no_question(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No target is named"):
        enough(cohort_of(8), tmp_path, targets=[], minutes=5)
