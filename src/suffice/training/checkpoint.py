"""The state of a training on disk, whole or not at all."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from suffice.core import ModelError
from suffice.files import writing_file


@dataclass
class TrainingState:
    """What a training needs to go on after a kill.

    Parameters
    ----------
    step : int
        Steps done.
    seconds : float
        Wall-clock time spent so far, over all starts.
    network, average, optimizer : state dicts
    generators : dict
        States of the random generators.
    history : list of dict
        Rows of history.csv.
    """

    step: int = 0
    seconds: float = 0.0
    network: dict[str, Any] = field(default_factory=dict)
    average: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    generators: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)


def save_checkpoint(path: Path, state: TrainingState) -> None:
    """Write a checkpoint beside its place and rename it.

    Raises
    ------
    StorageError
        If the disk is full or the folder cannot be written.
    """
    # Through memory: of a full disk torch tells nothing but that its own writer failed.
    buffer = io.BytesIO()
    torch.save(vars(state), buffer)
    with writing_file(path) as partial:
        partial.write_bytes(buffer.getbuffer())


def load_checkpoint(path: Path) -> TrainingState | None:
    """Read a checkpoint, or ``None`` where there is none.

    Raises
    ------
    ModelError
        If the file is damaged.
    """
    if not path.exists():
        return None
    try:
        return TrainingState(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises half a dozen kinds for a damaged archive
        raise ModelError(
            f"The checkpoint '{path.name}' cannot be read",
            cure="Delete it to start the training anew.",
        ) from error
