"""Rehearsals: honest, resumed row by row, and the same whatever was killed."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Picture

from suffice.cli.main import app
from suffice.core import Case, Channel, Cohort, Legend, UsageError
from suffice.io import write_cohort
from suffice.selecting import Candidates, facts_of
from suffice.study import engine
from suffice.study.engine import Engine, LocalEngine
from suffice.workflows import rehearsing
from suffice.workflows.learning_round import RoundResult, RoundTask, learn_round
from suffice.workflows.rehearsing import Rehearsal, rehearse


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Ten pictures of a disc, all labelled."""
    folder = tmp_path_factory.mktemp("discs")
    cases = []
    for i in range(10):
        rng = np.random.default_rng(i)
        centre = rng.uniform(10, 22, (2, 1, 1))
        disc = ((np.indices((32, 32)) - centre) ** 2).sum(0) <= rng.uniform(4, 8) ** 2
        grey = np.clip(60 + 100 * disc + rng.normal(0, 12, disc.shape), 0, 255)
        image, mask = folder / f"p{i}.png", folder / f"p{i}_mask.png"
        Picture.fromarray(grey.astype(np.uint8)).save(image)
        Picture.fromarray(disc.astype(np.uint8)).save(mask)
        cases.append(Case(f"p{i}", f"s{i}", {"image": image}, {"expert": mask}))
    cohort = Cohort("discs", folder, (Channel(),), Legend.from_names({1: "disc"}), tuple(cases))
    write_cohort(cohort, folder)
    return cohort


class Learned:
    """Stands for trainings: what is picked has a worth of its own, and the tasks are kept."""

    def __init__(self, killed_at: int | None = None) -> None:
        self.tasks: list[RoundTask] = []
        self.killed_at = killed_at

    def __call__(self, task: RoundTask) -> RoundResult:
        if len(self.tasks) == self.killed_at:
            raise KeyboardInterrupt
        self.tasks.append(task)
        worth = 0.5 + 0.01 * sum(int(name[1:]) for name in task.train.names)
        rows = [
            {"case": c.name, "subject": c.subject, "label": "disc", "metric": "dice"}
            for c in task.test.cases
        ]
        scores = pd.DataFrame(rows).assign(value=worth)
        return RoundResult(scores=scores, candidates=_candidates(task), minutes=1.0)


def _candidates(task: RoundTask) -> Candidates | None:
    if task.left is None:
        return None
    numbers = [int(case.name[1:]) for case in task.left.cases]
    facts = [
        facts_of(np.stack([np.full((2, 2), 1 - n / 20), np.full((2, 2), n / 20)])) for n in numbers
    ]
    return Candidates.of(
        [(f"{case.name}/000000", case.subject) for case in task.left.cases],
        facts,
        [np.array([float(n)]) for n in numbers],
        known=[np.array([0.0])] * len(task.train),
        known_subjects=task.train.subjects,
        structures=["disc"],
    )


def run(cohort: Cohort, out: Path, learned: Learned, **options: object) -> Rehearsal:
    settings = {"minutes": 100.0, "strategies": ["entropy"], "n_starts": 2, **options}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rehearsing, "learn_round", learned)
        return rehearse(cohort, out, **settings)  # type: ignore[arg-type]


def test_all_strategies_share_a_start_and_never_see_what_is_scored(
    discs: Cohort, tmp_path: Path
) -> None:
    learned = Learned()
    found = run(discs, tmp_path / "out", learned, start=2, step=1, n_rounds=2)
    assert len(learned.tasks) == 2 * (1 + 2 * 2)
    test = set(found.design.test)
    for task in learned.tasks:
        assert set(task.test.names) == test and not test & set(task.train.names)
        if task.left is not None:
            assert not set(task.left.names) & (test | set(task.train.names))
            assert all(not case.masks for case in task.left.cases)
        assert len(task.train.subjects) == 2 + task.number
    first = {task.strategy: task.train.names for task in learned.tasks if task.seed == 0}
    begun = next(task.train.names for task in learned.tasks if task.strategy == "start")
    assert first["entropy"][:2] == first["foreground"][:2] == begun
    # Entropy is highest for the highest numbers here, which are worth the most.
    (row,) = found.effects.to_dict("records")
    assert row["strategy"] == "entropy" and row["difference"] > 0
    picks = pd.read_csv(tmp_path / "out" / "picks.csv")
    assert len(picks) == 2 * 2 * 2 and set(picks["case"]) <= set(found.design.pool.names)
    names = {"rounds.csv", "effects.csv", "rehearsal.png", "rehearsal.json", "trainings"}
    assert names <= {path.name for path in (tmp_path / "out").iterdir()}
    assert "100" not in found.sentences[0] and "entropy: " in found.sentences[1]


@pytest.mark.parametrize("killed_at", [1, 7])
def test_killed_it_goes_on_and_finds_the_same(
    discs: Cohort, tmp_path: Path, killed_at: int
) -> None:
    whole = run(discs, tmp_path / "whole", Learned(), n_rounds=2)
    stopped, rest = Learned(killed_at), Learned()
    with pytest.raises(KeyboardInterrupt):
        run(discs, tmp_path / "cut", stopped, n_rounds=2)
    found = run(discs, tmp_path / "cut", rest, n_rounds=2)
    assert len(stopped.tasks) + len(rest.tasks) == len(whole.rounds)
    pd.testing.assert_frame_equal(found.effects, whole.effects)
    pd.testing.assert_frame_equal(found.rounds, whole.rounds)
    for name in ("picks.csv", "effects.csv", "rounds.csv"):
        assert (tmp_path / "cut" / name).read_text() == (tmp_path / "whole" / name).read_text()
    again = Learned()
    run(discs, tmp_path / "cut", again, n_rounds=2)
    assert again.tasks == []


def test_minutes_bound_the_starts_and_more_add_some(discs: Cohort, tmp_path: Path) -> None:
    few = run(discs, tmp_path / "out", Learned(), minutes=8.0, n_rounds=2, n_starts=5)
    assert few.n_starts == 1
    assert "1 start shows little" in few.sentences[0]
    more = run(discs, tmp_path / "out", Learned(), minutes=15.0, n_rounds=2, n_starts=5)
    assert more.n_starts == 3 and more.minutes_each == few.minutes_each
    wider = run(
        discs, tmp_path / "out", Learned(), minutes=99.0, n_rounds=2, strategies=["typiclust"]
    )
    assert set(wider.effects["strategy"]) == {"entropy", "typiclust"}
    # What earlier calls picked stays, though this one neither names entropy nor the third start.
    picks = pd.read_csv(tmp_path / "out" / "picks.csv")
    tried = {(name, seed) for name in ("entropy", "foreground") for seed in range(3)}
    tried |= {("typiclust", 0), ("typiclust", 1)}
    assert set(picks[["strategy", "seed"]].itertuples(index=False, name=None)) == tried
    with pytest.raises(UsageError, match="a rehearsal with other step"):
        run(discs, tmp_path / "out", Learned(), n_rounds=2, step=2)


def test_a_round_trains_scores_and_looks(discs: Cohort, tmp_path: Path) -> None:
    def task(left: Cohort | None) -> RoundTask:
        return RoundTask(
            strategy="start",
            seed=0,
            number=0,
            rung="threshold",
            train=discs.subset(["p0", "p1"]),
            test=discs.subset(["p2", "p3"]),
            left=left,
            place=tmp_path / "work",
            minutes=0.05,
            panel=rehearsing.PANEL,
        )

    bare = tuple(replace(case, masks={}) for case in discs.cases[4:8])
    # As a worker gets it and sends it back.
    sent = pickle.loads(pickle.dumps(task(replace(discs, cases=bare))))
    found = pickle.loads(pickle.dumps(learn_round(sent)))
    dice = found.scores[found.scores["metric"] == "dice"]
    assert dice["value"].min() > 0.8 and set(dice["case"]) == {"p2", "p3"}
    assert found.candidates is not None
    assert found.candidates.subjects == ("s4", "s5", "s6", "s7")
    assert found.candidates.known_subjects == ("s0", "s1")
    assert learn_round(task(None)).candidates is None


def test_the_command_says_whether_it_pays(
    discs: Cohort,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def here(name: str, **options: object) -> Engine:
        return LocalEngine(0)

    monkeypatch.setattr(engine, "engine_named", here)
    command = ["rehearse", str(discs.root), "--minutes", "1", "--strategies", "typiclust"]
    command += ["--model", "threshold", "--start", "2", "--step", "1", "--rounds", "1"]
    command += ["--starts", "1", "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as ended:
        app(command)
    assert not ended.value.code
    words = capsys.readouterr().out
    assert words.startswith("None is shown to beat 'foreground' here, and 1 start shows little")
    assert "3 trainings (threshold)" in words
    with pytest.raises(SystemExit):
        app([*command, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["best"] == "foreground" and found["effects"][0]["strategy"] == "typiclust"
