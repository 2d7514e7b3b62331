"""The learning curve of tiny phantoms: killed, continued, with processes and without, one table."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suffice.core import Case, Channel, Cohort, Grid, Image, UsageError
from suffice.io import write_cohort, write_image, write_mask
from suffice.phantoms import ball
from suffice.study import read_scores
from suffice.study.engine import LocalEngine, engine_named
from suffice.workflows.curve_scores import curve_scores
from suffice.workflows.curving import Curve, learning_curve

RUNGS = ("threshold",)


@pytest.fixture(scope="module")
def balls(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Six subjects with a noisy ball each, in volumes of 12 voxels."""
    folder = tmp_path_factory.mktemp("balls")
    cases = []
    for number in range(6):
        rng = np.random.default_rng(number)
        made = ball(float(rng.uniform(3, 5)), Grid.from_spacing((12, 12, 12), (1, 1, 1)))
        noisy = 100 * made.image.array + rng.normal(0, 30, made.image.array.shape)
        name = f"case{number}"
        image, mask = (folder / kind / f"{name}.nii.gz" for kind in ("images", "masks"))
        write_image(image, Image(noisy.astype(np.float32), made.image.grid))
        write_mask(mask, made.truth)
        cases.append(Case(name, name, {"image": image}, {"expert": mask}))
    cohort = Cohort("balls", folder, (Channel(),), made.truth.legend, tuple(cases))
    write_cohort(cohort, folder)
    return cohort


def curve_of(balls: Cohort, out: Path, **changes: object) -> Curve:
    given = {"minutes": 30.0, "rungs": RUNGS, "n_draws": 2, "engine": LocalEngine(0), **changes}
    return learning_curve(balls, out, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def curve(balls: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Curve:
    return curve_of(balls, tmp_path_factory.mktemp("curve") / "out")


def values(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns="minutes")


def test_a_row_for_each_training_label_and_metric(curve: Curve) -> None:
    table = curve.table
    assert curve.n_trainings == 2 * len(curve.design.sizes)
    table = table[table["metric"] != "missed"]
    assert set(table["metric"]) == {"dice", "nsd"} and set(table["label"]) == {"ball", "mean"}
    assert (table["n_test"] == 2).all() and table["value"].between(0, 1).all()
    assert not (curve.folder / "work").exists() or not any((curve.folder / "work").rglob("*.nii*"))


def test_rows_are_means_over_subjects_of_the_scores_kept(curve: Curve) -> None:
    row = curve.table[curve.table["metric"] == "dice"].iloc[-1]
    name = f"{row['rung']}-n{row['n_subjects']:04d}-draw{row['draw']}-seed{row['seed']}"
    scores = read_scores(curve.folder / "trainings" / f"{name}.csv")
    dice = scores[(scores["metric"] == "dice") & (scores["label"] == "ball")]["value"]
    assert row["value"] == pytest.approx(dice.mean(), abs=1e-6)
    assert row["sd"] == pytest.approx(dice.std(ddof=1), abs=1e-6)


def test_nothing_is_trained_twice_and_more_draws_are_added(curve: Curve, balls: Cohort) -> None:
    before = (curve.folder / "curve.csv").read_bytes()
    again = curve_of(balls, curve.folder)
    assert (curve.folder / "curve.csv").read_bytes() == before
    more = curve_of(balls, curve.folder, n_draws=3)
    scores = curve_scores(more, "threshold", "mean", "dice")
    at_largest = scores[scores["n_cases"] == scores["n_cases"].max()]
    assert more.design.n_good_draws == 3
    assert sorted(at_largest["subject"]) == [f"case{i}" for i in range(6)]
    assert set(more.table["draw"]) == {0, 1, 2}
    kept = more.table[more.table["draw"] < 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, again.table)


def test_processes_give_the_same_table(curve: Curve, balls: Cohort, tmp_path: Path) -> None:
    other = curve_of(balls, tmp_path / "other", engine=LocalEngine(2))
    mine = curve.table[curve.table["draw"] < 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(values(other.table), values(mine))


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.slow
def test_ray_gives_the_same_table(
    curve: Curve, balls: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    monkeypatch.setenv("RAY_worker_niceness", "0")
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        other = curve_of(balls, tmp_path / "other", engine=engine_named("ray"))
    finally:
        ray.shutdown()
    mine = curve.table[curve.table["draw"] < 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(values(other.table), values(mine))


def test_killed_and_started_again_it_gives_the_same_table(
    curve: Curve, balls: Cohort, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    code = (
        "from pathlib import Path; from suffice.io import read_cohort;"
        " from suffice.workflows.curving import learning_curve;"
        " from suffice.study.engine import LocalEngine;"
        f" learning_curve(read_cohort(Path({str(balls.root)!r})), Path({str(out)!r}),"
        " minutes=30.0, rungs=('threshold',), n_draws=2, engine=LocalEngine(0))"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 120
    while not (out / "curve.csv").is_file() and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = len(list((out / "trainings").glob("*.csv")))
    assert 0 < done < 2 * len(curve.design.sizes)
    continued = curve_of(balls, out)
    mine = curve.table[curve.table["draw"] < 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(values(continued.table), values(mine))


def test_a_model_that_does_not_apply_is_a_row_with_its_reason(
    balls: Cohort, tmp_path: Path
) -> None:
    found = curve_of(balls, tmp_path / "out", rungs=("prob_unet",), n_draws=1)
    assert found.table["note"].str.contains("learns how raters differ").all()
    assert found.table["value"].isna().all()


def test_another_curve_in_the_folder_is_refused(curve: Curve, balls: Cohort) -> None:
    with pytest.raises(UsageError, match="with other held_back, seed"):
        curve_of(balls, curve.folder, seed=3)


def test_minutes_bound_the_draws(balls: Cohort, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = curve_of(balls, out, minutes=1.0, n_draws=1)
    assert found.minutes_each == json.loads((out / "curve.json").read_text())["minutes_each"]
    table = pd.read_csv(out / "curve.csv").assign(minutes=30.0)
    table.to_csv(out / "curve.csv", index=False)
    assert set(curve_of(balls, out, minutes=1.0, n_draws=5).table["draw"]) == {0}
