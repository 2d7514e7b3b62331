"""Small trainings: discs in pictures, kept in a store."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from suffice.phantoms import discs
from suffice.training.machine import Machine
from suffice.training.store import Store, StoredCase


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small lose more to waiting threads than they gain."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def cpu() -> Machine:
    return Machine(n_cores=2, memory_gb=8.0, accelerator="cpu", precision="32-true")


@pytest.fixture(scope="session")
def disc_cases(tmp_path_factory: pytest.TempPathFactory) -> list[StoredCase]:
    """Five pictures of discs of 40 by 48 pixels."""
    store = Store(tmp_path_factory.mktemp("discs") / "store")
    rng = np.random.default_rng(0)
    for i in range(5):
        phantom = discs(rng, (40, 48), n_discs=3)
        image = (phantom.image.array - 0.3) / 0.4
        store.add(f"case{i}", image, phantom.truth.array, rng)
    return store.read([f"case{i}" for i in range(5)])
