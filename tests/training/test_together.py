"""One training on several devices: two processes in step, and what becomes of one that fails."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from suffice.core import Listener, ModelError, Progress, UsageError, WorkerError, silent
from suffice.training.checkpoint import load_checkpoint
from suffice.training.device import make_device
from suffice.training.loop import train
from suffice.training.machine import Machine
from suffice.training.plan import Plan
from suffice.training.store import StoredCase
from suffice.training.together import all_true, in_processes, one_clock, rank, require_devices


@dataclass
class Ticking:
    """A clock that counts how often it is read; that of another process would be far ahead."""

    now: float = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@pytest.fixture
def two(cpu: Machine) -> Machine:
    return replace(cpu, n_devices=2)


def look_around(folder: Path, machine: Machine, *, listener: Listener) -> None:
    """Write what a process finds when it has joined the other."""
    device = make_device(machine, "32-true", together=True).device
    mine = rank()
    found = [
        all_true(True, device),
        all_true(mine == 0, device),
        one_clock(lambda: 100.0 + mine, device)(),
    ]
    listener(Progress("look", 0.5, note=f"rank {mine}"))
    (folder / f"{mine}.txt").write_text(repr(found))


def fail(folder: Path, how: str, *, listener: Listener) -> None:
    """End in an error, or without a word, in one of two processes; the other waits for ever."""
    mine = int(os.environ["LOCAL_RANK"])
    if mine == 1 and how == "error":
        raise ModelError("The loss is not a number", got="rank 1")
    if mine == 1:
        os._exit(9)
    while True:
        torch.zeros(1)


def test_all_processes_decide_alike_by_the_clock_of_the_first(two: Machine, tmp_path: Path) -> None:
    told: list[Progress] = []
    in_processes(look_around, (tmp_path, two), two, told.append)
    both = [(tmp_path / f"{i}.txt").read_text() for i in range(2)]
    assert both == ["[True, False, 100.0]"] * 2
    assert [progress.note for progress in told] == ["rank 0"]


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ("error", ModelError, "The loss is not a number: got rank 1"),
        ("death", WorkerError, "ended without a word"),
    ],
)
def test_what_ends_one_process_ends_the_training(
    two: Machine, tmp_path: Path, how: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        in_processes(fail, (tmp_path, how), two, silent)


def test_two_processes_leave_a_model_that_works(
    two: Machine, disc_plan: Plan, disc_cases: list[StoredCase], tmp_path: Path
) -> None:
    told: list[Progress] = []
    checkpoint = tmp_path / "checkpoint.pt"
    made = train(
        disc_plan,
        disc_cases,
        seconds=160,
        seed=3,
        machine=two,
        checkpoint=checkpoint,
        clock=Ticking(),
        listener=told.append,
    )
    # The clock is read twice a step.
    assert made.n_steps == pytest.approx(80, abs=2)
    assert told[-1].task == "train" and math.isfinite(told[-1].values["loss"])
    state = load_checkpoint(checkpoint)
    assert state is not None and state.step == made.n_steps
    image = torch.from_numpy(np.array(disc_cases[4].image, dtype=np.float32))[None]
    with torch.inference_mode():
        logits = made.network(image)
    logits = logits[0] if isinstance(logits, (list, tuple)) else logits
    found = logits.argmax(1)[0].numpy() == 1
    truth = np.array(disc_cases[4].labels) == 1
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.8


def test_more_devices_than_there_are_are_refused(two: Machine) -> None:
    require_devices(two)
    with pytest.raises(UsageError, match=r"train together here: got 3, expected 1 to 2 \(cores\)"):
        require_devices(replace(two, n_devices=3))
