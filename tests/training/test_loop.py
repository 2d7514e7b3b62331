"""The training loop: what it learns, what it leaves, and how it goes on after a kill."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from suffice.core import ModelError, Progress
from suffice.training import loop as training_loop
from suffice.training import objective as objective_module
from suffice.training import pacing
from suffice.training.checkpoint import load_checkpoint
from suffice.training.loop import Trained, augmentation_of, schedule, train
from suffice.training.machine import Machine
from suffice.training.objective import build_network
from suffice.training.plan import Plan
from suffice.training.store import StoredCase


class KilledError(Exception):
    """Stands for a kill: nothing in the loop expects it."""


def ticking(n_ticks: float = math.inf) -> Callable[[], float]:
    """Return a clock that counts how often it is read, and kills its reader in the end."""
    count = itertools.count()

    def clock() -> float:
        now = next(count)
        if now >= n_ticks:
            raise KilledError
        return float(now)

    return clock


@pytest.fixture
def run(
    disc_plan: Plan,
    disc_cases: list[StoredCase],
    cpu: Machine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Trained]:
    monkeypatch.setattr(pacing, "CHECKPOINT_EVERY_S", 7.0)

    def run(name: str = "checkpoint.pt", plan: Plan = disc_plan, **options: object) -> Trained:
        settings: dict = {"seconds": 60, "seed": 3, "machine": cpu, "clock": ticking(), **options}
        return train(plan, disc_cases, checkpoint=tmp_path / name, **settings)

    return run


def same_weights(a: Trained, b: Trained) -> bool:
    theirs = b.network.state_dict()
    return all(torch.equal(value, theirs[key]) for key, value in a.network.state_dict().items())


def test_a_training_that_was_killed_gives_the_weights_of_one_that_was_not(run) -> None:
    whole = run("whole.pt")
    # Twice, and between two checkpoints, so that some steps are done twice.
    for n_ticks in (26, 21):
        with pytest.raises(KilledError):
            run("cut.pt", clock=ticking(n_ticks))
    resumed = run("cut.pt")
    assert resumed.n_steps == whole.n_steps == 30
    assert same_weights(whole, resumed)
    assert not same_weights(whole, run("other.pt", seed=4))


def test_a_finished_training_is_not_trained_further(run) -> None:
    first, again = run(), run()
    assert again.n_steps == first.n_steps
    assert same_weights(first, again)


def test_a_finished_training_gets_no_second_last_row(run) -> None:
    assert run().history == run().history


def test_the_time_of_earlier_starts_counts(run, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        run(clock=ticking(30))
    state = load_checkpoint(tmp_path / "checkpoint.pt")
    assert state is not None and 0 < state.seconds < 30
    reads = itertools.count()
    run(clock=lambda: float(next(reads)))
    # One read to start with, two a step, one that ends it.
    assert next(reads) == 2 + 60 - state.seconds


def test_the_average_of_the_last_step_is_left(run, tmp_path: Path) -> None:
    trained = run()
    state = load_checkpoint(tmp_path / "checkpoint.pt")
    assert state is not None and state.step == trained.n_steps
    left = trained.network.state_dict()
    assert all(torch.equal(left[key], value) for key, value in state.average.items())
    assert any(not torch.equal(left[key], value) for key, value in state.network.items())
    assert not trained.network.training


def test_the_moving_average_follows_the_weights(run, disc_plan: Plan, tmp_path: Path) -> None:
    run(plan=replace(disc_plan, averaging=0.0))
    state = load_checkpoint(tmp_path / "checkpoint.pt")
    assert state is not None
    assert all(torch.equal(state.average[key], value) for key, value in state.network.items())


def test_zero_time_still_leaves_a_network(run) -> None:
    assert run(seconds=0.5).n_steps == 1


def test_discs_are_learned(run) -> None:
    told: list[Progress] = []
    trained = run(seconds=240, listener=told.append)
    losses = [row["loss"] for row in trained.history]
    assert losses[-1] < 0.7 * losses[0]
    assert trained.history[-1]["dice"] > 0.7
    assert trained.history[-1]["step"] == trained.n_steps
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions) and 0 < fractions[0] <= fractions[-1] <= 1
    assert all(progress.minutes_left >= 0 for progress in told)


def test_a_loss_that_is_no_number_ends_the_training(
    run, disc_cases: list[StoredCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = np.full_like(disc_cases[0].image, np.nan)
    monkeypatch.setattr(training_loop, "PatchSampler", lambda cases, **kw: _Bad(cases, bad, **kw))
    with pytest.raises(ModelError, match="not a number ten steps in a row"):
        run()


class _Bad(training_loop.PatchSampler):
    def __init__(self, cases: list[StoredCase], image: np.ndarray, **options: object) -> None:
        super().__init__([replace(case, image=image) for case in cases], **options)


def test_one_bad_step_is_skipped(run, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = itertools.count()
    whole = objective_module.deep_loss

    def sometimes(*arguments: object) -> tuple[torch.Tensor, torch.Tensor]:
        loss, dice = whole(*arguments)
        return (loss * math.nan if next(calls) % 5 == 2 else loss), dice

    monkeypatch.setattr(objective_module, "deep_loss", sometimes)
    trained = run()
    assert all(torch.isfinite(value).all() for value in trained.network.state_dict().values())


def test_a_gradient_that_is_no_number_does_not_end_up_in_the_weights(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = objective_module.deep_loss
    calls = itertools.count()

    def steep(*arguments: object) -> tuple[torch.Tensor, torch.Tensor]:
        loss, dice = whole(*arguments)
        if next(calls) % 5 == 2:
            # Finite itself, with an infinite slope.
            loss = loss + torch.sqrt(loss - loss.detach())
        return loss, dice

    monkeypatch.setattr(objective_module, "deep_loss", steep)
    trained = run()
    assert all(torch.isfinite(value).all() for value in trained.network.state_dict().values())


def test_the_schedule_warms_up_and_falls_to_nothing() -> None:
    rates = [schedule(fraction) for fraction in np.linspace(0, 1, 200)]
    top = int(np.argmax(rates))
    assert 0 < rates[0] < 0.2 and rates[-1] < 0.01 and max(rates) <= 1
    assert all(np.diff(rates[: top + 1]) >= 0) and all(np.diff(rates[top:]) <= 0)
    assert schedule(1.5) == schedule(1.0)


def test_only_the_axes_of_the_plan_are_mirrored(disc_plan: Plan) -> None:
    assert augmentation_of(replace(disc_plan, flip_axes=(1,))).spatial.flip_axes == (1,)
    assert augmentation_of(replace(disc_plan, flip_axes=())).spatial.flip_axes == ()


def test_a_plan_asks_for_no_more_heads_than_it_has_levels(disc_plan: Plan) -> None:
    network = build_network(replace(disc_plan, n_heads=7))
    assert len(network.heads) == len(disc_plan.strides)
