"""nnU-Net's trainer with a wall-clock budget that its learning-rate schedule is laid over."""

from __future__ import annotations

import contextlib
import random
import time
from typing import Any

import numpy as np
import torch
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import (
    NonDetMultiThreadedAugmenter,
)
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

POLY_EXPONENT = 0.9


class BudgetTrainer(nnUNetTrainer):
    """Everything as nnU-Net has it, but the poly schedule follows the clock, not epochs.

    The clock starts when the first batch is ready. Nothing but training steps runs on it:
    no validation, no checkpoints, no plots.
    """

    def configure(self, *, seconds: float, bf16: bool) -> None:
        """Set what ``__init__`` has no arguments for."""
        self.seconds = seconds
        self.bf16 = bf16
        self.n_steps = 0

    def plot_network_architecture(self) -> None:
        """Draw nothing: it needs another package and time."""

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """One step, in bfloat16 where asked (nnU-Net's own autocast is for CUDA only)."""
        cast = (
            torch.autocast("cpu", dtype=torch.bfloat16) if self.bf16 else contextlib.nullcontext()
        )
        with cast:
            return dict(super().train_step(batch))

    def run_training(self) -> None:
        """Train until the time is over, the learning rate falling to zero with it."""
        self.on_train_start()
        self.network.train()
        started = time.monotonic()
        losses: list[float] = []
        while (elapsed := time.monotonic() - started) < self.seconds:
            for group in self.optimizer.param_groups:
                left = 1.0 - elapsed / self.seconds
                group["lr"] = self.initial_lr * left**POLY_EXPONENT
            losses.append(float(self.train_step(next(self.dataloader_train))["loss"]))
        self.seconds_trained = time.monotonic() - started
        self.n_steps = len(losses)
        self.last_loss = float(np.mean(losses[-20:]))
        self.stop_workers()
        self.set_deep_supervision_enabled(False)
        self.network.eval()

    def seconds_a_step(self, *, most_steps: int = 10, most_seconds: float = 12.0) -> float:
        """Mean time of a step with these settings, the first (warm-up) step left out if it can.

        Some processors have no fast bfloat16 and take minutes for a few steps: one step that
        is past ``most_seconds`` is measurement enough.
        """
        self.on_train_start()
        self.network.train()
        times: list[float] = []
        while len(times) < most_steps and sum(times) < most_seconds:
            begun = time.monotonic()
            self.train_step(next(self.dataloader_train))
            times.append(time.monotonic() - begun)
        self.stop_workers()
        return float(np.mean(times[1:] or times))

    def stop_workers(self) -> None:
        """End the augmentation processes."""
        for loader in (self.dataloader_train, self.dataloader_val):
            if isinstance(loader, NonDetMultiThreadedAugmenter):
                loader._finish()


def seed_everything(seed: int) -> None:
    """Seed what nnU-Net draws from; its augmentation processes seed themselves."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (nnU-Net draws from the global generator)
    torch.manual_seed(seed)
