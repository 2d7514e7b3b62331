"""Training from a store needs torch, numpy and scipy alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from suffice.training.device import PlainDevice, make_device
from suffice.training.machine import Machine
from suffice.training.plan import Plan, plan_to_toml
from suffice.training.store import Store, StoredCase

UNNEEDED = (
    "nibabel",
    "SimpleITK",
    "pydicom",
    "skimage",
    "tifffile",
    "PIL",
    "pandas",
    "matplotlib",
    "safetensors",
    "lightning_fabric",
)

SCRIPT = """
import sys
from pathlib import Path

UNNEEDED, folder = {unneeded!r}, Path({folder!r})
import suffice.training.batches, suffice.training.calibrate, suffice.training.inference
import suffice.training.loop
loaded = [name for name in UNNEEDED if name in sys.modules]
assert not loaded, loaded
for name in UNNEEDED:
    sys.modules[name] = None

import torch
torch.set_num_threads(1)
from suffice.training.device import PlainDevice, make_device
from suffice.training.inference import predict_labels
from suffice.training.loop import train
from suffice.training.machine import Machine
from suffice.training.plan import plan_from_toml
from suffice.training.store import Store

machine = Machine(n_cores=1, memory_gb=8.0, accelerator="cpu", precision="32-true")
assert isinstance(make_device(machine, "32-true"), PlainDevice)
plan = plan_from_toml((folder / "plan.toml").read_text())
cases = Store(folder / "store").read(["a"])
ticks = iter(range(1000))
trained = train(
    plan, cases, seconds=8, seed=0, machine=machine, checkpoint=folder / "checkpoint.pt",
    clock=lambda: float(next(ticks)),
)
labels = predict_labels(
    trained.network, cases[0].image, patch_size=plan.patch_size, divisible_by=plan.divisible_by,
    n_classes=plan.n_classes, device=torch.device("cpu"),
)
print(trained.n_steps, labels.shape)
"""


def test_a_training_without_the_libraries_of_other_floors(
    tmp_path: Path, disc_plan: Plan, disc_cases: list[StoredCase]
) -> None:
    store = Store(tmp_path / "store")
    store.add("a", disc_cases[0].image, disc_cases[0].labels, np.random.default_rng(0))
    (tmp_path / "plan.toml").write_text(plan_to_toml(disc_plan), encoding="utf-8")
    script = SCRIPT.format(unneeded=UNNEEDED, folder=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "4 (40, 48)"
    assert (tmp_path / "checkpoint.pt").exists()


def test_fabric_serves_where_it_is_installed(cpu: Machine) -> None:
    pytest.importorskip("lightning_fabric")
    assert not isinstance(make_device(cpu, "32-true"), PlainDevice)


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("32-true", torch.float32), ("bf16-mixed", torch.bfloat16), ("16-mixed", torch.bfloat16)],
)
def test_a_device_without_fabric_computes_in_the_precision(
    precision: str, dtype: torch.dtype
) -> None:
    device = PlainDevice("cpu", precision)
    module = torch.nn.Linear(3, 2)
    wrapped, _ = device.setup(module, torch.optim.SGD(module.parameters(), lr=0.1))
    with device.autocast():
        out = wrapped(torch.ones(1, 3))
    assert out.dtype == dtype
    device.backward(out.float().sum())
    assert module.weight.grad is not None and module.weight.grad.dtype == torch.float32
