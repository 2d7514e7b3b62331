"""Kills at any moment: the same call goes on, and no other one does."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from suffice.core import Budget, Cohort, Progress, UsageError
from suffice.io import read_case_mask, write_mask
from suffice.segmenters import unet as unet_module
from suffice.training.checkpoint import load_checkpoint
from suffice.training.plan import Plan, plan_to_toml


class KilledError(Exception):
    """Stands for a kill: nothing in a fit expects it."""


def killed_at(task: str, note: str = ""):
    def listener(progress: Progress) -> None:
        if progress.task == task and note in progress.note:
            raise KilledError

    return listener


@pytest.fixture
def learned(tiny_cohort: Cohort) -> Cohort:
    return tiny_cohort.subset(["case0", "case1", "case2"])


def test_cases_that_are_prepared_are_not_prepared_again(
    fit, small_plan: Plan, learned: Cohort, tmp_path: Path
) -> None:
    with pytest.raises(KilledError):
        fit(small_plan, learned, listener=killed_at("prepare", "case2"))
    store = tmp_path / "work" / "store"
    before = {name: (store / name).stat().st_mtime_ns for name in ("case0", "case1")}
    fit(small_plan, learned)
    assert before == {name: (store / name).stat().st_mtime_ns for name in before}


def test_all_cases_are_prepared_by_one_plan(
    fit, small_plan: Plan, learned: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = iter([small_plan, replace(small_plan, spacing_mm=(2.0, 2.0, 3.0))])
    monkeypatch.setattr(unet_module, "plan_for", lambda *_, **__: next(plans))
    with pytest.raises(KilledError):
        fit(None, learned, listener=killed_at("prepare", "case2"))
    assert fit(None, learned).plan_ == small_plan


def test_a_training_that_was_killed_goes_on(
    fit, small_plan: Plan, learned: Cohort, tmp_path: Path
) -> None:
    told: list[Progress] = []
    fit(small_plan, learned)
    state = load_checkpoint(tmp_path / "work" / "checkpoint.pt")
    again = fit(small_plan, learned, listener=told.append)
    assert state is not None and again.history_[-1]["step"] == state.step > 0
    assert not any(progress.task == "prepare" for progress in told)


@pytest.mark.parametrize("other", ["seed", "minutes", "plan", "cases"])
def test_another_training_is_refused(fit, small_plan: Plan, learned: Cohort, other: str) -> None:
    with pytest.raises(KilledError):
        fit(small_plan, learned, listener=killed_at("prepare"))
    plan, cohort, options = small_plan, learned, {}
    if other == "seed":
        options = {"seed": 5}
    elif other == "minutes":
        options = {"budget": Budget(minutes=3)}
    elif other == "plan":
        plan = replace(small_plan, learning_rate=1e-4)
    else:
        cohort = learned.subset(["case0", "case1"])
    with pytest.raises(UsageError, match=f"other .*{other}.*Delete it or name another folder"):
        fit(plan, cohort, **options)


def test_a_mask_that_was_mended_is_another_training(
    fit, small_plan: Plan, learned: Cohort, tmp_path: Path
) -> None:
    case = learned.cases[0]
    mask = read_case_mask(learned, case)
    mended = np.roll(mask.array, 1, axis=0)
    copy = tmp_path / "mask.nii.gz"
    write_mask(copy, mask)
    cohort = replace(learned, cases=(replace(case, masks={"expert": copy}), *learned.cases[1:]))
    with pytest.raises(KilledError):
        fit(small_plan, cohort, listener=killed_at("prepare"))
    write_mask(copy, replace(mask, array=mended), overwrite=True)
    with pytest.raises(UsageError, match="a training with other files"):
        fit(small_plan, cohort)


SCRIPT = """
import sys
from pathlib import Path

import torch

from suffice.core import Budget
from suffice.io import read_cohort
from suffice.segmenters import UNetSegmenter
from suffice.training import machine, pacing
from suffice.training.plan import plan_from_toml

folder, cohort = Path(sys.argv[1]), read_cohort(Path(sys.argv[2]))
machine.faster_cpu_precision = lambda: "32-true"
machine.usable_cores = lambda: 1
pacing.CHECKPOINT_EVERY_S = 0.1
plan = plan_from_toml((folder / "plan.toml").read_text())
UNetSegmenter(plan=plan).fit(
    cohort.subset(["case0", "case1", "case2"]), budget=Budget(minutes=10), seed=0,
    workdir=folder / "work",
)
"""


def test_killed_for_good_and_started_again(
    fit, small_plan: Plan, tiny_cohort: Cohort, learned: Cohort, tmp_path: Path
) -> None:
    (tmp_path / "plan.toml").write_text(plan_to_toml(small_plan), encoding="utf-8")
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(tiny_cohort.root)]
    checkpoint = tmp_path / "work" / "checkpoint.pt"
    with subprocess.Popen(command, stderr=subprocess.PIPE) as training:
        while not checkpoint.exists() and training.poll() is None:
            time.sleep(0.05)
        training.send_signal(signal.SIGKILL)
        _, errors = training.communicate()
    assert training.returncode == -signal.SIGKILL, errors.decode()
    state = load_checkpoint(checkpoint)
    assert state is not None and state.step > 0
    told: list[Progress] = []
    with pytest.raises(KilledError):
        # Ten minutes are long: it is enough to see that it goes on.
        fit(
            small_plan,
            learned,
            budget=Budget(minutes=10),
            listener=lambda p: (told.append(p), killed_at("train")(p)),
        )
    assert int(told[-1].note.removeprefix("step ")) > state.step
    assert not any(progress.task == "prepare" for progress in told)


def test_a_fit_plans_itself(
    fit, small_plan: Plan, learned: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Progress] = []
    asked = []

    def planned(*arguments, **options) -> Plan:
        asked.append(options)
        return small_plan

    monkeypatch.setattr("suffice.segmenters.planning.calibrated_plan", planned)
    fit(None, learned, seconds=4, listener=told.append)
    assert (tmp_path / "work" / "plan.toml").read_text(encoding="utf-8") == plan_to_toml(small_plan)
    (options,) = asked
    assert (options["n_channels"], options["n_classes"], options["in_hu"]) == (1, 2, (False,))
    assert 2 <= options["train_seconds"] <= 4
    assert {progress.task for progress in told} >= {"plan", "prepare", "train"}


def test_no_training_goes_on_under_another_torch(
    fit, small_plan: Plan, learned: Cohort, tmp_path: Path
) -> None:
    with pytest.raises(KilledError):
        fit(small_plan, learned, listener=killed_at("prepare", "case2"))
    owner = tmp_path / "work" / "training.json"
    text = owner.read_text(encoding="utf-8")
    owner.write_text(re.sub(r'"torch": "[^"]*"', '"torch": "1.0"', text), encoding="utf-8")
    with pytest.raises(UsageError, match=r"a training with other versions\. Delete it"):
        fit(small_plan, learned)


def test_what_a_disk_lost_is_prepared_again(
    fit, small_plan: Plan, learned: Cohort, tmp_path: Path
) -> None:
    fit(small_plan, learned)
    store = tmp_path / "work" / "store"
    before = (store / "case0" / "image.npy").read_bytes()
    (store / "case0" / "image.npy").write_bytes(before[:200])
    fit(small_plan, learned)
    assert (store / "case0" / "image.npy").read_bytes() == before
    (store / "store.json").write_text("{", encoding="utf-8")
    fit(small_plan, learned)
    assert "train_seconds" in (store / "store.json").read_text(encoding="utf-8")
    (tmp_path / "work" / "training.json").write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match=r"training\.json' is damaged\. Delete"):
        fit(small_plan, learned)
