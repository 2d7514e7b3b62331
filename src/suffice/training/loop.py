"""The training loop: as many steps as the minutes allow, the schedule laid over them."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from suffice.augment import POLICIES, Augmentation, augment_batch, without
from suffice.augment.mixing import Mixing
from suffice.core import Listener, ModelError, Progress, silent
from suffice.nets import LAYOUT
from suffice.training.batches import PatchSampler
from suffice.training.checkpoint import TrainingState, load_checkpoint
from suffice.training.device import Device, make_device
from suffice.training.machine import Machine
from suffice.training.objective import Objective, Segmenting, Step
from suffice.training.pacing import train_for
from suffice.training.pairs import MixingSampler
from suffice.training.plan import Plan
from suffice.training.store import StoredCase
from suffice.training.together import all_true, in_processes, one_clock, rank, require_devices
from suffice.training.tuning import Scratch

WARM_UP = 0.03
GRADIENT_NORM = 5.0


@dataclass(frozen=True)
class Trained:
    """What a training leaves: the averaged weights of its last step, and its history."""

    network: nn.Module
    history: list[dict[str, float]]
    n_steps: int


def augmentation_of(plan: Plan) -> Augmentation:
    """Return the plan's policy; mirroring is limited to the axes that allow it."""
    policy = POLICIES[plan.augmentation]
    for family in plan.augmentation_without:
        policy = without(policy, family)
    return replace(policy, spatial=replace(policy.spatial, flip_axes=plan.flip_axes))


def hounsfield_of(plan: Plan) -> tuple[tuple[float, float] | None, ...]:
    """Return the HU of intensity 0 and of one unit, of each channel that is in HU."""
    return tuple(
        (mean, sd) if kind == "cohort" and sd > 0 else None
        for kind, (_, _, mean, sd) in zip(plan.normalisation, plan.intensity, strict=True)
    )


def train(
    plan: Plan,
    cases: Sequence[StoredCase],
    *,
    seconds: float,
    seed: int,
    machine: Machine,
    checkpoint: Path,
    objective: Objective | None = None,
    start: Scratch | None = None,
    listener: Listener = silent,
    clock: Callable[[], float] = time.monotonic,
) -> Trained:
    """Train for ``seconds`` of wall-clock time, those of earlier starts counted in.

    Parameters
    ----------
    plan : Plan
    cases : sequence of StoredCase
        The training cases; nothing else is looked at.
    seconds : float
        The learning rate's cosine is laid over them.
    seed : int
    machine : Machine
    checkpoint : Path
        Written every half minute; a training that finds it goes on from there.
    objective : Objective, optional
        What is learned; by default the classes of each voxel, by a U-Net.
    start : Scratch, optional
        What is learned from; by default random weights, see `suffice.training.tuning`.
    listener : callable
    clock : callable
        Seconds of a clock that never goes back.

    Returns
    -------
    Trained
        The moving average of the weights at the last step, never the luckiest one.

    Raises
    ------
    ModelError
        If the loss or its gradient is not a number ten times in a row.
    """
    objective, start = objective or Segmenting(), start or Scratch()
    parts = (plan, cases, seed, objective, start)
    if machine.n_devices > 1:
        require_devices(machine)
        in_processes(_train_one, (parts, machine, seconds, checkpoint, clock), machine, listener)
    loop = _new_loop(*parts, make_device(machine, plan.precision))
    loop.restore(load_checkpoint(checkpoint))
    if machine.n_devices == 1:
        train_for(loop, seconds, checkpoint=checkpoint, listener=listener, clock=clock)
    start.finish(loop.average)
    network = objective.keep(loop.average).to("cpu").eval()
    return Trained(network, loop.state.history, loop.state.step)


def _train_one(
    parts: tuple[Plan, Sequence[StoredCase], int, Objective, Scratch],
    machine: Machine,
    seconds: float,
    checkpoint: Path,
    clock: Callable[[], float],
    *,
    listener: Listener,
) -> None:
    """Train on one of several devices, in a process of its own; the first writes the checkpoint.

    Each device draws batches of its own; gradients are averaged over all of them.
    """
    plan, _, seed, *_ = parts
    loop = _new_loop(*parts, make_device(machine, plan.precision, together=True))
    loop.restore(load_checkpoint(checkpoint))
    if rank() > 0:
        loop.draw_anew([seed, rank(), loop.state.step])
    train_for(
        loop,
        seconds,
        checkpoint=checkpoint if rank() == 0 else None,
        listener=listener,
        clock=one_clock(clock, loop.device.device),
    )


def _new_loop(
    plan: Plan,
    cases: Sequence[StoredCase],
    seed: int,
    objective: Objective,
    start: Scratch,
    device: Device,
) -> _Loop:
    """Put the parts of a training together, before its first step."""
    torch.manual_seed(seed)
    network = objective.build(plan)
    start.prepare(network)
    average = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(
        start.groups(network), lr=plan.learning_rate, weight_decay=plan.weight_decay
    )
    sampler = PatchSampler(
        cases,
        patch_size=plan.patch_size,
        batch_size=plan.batch_size,
        foreground=plan.foreground,
        rng=np.random.default_rng(seed),
    )
    generator = torch.Generator().manual_seed(seed)
    wrapped, fast_optimizer = device.setup(network, optimizer)
    average.to(device.device)
    loop = _Loop(
        plan, objective, device, wrapped, network, average, fast_optimizer, sampler, generator
    )
    loop.start = start
    return loop


class _Loop:
    """The parts that one step touches."""

    def __init__(
        self,
        plan: Plan,
        objective: Objective,
        device: Device,
        wrapped: nn.Module,
        network: nn.Module,
        average: nn.Module,
        optimizer: torch.optim.Optimizer,
        sampler: PatchSampler,
        generator: torch.Generator,
    ) -> None:
        self.plan, self.objective, self.device, self.wrapped = plan, objective, device, wrapped
        self.network, self.average, self.optimizer = network, average, optimizer
        self.sampler, self.generator = sampler, generator
        self.start = Scratch()
        self.augmentation = augmentation_of(plan)
        self.partly_labelled = any(case.unlabelled is not None for case in sampler.cases)
        self.n_targets = plan.n_classes + self.partly_labelled
        self.mixed = MixingSampler(
            sampler,
            Mixing(plan.mixing, plan.mixing_probabilities),
            n_classes=self.n_targets,
            spacing=plan.patch_spacing_mm,
            generator=generator,
        )
        self.state = TrainingState()
        self.loss = self.score = math.nan
        self.rate = 0.0
        self.n_bad = 0

    def step(self, fraction: float) -> None:
        """Draw, augment, learn and average once, ``fraction`` of the time being over."""
        self.rate = self.plan.learning_rate * schedule(fraction)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * group.get("part", 1.0)
        self.start.before_step(fraction)
        images, targets = self._batch()
        now = Step(self.device, self.generator, fraction, self.average, self.partly_labelled)
        loss, score = self.objective.loss(self.wrapped, images, targets, now)
        self.optimizer.zero_grad(set_to_none=True)
        self.state.step += 1
        if not all_true(bool(torch.isfinite(loss)), self.device.device):
            self._skip()
            return
        self.device.backward(loss)
        norm = self.device.clip_gradients(
            self.wrapped, self.optimizer, max_norm=GRADIENT_NORM, error_if_nonfinite=False
        )
        # Half precision overflows as its scaler feels its way, which then skips the step itself.
        if self.plan.precision != "16-mixed" and not bool(torch.isfinite(norm)):
            self._skip()
            return
        self.n_bad = 0
        self.optimizer.step()
        self.start.after_step(self.rate)
        self._average()
        self.loss = _smooth(self.loss, float(loss.detach()))
        self.score = _smooth(self.score, float(score))

    def _batch(self) -> tuple[Tensor, Tensor]:
        images, labels = self.mixed.draw()
        images, labels = images.to(self.device.device), labels.to(self.device.device)
        if self.partly_labelled:
            # What a move brings in from outside is class 0, which nobody labelled there.
            labels = (labels + 1) % self.n_targets
        images, targets = augment_batch(
            images,
            labels,
            self.n_targets,
            self.augmentation,
            self.plan.patch_spacing_mm,
            self.generator,
            hounsfield_of(self.plan),
        )
        if self.partly_labelled:
            targets = targets.roll(-1, dims=1)
        return images.contiguous(memory_format=LAYOUT[self.plan.ndim]), targets

    def _skip(self) -> None:
        self.n_bad += 1
        if self.n_bad >= 10:
            raise ModelError(
                "The loss or its slope is not a number ten steps in a row",
                cure="Check the intensities with 'suffice check', or lower learning_rate.",
            )

    def _average(self) -> None:
        # Early on the average forgets faster, or it would remember the random start.
        decay = min(self.plan.averaging, (1 + self.state.step) / (10 + self.state.step))
        with torch.no_grad():
            for mean, current in zip(
                self.average.parameters(), self.network.parameters(), strict=True
            ):
                mean.lerp_(current, 1 - decay)

    def note(self, seconds: float) -> Progress:
        """Add a row to the history, unless it has this step, and tell how far the training is."""
        row = {
            "step": self.state.step,
            "seconds": round(self.state.seconds, 2),
            "learning_rate": self.rate,
            "loss": self.loss,
            self.objective.score: self.score,
        }
        if not self.state.history or self.state.history[-1]["step"] != self.state.step:
            self.state.history.append(row)
        return Progress(
            "train",
            min(1.0, self.state.seconds / seconds),
            minutes_left=max(0.0, seconds - self.state.seconds) / 60,
            note=f"step {self.state.step}",
            values={"loss": self.loss, self.objective.score: self.score},
        )

    def snapshot(self) -> TrainingState:
        """Return the state with everything a later start needs."""
        self.state.network = self.network.state_dict()
        self.state.average = self.average.state_dict()
        self.state.optimizer = self.optimizer.state_dict()
        self.state.generators = {
            "augmentation": self.generator.get_state(),
            "sampler": _plain(self.sampler.state()),
        }
        return self.state

    def draw_anew(self, seed: Sequence[int]) -> None:
        """Draw other patches and changes than other processes of the same training."""
        rng = np.random.default_rng(seed)
        self.sampler.rng.bit_generator.state = rng.bit_generator.state
        self.generator.manual_seed(int(rng.integers(2**63)))

    def restore(self, state: TrainingState | None) -> None:
        """Go on from a checkpoint."""
        if state is None:
            return
        self.network.load_state_dict(state.network)
        self.average.load_state_dict(state.average)
        self.optimizer.load_state_dict(state.optimizer)
        self.generator.set_state(state.generators["augmentation"])
        self.sampler.restore(state.generators["sampler"])
        self.state = state
        if state.history:
            last = state.history[-1]
            self.loss, self.score = last["loss"], last[self.objective.score]


def schedule(fraction: float) -> float:
    """Linear warm-up, then a cosine to zero (Loshchilov and Hutter 2017, arXiv 1608.03983)."""
    if fraction < WARM_UP:
        return max(fraction, 1e-3) / WARM_UP
    rest = (min(fraction, 1.0) - WARM_UP) / (1 - WARM_UP)
    return max(0.5 * (1 + math.cos(math.pi * rest)), 1e-3)


def _smooth(old: float, new: float) -> float:
    return new if math.isnan(old) else 0.9 * old + 0.1 * new


def _plain(state: Any) -> Any:
    """Numpy integers to Python's, which a checkpoint may hold."""
    if isinstance(state, dict):
        return {key: _plain(value) for key, value in state.items()}
    return int(state) if isinstance(state, np.integer) else state
