"""Measure a plan's speed on this machine, and fit the plan to the minutes with it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from statistics import median

import torch

from suffice.core import Budget
from suffice.nets import LAYOUT
from suffice.training.device import make_device
from suffice.training.fingerprint import Fingerprint
from suffice.training.losses import deep_loss
from suffice.training.machine import Machine
from suffice.training.objective import build_network
from suffice.training.plan import Plan, make_plan, with_speed
from suffice.training.sizing import MIN_STEPS

N_TIMED = 3
MAX_ROUNDS = 3
# Sampling and augmenting cost this much on top of a step, by measurement.
OVERHEAD = 1.06


def seconds_per_step(plan: Plan, machine: Machine) -> float:
    """Time a few training steps of the plan on random numbers."""
    device = make_device(machine, plan.precision)
    network = build_network(plan)
    wrapped, optimizer = device.setup(network, torch.optim.AdamW(network.parameters(), lr=1e-6))
    shape = (plan.batch_size, plan.in_channels, *plan.patch_size)
    images = torch.randn(shape, device=device.device).contiguous(memory_format=LAYOUT[plan.ndim])
    targets = torch.zeros((plan.batch_size, plan.n_classes, *plan.patch_size))
    targets[:, 0] = 1
    targets = targets.to(device.device)
    times = []
    for _ in range(1 + N_TIMED):
        start = time.perf_counter()
        with device.autocast():
            logits = wrapped(images)
        loss, _ = deep_loss(logits, targets)
        optimizer.zero_grad(set_to_none=True)
        device.backward(loss)
        device.clip_gradients(wrapped, optimizer, max_norm=1.0, error_if_nonfinite=False)
        optimizer.step()
        if machine.accelerator == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    # The first step compiles and allocates.
    return median(times[1:]) * OVERHEAD


def calibrated_plan(
    fingerprint: Fingerprint,
    *,
    n_channels: int,
    n_classes: int,
    in_hu: Sequence[bool],
    budget: Budget,
    machine: Machine,
    train_seconds: float,
    encoder: str = "residual",
) -> Plan:
    """Plan, measure, and plan again with the measured speed until enough steps fit.

    Parameters
    ----------
    train_seconds : float
        What of the budget is left for the steps.
    encoder : {"residual", "plain"}
    """
    speed: float | None = None
    for _ in range(MAX_ROUNDS):
        plan = make_plan(
            fingerprint,
            n_channels=n_channels,
            n_classes=n_classes,
            in_hu=in_hu,
            budget=budget,
            machine=machine,
            speed=speed,
            encoder=encoder,
        )
        per_step = seconds_per_step(plan, machine)
        plan = with_speed(plan, per_step, train_seconds)
        if plan.n_steps >= 0.7 * MIN_STEPS:
            break
        slower = plan.batch_size * math.prod(plan.patch_size) / per_step
        if speed is not None and slower > 0.9 * speed:
            break
        speed = slower
    return plan
