"""Weights from scans alone in a folder: nothing is replaced unasked, a kill loses little."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from suffice.core import Cohort, CohortError, ModelError, StorageError, UsageError
from suffice.segmenters import unet as unet_module
from suffice.training import loop
from suffice.training.machine import Machine
from suffice.training.plan import Plan
from suffice.workflows.predicting import predict
from suffice.workflows.pretraining import pretrain

CPU = Machine(n_cores=1, memory_gb=8.0, accelerator="cpu", precision="32-true")


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Plan the smallest of networks, and make a second of training half a step."""

    def counted(plan: Plan, *arguments: Any, **options: Any) -> loop.Trained:
        ticks = itertools.count()
        return loop.train(plan, *arguments, clock=lambda: float(next(ticks)), **options)

    def plan_for(*_: object, **__: object) -> Plan:
        return Plan(
            ndim=3,
            slice_axis=None,
            spacing_mm=(1.0, 1.0, 1.5),
            pixel_units=False,
            patch_size=(8, 8, 8),
            batch_size=1,
            in_channels=1,
            n_classes=2,
            widths=(8, 8),
            strides=((2, 2, 2),),
            blocks=(0, 1),
            normalisation=("scan",),
            intensity=((0.0, 1.0, 0.5, 0.5),),
            flip_axes=(),
            augmentation="light",
            precision="32-true",
        )

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(unet_module, "train", counted)
    monkeypatch.setattr(unet_module, "plan_for", plan_for)
    monkeypatch.setattr(unet_module, "detect_machine", lambda: CPU)
    yield monkeypatch
    torch.set_num_threads(before)


def test_weights_are_left_and_not_replaced_unasked(
    small_steps: pytest.MonkeyPatch, tiny_cohort: Cohort, tmp_path: Path
) -> None:
    out = tmp_path / "pretrained"
    done = pretrain(tiny_cohort, out, minutes=0.1, cases=tiny_cohort.names[4:])
    assert (done.model, done.cases) == (out, tiny_cohort.names[4:])
    assert "variance" in done.notes[0]
    assert {path.name for path in out.iterdir()} == {
        "model.toml",
        "plan.toml",
        "weights.safetensors",
        "history.csv",
    }
    assert not (tmp_path / "pretrained.work").exists()
    with pytest.raises(StorageError, match="--force"):
        pretrain(tiny_cohort, out, minutes=0.1)
    before = (out / "weights.safetensors").read_bytes()
    pretrain(tiny_cohort, out, minutes=0.1, seed=1, overwrite=True)
    assert (out / "weights.safetensors").read_bytes() != before
    scan = tiny_cohort.cases[-1].images["image"]
    with pytest.raises(ModelError, match="cannot segment"):
        predict(out, [scan], tmp_path / "masks")


def test_a_kill_leaves_a_folder_to_go_on_from(
    small_steps: pytest.MonkeyPatch, tiny_cohort: Cohort, tmp_path: Path
) -> None:
    out = tmp_path / "pretrained"

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with small_steps.context() as patch:
        patch.setattr(unet_module, "train", killed)
        with pytest.raises(KeyboardInterrupt):
            pretrain(tiny_cohort, out, minutes=0.1)
    assert not out.exists() and (tmp_path / "pretrained.work" / "plan.toml").exists()
    with pytest.raises(UsageError, match="minutes"):
        pretrain(tiny_cohort, out, minutes=0.2)
    pretrain(tiny_cohort, out, minutes=0.1)
    assert out.exists()


def test_what_cannot_be_used_is_told_before_anything_is_made(
    tiny_cohort: Cohort, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="spark, denoise"):
        pretrain(tiny_cohort, tmp_path / "a", minutes=1, method="hope")
    with pytest.raises(CohortError, match="no scan to learn from"):
        pretrain(tiny_cohort, tmp_path / "b", minutes=1, cases=[])
    assert not [*tmp_path.iterdir()]
