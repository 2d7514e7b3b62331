"""The training of objects: as many steps as the minutes allow, the schedule laid over them."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from suffice.augment import POLICIES, Augmentation
from suffice.core import Listener, ModelError, Progress, silent
from suffice.nets import LAYOUT, channels_last
from suffice.nets.yolo import Yolo
from suffice.training.checkpoint import TrainingState, load_checkpoint
from suffice.training.device import Device, make_device
from suffice.training.instances.batches import InstanceSampler
from suffice.training.instances.loss import instance_loss
from suffice.training.instances.plan import InstancePlan
from suffice.training.instances.store import StoredInstances
from suffice.training.loop import GRADIENT_NORM, schedule
from suffice.training.machine import Machine
from suffice.training.pacing import train_for

# Batches that the averages of batch norm are measured on at the end.
N_SETTLING = 12
_FORGET = 0.1


@dataclass(frozen=True)
class TrainedInstances:
    """What a training leaves: the averaged weights of its last step, and its history."""

    network: Yolo
    history: list[dict[str, float]]
    n_steps: int


def train_instances(
    plan: InstancePlan,
    cases: Sequence[StoredInstances],
    *,
    seconds: float,
    seed: int,
    machine: Machine,
    checkpoint: Path,
    start: Callable[[Yolo], object] = lambda network: None,
    listener: Listener = silent,
    clock: Callable[[], float] = lambda: time.monotonic(),
) -> TrainedInstances:
    """Train for ``seconds`` of wall-clock time, those of earlier starts counted in.

    Parameters
    ----------
    plan : InstancePlan
    cases : sequence of StoredInstances
    seconds : float
        The learning rate's cosine is laid over them.
    seed : int
    machine : Machine
    checkpoint : Path
        Written every half minute; a training that finds it goes on from there.
    start : callable
        Given the new network, to put published weights into it.
    listener, clock : callable

    Raises
    ------
    ModelError
        If the loss is not a number ten times in a row.
    """
    torch.manual_seed(seed)
    # In half precision torch's CPU kernels for batch norm take ten times as long.
    device = make_device(machine, "32-true" if machine.accelerator == "cpu" else machine.precision)
    network = channels_last(Yolo(plan.shape), 2)
    start(network)
    loop = _Loop(plan, cases, network, device, seed)
    loop.restore(load_checkpoint(checkpoint))
    train_for(loop, seconds, checkpoint=checkpoint, listener=listener, clock=clock)
    loop.settle()
    return TrainedInstances(loop.average.to("cpu").eval(), loop.state.history, loop.state.step)


class _Loop:
    """The parts that one step touches."""

    def __init__(
        self,
        plan: InstancePlan,
        cases: Sequence[StoredInstances],
        network: Yolo,
        device: Device,
        seed: int,
    ) -> None:
        self.plan, self.device, self.network = plan, device, network
        self.average = copy.deepcopy(network).to(device.device)
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay
        )
        self.wrapped, self.optimizer = device.setup(network, optimizer)
        self.sampler = InstanceSampler(
            cases,
            patch_size=plan.patch_size,
            batch_size=plan.batch_size,
            foreground=plan.foreground,
            augmentation=_augmentation(plan),
            rng=np.random.default_rng(seed),
            generator=torch.Generator().manual_seed(seed),
        )
        self.state = TrainingState()
        self.values: dict[str, float] = {}
        self.rate = 0.0
        self.n_bad = 0

    def step(self, fraction: float) -> None:
        """Draw, learn and average once, ``fraction`` of the time being over."""
        self.rate = self.plan.learning_rate * schedule(fraction)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        images, truth = self.sampler.draw()
        images = images.to(self.device.device).contiguous(memory_format=LAYOUT[2])
        self.wrapped.train()
        with self.device.autocast():
            raw = self.wrapped(images)
        side = self.plan.patch_size
        loss, values = instance_loss(
            raw, [objects.to(self.device.device) for objects in truth], (side, side)
        )
        self.optimizer.zero_grad(set_to_none=True)
        self.state.step += 1
        if not math.isfinite(float(loss.detach())):
            self._skip()
            return
        self.n_bad = 0
        self.device.backward(loss)
        self.device.clip_gradients(
            self.wrapped, self.optimizer, max_norm=GRADIENT_NORM, error_if_nonfinite=False
        )
        self.optimizer.step()
        self._average()
        for name, value in {"loss": float(loss.detach()), **values}.items():
            self.values[name] = self.values.get(name, value) * (1 - _FORGET) + _FORGET * value

    def _skip(self) -> None:
        self.n_bad += 1
        if self.n_bad >= 10:
            raise ModelError(
                "The loss is not a number ten steps in a row",
                cure="Check the intensities with 'suffice check'.",
            )

    def _average(self) -> None:
        # Early on the average forgets faster, or it would remember the random start.
        decay = min(self.plan.averaging, (1 + self.state.step) / (10 + self.state.step))
        with torch.no_grad():
            for mean, current in zip(_values(self.average), _values(self.network), strict=True):
                mean.lerp_(current, 1 - decay)

    def settle(self) -> None:
        """Measure anew what batch norm expects of the averaged weights, which never saw a batch.

        As stochastic weight averaging does (Izmailov 2018, arXiv 1803.05407).
        """
        batches = (
            self.sampler.draw()[0].contiguous(memory_format=LAYOUT[2]) for _ in range(N_SETTLING)
        )
        update_bn(batches, self.average, self.device.device)

    def note(self, seconds: float) -> Progress:
        """Add a row to the history, unless it has this step, and tell how far the training is."""
        row = {
            "step": self.state.step,
            "seconds": round(self.state.seconds, 2),
            "learning_rate": self.rate,
            **{name: self.values.get(name, math.nan) for name in _COLUMNS},
        }
        if not self.state.history or self.state.history[-1]["step"] != self.state.step:
            self.state.history.append(row)
        return Progress(
            "train",
            min(1.0, self.state.seconds / seconds),
            minutes_left=max(0.0, seconds - self.state.seconds) / 60,
            note=f"step {self.state.step}",
            values={name: row[name] for name in ("loss", "dice")},
        )

    def snapshot(self) -> TrainingState:
        """Return the state with everything a later start needs."""
        self.state.network = self.network.state_dict()
        self.state.average = self.average.state_dict()
        self.state.optimizer = self.optimizer.state_dict()
        self.state.generators = {"sampler": self.sampler.state()}
        return self.state

    def restore(self, state: TrainingState | None) -> None:
        """Go on from a checkpoint."""
        if state is None:
            return
        self.network.load_state_dict(state.network)
        self.average.load_state_dict(state.average)
        self.optimizer.load_state_dict(state.optimizer)
        self.sampler.restore(state.generators["sampler"])
        self.state = state
        if state.history:
            self.values = {name: state.history[-1][name] for name in _COLUMNS}


def _augmentation(plan: InstancePlan) -> Augmentation:
    policy = POLICIES[plan.augmentation]
    axes = (0, 1) if plan.flips else ()
    return replace(policy, spatial=replace(policy.spatial, flip_axes=axes))


_COLUMNS = ("loss", "classes", "box", "distances", "mask", "dice")


def _values(module: nn.Module) -> list[Tensor]:
    """Parameters and the running averages of batch norm, which belong to them."""
    floating = (b for b in module.buffers() if b.is_floating_point())
    return [*module.parameters(), *floating]
