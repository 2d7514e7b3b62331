"""Learning from unlabelled pictures beside labelled ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from suffice.training.device import PlainDevice
from suffice.training.loop import Trained, augmentation_of, train
from suffice.training.losses import dice_and_cross_entropy, sure_loss, weighted_loss
from suffice.training.machine import Machine
from suffice.training.objective import Step
from suffice.training.plan import Plan
from suffice.training.pool import (
    BidirectionalCopyPaste,
    CrossPseudo,
    MeanTeacher,
    PoolFeed,
    PoolStrategy,
    SelfTraining,
    SoftTeacher,
    StrongViews,
    UncertaintyAwareTeacher,
)
from suffice.training.store import StoredCase

STRATEGIES = (
    BidirectionalCopyPaste,
    CrossPseudo,
    MeanTeacher,
    SelfTraining,
    SoftTeacher,
    StrongViews,
    UncertaintyAwareTeacher,
)
Run = Callable[..., Trained]


@pytest.fixture
def feed(disc_plan: Plan, disc_cases: list[StoredCase]) -> PoolFeed:
    # What nobody labelled is stored as background throughout.
    pool = [replace(case, labels=np.zeros_like(case.labels)) for case in disc_cases[2:]]
    return PoolFeed(
        pool,
        patch_size=disc_plan.patch_size,
        augmentation=augmentation_of(disc_plan),
        spacing=disc_plan.patch_spacing_mm,
    )


def made(kind: type[PoolStrategy], feed: PoolFeed, folder: Path) -> PoolStrategy:
    return SelfTraining(feed, folder) if kind is SelfTraining else kind(feed)


@pytest.fixture
def run(disc_plan: Plan, disc_cases: list[StoredCase], cpu: Machine, feed: PoolFeed) -> Run:
    def run(kind: type[PoolStrategy], folder: Path, *, stop: int = 0, n_ticks: int = 24) -> Trained:
        ticks = itertools.count()

        def clock() -> float:
            tick = next(ticks)
            if stop and tick == stop:
                raise KeyboardInterrupt
            return 31.0 * tick

        return train(
            disc_plan,
            disc_cases[:2],
            seconds=31.0 * n_ticks,
            seed=0,
            machine=cpu,
            checkpoint=folder / "checkpoint.pt",
            objective=made(kind, feed, folder / "pool"),
            clock=clock,
        )

    return run


@pytest.mark.parametrize("kind", STRATEGIES)
def test_a_training_that_was_killed_gives_the_weights_of_one_that_was_not(
    run: Run, kind: type[PoolStrategy], tmp_path: Path
) -> None:
    whole = run(kind, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(kind, tmp_path / "killed", stop=20)
    resumed = run(kind, tmp_path / "killed")
    assert resumed.n_steps == whole.n_steps
    for name, weight in whole.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], weight), name


@pytest.mark.parametrize("kind", STRATEGIES)
def test_the_pool_is_learned_from_once_its_time_has_come(
    disc_plan: Plan, feed: PoolFeed, kind: type[PoolStrategy], tmp_path: Path
) -> None:
    inverted = [replace(case, image=-np.asarray(case.image)) for case in feed.cases]
    other = PoolFeed(
        inverted,
        patch_size=feed.patch_size,
        augmentation=feed.augmentation,
        spacing=feed.spacing,
    )
    images = torch.randn((2, 1, 32, 32), generator=torch.Generator().manual_seed(1))
    discs = (images > 1).float()
    targets = torch.cat([1 - discs, discs], dim=1)

    def loss(pool: PoolFeed, fraction: float, folder: str) -> torch.Tensor:
        strategy = made(kind, pool, tmp_path / folder)
        torch.manual_seed(0)
        network, average = strategy.build(disc_plan), strategy.build(disc_plan)
        if isinstance(strategy, SelfTraining):
            strategy.sure = 0.0
        step = Step(
            PlainDevice("cpu", "32-true"), torch.Generator().manual_seed(2), fraction, average
        )
        found = strategy.loss(network, images, targets, step)[0]
        found.backward()
        slopes = [p.grad for p in network.parameters() if p.grad is not None]
        assert all(bool(torch.isfinite(slope).all()) for slope in slopes)
        return found.detach()

    assert float(loss(feed, 0.0, "a")) == float(loss(other, 0.0, "b"))
    assert float(loss(feed, 0.9, "c")) != pytest.approx(float(loss(other, 0.9, "d")), abs=1e-6)


def test_views_lie_upon_each_other(feed: PoolFeed) -> None:
    quiet = replace(feed.augmentation, intensity=())
    feed.augmentation = quiet
    views = feed.views(3, torch.Generator().manual_seed(0), torch.device("cpu"))
    torch.testing.assert_close(views.weak, views.strong)
    assert views.weak.shape == (3, 1, 32, 32)


def test_draws_hang_on_the_generator_alone(feed: PoolFeed) -> None:
    first = feed.raw(4, torch.Generator().manual_seed(5))
    again = feed.raw(4, torch.Generator().manual_seed(5))
    other = feed.raw(4, torch.Generator().manual_seed(6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_unsure_voxels_have_no_part() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((1, 2, 8, 8), generator=generator)
    taught = torch.softmax(4 * torch.randn((1, 2, 8, 8), generator=generator), dim=1)
    sure = taught.max(1, keepdim=True).values >= 0.9
    noisy = torch.where(sure, logits, torch.randn(logits.shape, generator=generator))
    assert float(sure_loss(logits, taught, least=0.9)) == pytest.approx(
        float(sure_loss(noisy, taught, least=0.9))
    )
    assert float(sure_loss(logits, taught, least=1.1)) == 0.0


def test_the_share_of_the_pool_rises_to_its_weight(feed: PoolFeed, disc_plan: Plan) -> None:
    strategy = MeanTeacher(feed, weight=3.0)
    network = strategy.build(disc_plan)
    device = PlainDevice("cpu", "32-true")
    shares = [
        strategy.share(Step(device, torch.Generator(), fraction, network))
        for fraction in (0.2, 0.3, 0.4, 0.5, 1.0)
    ]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(3.0)


def test_a_soft_teacher_teaches_shares_as_a_mask_has_them(feed: PoolFeed, disc_plan: Plan) -> None:
    generator = torch.Generator().manual_seed(0)
    fine = torch.randn((2, 2, 8, 8), generator=generator)
    coarse = torch.randn((2, 2, 4, 4), generator=generator)
    taught = torch.softmax(torch.randn((2, 2, 8, 8), generator=generator), dim=1)
    strategy = SoftTeacher(feed)
    network = strategy.build(disc_plan)
    step = Step(PlainDevice("cpu", "32-true"), torch.Generator(), 1.0, network)

    def each(logits: torch.Tensor, aim: torch.Tensor) -> float:
        p = torch.softmax(logits, dim=1)[:, 1]
        dice = 2 * (p * aim[:, 1]).sum() / (p + aim[:, 1]).sum()
        return float(torch.nn.functional.cross_entropy(logits, aim) + 1 - dice)

    halved = torch.nn.functional.avg_pool2d(taught, 2)
    expected = (each(fine, taught) + 0.5 * each(coarse, halved)) / 1.5
    assert float(strategy.disagreement([fine, coarse], taught, step)) == pytest.approx(
        expected, rel=1e-4
    )


def test_weight_one_everywhere_is_the_plain_loss() -> None:
    logits = torch.randn((2, 3, 6, 6), generator=torch.Generator().manual_seed(0))
    targets = torch.softmax(torch.randn((2, 3, 6, 6)), dim=1)
    plain, _ = dice_and_cross_entropy(logits, targets)
    weighted, _ = weighted_loss(logits, targets, torch.ones((2, 1, 6, 6)))
    assert float(weighted) == pytest.approx(float(plain), rel=1e-5)
    unknown, _ = dice_and_cross_entropy(logits, torch.cat([targets, torch.zeros(2, 1, 6, 6)], 1))
    assert float(unknown) == pytest.approx(float(plain), rel=1e-5)


def test_voxels_that_nobody_labelled_have_no_part() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((1, 2, 6, 6), generator=generator)
    labels = torch.randint(0, 3, (1, 6, 6), generator=generator)
    targets = torch.nn.functional.one_hot(labels, 3).movedim(-1, 1).float()
    other = torch.where(labels[:, None] == 2, 9.0, logits)
    first, _ = dice_and_cross_entropy(logits, targets)
    second, _ = dice_and_cross_entropy(other, targets)
    assert float(first) == pytest.approx(float(second))
