"""Partial labels: what nobody labelled has no part in what is learned from labels."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from suffice.core import CohortError
from suffice.phantoms import discs
from suffice.training.batches import PatchSampler
from suffice.training.device import PlainDevice
from suffice.training.fingerprint import CaseFacts, fingerprint
from suffice.training.loop import Trained, train
from suffice.training.losses import deep_loss, dice_and_cross_entropy
from suffice.training.machine import Machine
from suffice.training.objective import Segmenting, Step
from suffice.training.partly_labelled import PartlyLabelled, disagreement
from suffice.training.plan import Plan
from suffice.training.resampling import resample_labels
from suffice.training.store import Store, StoredCase

seeds = st.integers(0, 10**6)


def partial_targets(generator: torch.Generator, part: float) -> Tensor:
    """Classes of 3, and one more where nobody labelled: ``(2, 4, 8, 6)``."""
    labels = torch.randint(0, 3, (2, 8, 6), generator=generator)
    labels[torch.rand(labels.shape, generator=generator) < part] = 3
    return nn.functional.one_hot(labels, 4).movedim(-1, 1).float()


@settings(max_examples=20, deadline=None)
@given(seed=seeds, part=st.floats(0.1, 1.0))
def test_the_loss_hangs_on_nothing_under_unlabelled_voxels(seed: int, part: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    targets = partial_targets(generator, part)
    logits = torch.randn(2, 3, 8, 6, generator=generator)
    others = torch.where(targets[:, 3:] > 0, torch.randn(logits.shape, generator=generator), logits)
    one, _ = dice_and_cross_entropy(logits, targets)
    other, _ = dice_and_cross_entropy(others, targets)
    torch.testing.assert_close(one, other)


def test_labelled_voxels_alone_pull_at_the_network() -> None:
    targets = partial_targets(torch.Generator().manual_seed(0), 0.5)
    logits = torch.randn(2, 3, 8, 6, requires_grad=True)
    deep_loss([logits], targets)[0].backward()
    assert logits.grad is not None
    pulled = logits.grad.abs().sum(1) > 0
    np.testing.assert_array_equal(pulled, targets[:, 3] == 0)


def test_the_teacher_pulls_at_unlabelled_voxels_alone() -> None:
    targets = partial_targets(torch.Generator().manual_seed(1), 0.5)
    logits = torch.randn(2, 3, 8, 6, requires_grad=True)
    taught = torch.softmax(torch.randn(2, 3, 8, 6), dim=1)
    disagreement(logits, taught, targets[:, 3:]).backward()
    assert logits.grad is not None
    np.testing.assert_array_equal(logits.grad.abs().sum(1) > 0, targets[:, 3] > 0)
    agreed = disagreement(taught.log(), taught, targets[:, 3:])
    assert float(agreed) == pytest.approx(0, abs=1e-9)


def test_without_unlabelled_voxels_a_batch_is_learned_from_as_ever() -> None:
    network = _Heads()
    images, targets = torch.randn(2, 1, 8, 6), partial_targets(torch.Generator(), 0.0)[:, :3]
    step = Step(PlainDevice("cpu", "32-true"), torch.Generator(), 0.9, network)
    found = PartlyLabelled().loss(network, images, targets, step)
    expected = Segmenting().loss(network, images, targets, step)
    assert torch.equal(found[0], expected[0]) and torch.equal(found[1], expected[1])


class _Heads(nn.Module):
    """Logits of three classes at one resolution."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 3, 3, padding=1)

    def forward(self, images: Tensor) -> list[Tensor]:
        return [self.convolution(images)]


def stored(folder: Path, part: float, *, unlabelled: int | None) -> list[StoredCase]:
    """Three pictures of discs of which a part is unlabelled."""
    store, rng = Store(folder), np.random.default_rng(0)
    for i in range(3):
        phantom = discs(rng, (40, 48), n_discs=3)
        labels = np.where(rng.random((40, 48)) < part, 2, phantom.truth.array).astype(np.uint8)
        image = (phantom.image.array - 0.3) / 0.4
        store.add(f"c{i}", image, labels, np.random.default_rng(i), unlabelled=unlabelled)
    return list(store.read([f"c{i}" for i in range(3)]))


def trained(plan: Plan, cases: list[StoredCase], place: Path, cpu: Machine, **options: object):  # type: ignore[no-untyped-def]
    count = itertools.count()
    settings: dict = {"seconds": 12, "seed": 3, "machine": cpu, **options}
    return train(plan, cases, checkpoint=place, clock=lambda: float(next(count)), **settings)


def same(one: Trained, other: Trained) -> bool:
    weights = zip(one.network.parameters(), other.network.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in weights)


def test_a_value_that_is_nowhere_changes_no_bit(
    disc_plan: Plan, cpu: Machine, tmp_path: Path
) -> None:
    plain = stored(tmp_path / "plain", 0.0, unlabelled=None)
    partly = stored(tmp_path / "partly", 0.0, unlabelled=2)
    assert partly[0].unlabelled is None
    one = trained(disc_plan, plain, tmp_path / "a.pt", cpu)
    other = trained(disc_plan, partly, tmp_path / "b.pt", cpu, objective=PartlyLabelled())
    assert same(one, other)


def test_both_ways_learn_from_partial_labels(disc_plan: Plan, cpu: Machine, tmp_path: Path) -> None:
    cases = stored(tmp_path / "store", 0.7, unlabelled=2)
    assert cases[0].unlabelled == 2 and 2 not in cases[0].classes
    ways = {c: PartlyLabelled(consistency=c) for c in (0.0, 10.0)}
    found = {
        c: trained(disc_plan, cases, tmp_path / f"{c}.pt", cpu, objective=way)
        for c, way in ways.items()
    }
    assert all(row["loss"] < 5 for one in found.values() for row in one.history)
    assert not same(found[0.0], found[10.0])


def test_beyond_a_scan_that_is_labelled_in_part_nothing_is_labelled(tmp_path: Path) -> None:
    for part, beyond in ((0.5, 2), (0.0, 0)):
        cases = stored(tmp_path / f"{beyond}", part, unlabelled=2)
        sampler = PatchSampler(
            cases,
            patch_size=(64, 64),
            batch_size=1,
            foreground=0.0,
            rng=np.random.default_rng(0),
        )
        _, labels = sampler.draw()
        assert set(labels[0, 0].tolist()) == {beyond}


@settings(max_examples=20, deadline=None)
@given(seed=seeds, shape=st.tuples(st.integers(5, 30), st.integers(5, 30)))
def test_resampling_makes_up_no_label(seed: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    whole = rng.integers(0, 3, (16, 16)).astype(np.uint8)
    np.testing.assert_array_equal(
        resample_labels(np.full((16, 16), 3), shape, 3), np.full(shape, 3)
    )
    assert (resample_labels(whole, shape, 3) < 3).all()
    one = np.where(whole == 1, 1, 3)
    assert set(np.unique(resample_labels(one, shape, 3))) <= {1, 3}


def test_a_thin_stroke_outlasts_resampling() -> None:
    labels = np.full((120, 120), 2, np.uint8)
    labels[60, 10:110] = 1
    for n in (30, 77, 120, 240):
        small = resample_labels(labels, (n, n), 2)
        assert (small == 1).any(0).sum() == pytest.approx(100 * n / 120, abs=2)
        assert (small == 1).any(1).sum() <= max(1, n // 120) + 1


def test_one_class_alone_teaches_nothing() -> None:
    facts = CaseFacts(
        shape=(8, 8),
        spacing_mm=(1.0, 1.0),
        class_voxels=(0, 10),
        class_centres=((0.5, 0.5),),
        occupancy=np.ones((8, 8)),
        foreground=np.ones((1, 10), np.float32),
        contrast=1.0,
        is_colour=False,
        n_unlabelled=54,
    )
    with pytest.raises(CohortError, match="what the structures are not"):
        fingerprint([facts])
    assert fingerprint([replace(facts, class_voxels=(5, 10))]).n_cases == 1
