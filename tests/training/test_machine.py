"""What the process may use of the machine, containers' limits included."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from suffice import cores
from suffice.cores import usable_cores
from suffice.training import machine
from suffice.training.machine import (
    PRECISIONS,
    autocast_dtype,
    detect_machine,
    threads_on,
)


@pytest.fixture
def control_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cores, "CONTROL_GROUP", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("limit", "n_cores"), [("150000 100000", 2), ("1000 100000", 1)])
def test_a_container_bounds_the_cores(
    control_group: Path, monkeypatch: pytest.MonkeyPatch, limit: str, n_cores: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert usable_cores() == 64
    (control_group / "cpu.max").write_text(f"{limit}\n")
    assert usable_cores() == n_cores
    (control_group / "cpu.max").write_text("max 100000\n")
    assert usable_cores() == 64
    monkeypatch.setenv(cores.CORES_VARIABLE, "3")
    assert usable_cores() == 3


def test_a_container_bounds_the_memory(
    control_group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    whole = detect_machine().memory_gb
    (control_group / "memory.max").write_text("max\n")
    assert detect_machine().memory_gb == whole > 0.5
    (control_group / "memory.max").write_text(f"{2**29}\n")
    assert detect_machine().memory_gb == 0.5


def test_the_precision_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    first = detect_machine()
    assert first.precision in PRECISIONS
    assert detect_machine() == first
    assert first.autocast_dtype == autocast_dtype(first.precision)


def test_threads_are_as_many_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "usable_cores", lambda: 2)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        detect_machine()
        assert torch.get_num_threads() == 1
        with threads_on(2):
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
