"""Ways to train: their names, what they learn from, and how they become arms of a curve."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.core import Budget, Case, Channel, Cohort, Legend, UsageError
from suffice.metrics import Panel
from suffice.segmenters.unaugmented_unet import UnaugmentedUNetSegmenter
from suffice.segmenters.unet import UNetSegmenter
from suffice.study.curve_design import USUAL, design_curve
from suffice.study.curve_table import read_curve
from suffice.workflows.curving import CurveResult, CurveTask, learning_curve, score_training
from suffice.workflows.ways import POOL, USUALLY, Way, parse_ways, ways_by_rung


def cohort_of(n_subjects: int, n_bare: int = 0, n_visits: int = 1) -> Cohort:
    mask = {"expert": Path("m.png")}
    cases = [
        Case(f"s{i}v{v}", f"s{i}", {"image": Path("a.png")}, mask)
        for i in range(n_subjects)
        for v in range(n_visits)
    ]
    cases += [Case(f"bare{i}", f"s{i}", {"image": Path("b.png")}) for i in range(n_bare)]
    return Cohort("toy", Path(), (Channel(),), Legend.from_names({1: "x"}), tuple(cases))


def test_names_tell_two_of_a_kind_apart(tmp_path: Path) -> None:
    ways = parse_ways(
        ["unaugmented", f"transfer={tmp_path / 'Nuclei v2'}", "pool", "pool=unimatch", "consensus"],
        tune=["slow"],
        unlabelled="mean-teacher",
    )
    assert [way.name for way in ways] == [
        "usual", "unaugmented", "transfer-nuclei-v2", "pool", "pool-unimatch", "consensus",
    ]  # fmt: skip
    assert ways[2].init == tmp_path / "Nuclei v2" and ways[2].tune == ("slow",)
    assert [way.unlabelled for way in ways[3:5]] == ["mean-teacher", "unimatch"]
    assert ways[5].raters == "soft"
    assert parse_ways(["usual"]) == parse_ways([]) == (USUALLY,)
    assert [way.words for way in ways[:3]] == ["usual", "augmentation", "transfer-nuclei-v2"]


@pytest.mark.parametrize(
    ("texts", "options", "words"),
    [
        (["plain"], {}, "no such way to train: got plain, expected usual, unaugmented"),
        (["unaugmented=2"], {}, "no such way to train"),
        (["transfer"], {}, "starts from trained weights"),
        (["pool=magic"], {}, "learn from a pool: got magic"),
        (["consensus=first"], {}, "several raters: got first"),
        (["pool", "pool"], {}, "named twice: got pool"),
        (["pool"], {"init": Path("w")}, "No way to train uses --init or --tune. Name 'transfer'"),
        ([], {"unlabelled": "unimatch"}, "uses --unlabelled. Name 'pool'"),
        ([], {"raters": "soft"}, "uses --raters"),
    ],
)
def test_ways_that_make_no_sense_are_refused(
    texts: list[str], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        parse_ways(texts, **options)


@settings(max_examples=30, deadline=None)
@given(
    n_subjects=st.integers(5, 40),
    n_bare=st.integers(0, 5),
    n_visits=st.integers(1, 2),
    seed=st.integers(0, 4),
)
def test_a_pool_holds_nobody_who_is_scored_and_no_case_that_teaches(
    n_subjects: int, n_bare: int, n_visits: int, seed: int
) -> None:
    cohort = cohort_of(n_subjects, n_bare, n_visits)
    subject = {case.name: case.subject for case in cohort.cases}
    (_, way) = parse_ways(["pool"])
    for one in design_curve(cohort, seed=seed).trainings(["unet"], draws=range(3)):
        pool = way.pool(cohort, one)
        unseen = {subject[name] for name in one.test}
        assert not {case.subject for case in pool.cases} & unseen
        assert not set(pool.names) & set(one.cases)
        left = [name for name, who in subject.items() if who not in unseen]
        assert len(pool) == len(left) - len(one.cases)
        assert not len(USUALLY.pool(cohort, one))


def test_only_a_unet_has_other_ways() -> None:
    ways = parse_ways(["unaugmented"])
    found = ways_by_rung(ways, ["threshold", "unet"], cohort_of(6))
    assert found == {"threshold": (USUAL,), "unet": (USUAL, "unaugmented")}
    with pytest.raises(UsageError, match="Only a U-Net is trained in other ways: got threshold"):
        ways_by_rung(ways, ["threshold"], cohort_of(6))


class Recorder:
    """An engine that trains nothing: every model scores the same."""

    workers = 1

    def __init__(self) -> None:
        self.tasks: list[CurveTask] = []

    def run(
        self, work: Callable[[CurveTask], CurveResult], tasks: Iterable[CurveTask]
    ) -> Iterator[tuple[CurveTask, CurveResult]]:
        for task in tasks:
            self.tasks.append(task)
            rows = [
                {"case": c.name, "subject": c.subject, "label": "ball", "metric": "dice"}
                for c in task.test.cases
            ]
            yield task, CurveResult(scores=pd.DataFrame(rows).assign(value=0.5), minutes=0.3)


def recorded(cohort: Cohort, out: Path, ways: tuple[Way, ...], minutes: float = 30) -> Recorder:
    engine = Recorder()
    learning_curve(cohort, out, minutes=minutes, ways=ways, n_draws=2, engine=engine)
    return engine


def test_arms_have_the_same_cases_draws_and_seeds(tiny_cohort: Cohort, tmp_path: Path) -> None:
    ways = parse_ways(["unaugmented", "pool"])
    tasks = recorded(tiny_cohort, tmp_path / "out", ways).tasks
    by_way = {
        way.name: [(t.train.names, t.test.names, t.training.seed, t.minutes) for t in tasks
                   if t.way == way]
        for way in ways
    }  # fmt: skip
    assert by_way["usual"] == by_way["unaugmented"] == by_way["pool"]
    assert len(by_way["usual"]) == 8
    # Six subjects, two of them scored on, and two scans that nobody drew.
    assert {len(t.pool) + len(t.train) for t in tasks if t.way.kind == POOL} == {6}
    table = read_curve(tmp_path / "out" / "curve.csv")
    assert set(table["way"]) == {"usual", "unaugmented", "pool"}
    assert len({t.name for t in tasks}) == len(tasks)


def test_ways_are_added_later_and_rows_are_kept(tiny_cohort: Cohort, tmp_path: Path) -> None:
    out = tmp_path / "out"
    recorded(tiny_cohort, out, (USUALLY,))
    # As a folder was left before there were ways.
    old = pd.read_csv(out / "curve.csv").drop(columns="way")
    old.to_csv(out / "curve.csv", index=False)
    assert set(read_curve(out / "curve.csv")["way"]) == {"usual"}
    added = recorded(tiny_cohort, out, parse_ways(["pool"])).tasks
    assert {task.way.name for task in added} == {"pool"} and len(added) == 8
    assert recorded(tiny_cohort, out, parse_ways(["pool"])).tasks == []
    record = json.loads((out / "curve.json").read_text())
    assert record["ways"]["pool"]["unlabelled"] == "uncertainty-aware"


def test_the_first_draw_of_a_way_is_finished_however_few_the_minutes(
    tiny_cohort: Cohort, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    recorded(tiny_cohort, out, (USUALLY,), minutes=2.0)
    added = recorded(tiny_cohort, out, parse_ways(["unaugmented"]), minutes=2.0).tasks
    assert {(t.way.name, t.training.draw) for t in added} == {("unaugmented", 0)}


def test_more_minutes_add_draws_to_every_arm(tiny_cohort: Cohort, tmp_path: Path) -> None:
    ways = parse_ways(["unaugmented"])
    # A draw takes 3 sizes of 2 arms, each 0.3 minutes here.
    first = recorded(tiny_cohort, tmp_path / "out", ways, minutes=2.0).tasks
    assert {task.training.draw for task in first} == {0} and len(first) == 6
    more = recorded(tiny_cohort, tmp_path / "out", ways, minutes=30.0).tasks
    assert [(t.training.draw, t.way.name) for t in more] == [(1, way.name) for way in ways] * 3
    assert {task.minutes for task in more} == {task.minutes for task in first}


def test_one_name_for_two_things_is_refused(tiny_cohort: Cohort, tmp_path: Path) -> None:
    recorded(tiny_cohort, tmp_path / "out", parse_ways(["pool"]))
    other = parse_ways(["pool"], unlabelled="unimatch")
    with pytest.raises(UsageError, match="whose way 'pool' had other unlabelled"):
        recorded(tiny_cohort, tmp_path / "out", other)


def test_without_augmentation_the_plan_is_else_the_same(
    tiny_cohort: Cohort, tmp_path: Path
) -> None:
    labelled = tiny_cohort.labelled()
    plans = []
    for kind in (UNetSegmenter, UnaugmentedUNetSegmenter):
        model = kind().fit(
            labelled, budget=Budget(minutes=0.02), seed=0, workdir=tmp_path / kind.__name__
        )
        plans.append(model.plan_)
    usual, bare = plans
    assert usual.augmentation != "none" and bare.augmentation == "none"
    assert bare.flip_axes == () and bare.mixing == ()
    assert (usual.widths, usual.spacing_mm) == (bare.widths, bare.spacing_mm)


def test_a_pool_teaches_a_point_of_a_curve_and_an_empty_one_is_noted(
    tiny_cohort: Cohort, tmp_path: Path
) -> None:
    design = design_curve(tiny_cohort, sizes=[2])
    (_, way) = parse_ways(["pool"], unlabelled="mean-teacher")
    one = next(design.trainings(["unet"], draws=[0], ways={"unet": ("pool",)}))
    task = CurveTask(
        training=one,
        way=way,
        train=tiny_cohort.subset(one.cases),
        pool=way.pool(tiny_cohort, one),
        test=tiny_cohort.subset(one.test),
        place=tmp_path / "place",
        minutes=0.02,
        panel=Panel(names=("dice",)),
    )
    found = score_training(task)
    dice = found.scores[found.scores["metric"] == "dice"]["value"]
    assert found.note == "" and len(dice) == 2 and np.isfinite(dice).all()
    bare = CurveTask(
        training=one, way=way, train=task.train, pool=tiny_cohort.subset([]), test=task.test,
        place=tmp_path / "bare", minutes=0.02, panel=task.panel,
    )  # fmt: skip
    assert score_training(bare).note.startswith("There is no unlabelled scan to learn from")
