"""A training by the clock: steps until the time is over, notes and checkpoints on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from suffice.core import Listener, Progress
from suffice.training.checkpoint import TrainingState, save_checkpoint

CHECKPOINT_EVERY_S = 30.0
HISTORY_EVERY_S = 2.0


class Steps(Protocol):
    """What is trained step by step."""

    state: TrainingState

    def step(self, fraction: float) -> None:
        """Learn once, ``fraction`` of the time being over."""

    def note(self, seconds: float) -> Progress:
        """Add a row to the history and tell how far the training is."""

    def snapshot(self) -> TrainingState:
        """Return the state with everything a later start needs."""


def train_for(
    loop: Steps,
    seconds: float,
    *,
    checkpoint: Path | None,
    listener: Listener,
    clock: Callable[[], float],
) -> None:
    """Step for ``seconds`` of the clock, those of earlier starts counted in, at least once.

    Nothing is written without a place for the checkpoint: one of several processes writes it.
    """
    started = clock() - loop.state.seconds
    saved = noted = loop.state.seconds
    while (elapsed := clock() - started) < seconds:
        loop.step(elapsed / seconds)
        now = loop.state.seconds = clock() - started
        if now - noted >= HISTORY_EVERY_S or loop.state.step == 1:
            noted = now
            listener(loop.note(seconds))
        if checkpoint is not None and now - saved >= CHECKPOINT_EVERY_S:
            saved = now
            save_checkpoint(checkpoint, loop.snapshot())
    if loop.state.step == 0:
        loop.step(0.5)
    loop.note(seconds)
    if checkpoint is not None:
        save_checkpoint(checkpoint, loop.snapshot())
