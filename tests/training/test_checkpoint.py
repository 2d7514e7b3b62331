"""The state of a training on disk."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest
import torch

from suffice.core import ModelError, StorageError
from suffice.training.checkpoint import TrainingState, load_checkpoint, save_checkpoint


@pytest.fixture
def state() -> TrainingState:
    return TrainingState(
        step=7,
        seconds=12.25,
        network={"w": torch.randn(3, 2)},
        average={"w": torch.randn(3, 2)},
        optimizer={"state": {0: {"step": torch.tensor(7.0)}}, "param_groups": [{"lr": 0.1}]},
        generators={"sampler": np.random.default_rng(2**127 - 1).bit_generator.state},
        history=[{"step": 1, "loss": float("nan")}],
    )


def test_what_is_written_is_read(tmp_path: Path, state: TrainingState) -> None:
    save_checkpoint(tmp_path / "c.pt", state)
    read = load_checkpoint(tmp_path / "c.pt")
    assert read is not None and (read.step, read.seconds) == (7, 12.25)
    assert torch.equal(read.network["w"], state.network["w"])
    # Integers of 128 bits.
    assert read.generators == state.generators
    assert read.generators["sampler"]["state"]["state"] > 2**64
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]


def test_none_where_there_is_none(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "c.pt") is None


@pytest.mark.parametrize("damage", ["cut off", "empty", "text", "something else"])
def test_a_damaged_file_is_told(tmp_path: Path, state: TrainingState, damage: str) -> None:
    path = tmp_path / "c.pt"
    save_checkpoint(path, state)
    whole = path.read_bytes()
    if damage == "something else":
        torch.save({"weights": 1}, path)
    else:
        path.write_bytes({"cut off": whole[:-200], "empty": b"", "text": b"hello"}[damage])
    with pytest.raises(ModelError, match=r"'c\.pt' cannot be read\. Delete it to start"):
        load_checkpoint(path)


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path, state: TrainingState) -> None:
    path = tmp_path / "c.pt"
    save_checkpoint(path, state)
    state.network = {"w": torch.zeros(200_000)}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(StorageError, match=r"Cannot write .*c\.pt"):
            save_checkpoint(path, state)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    read = load_checkpoint(path)
    assert read is not None and read.network["w"].numel() == 6
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]
