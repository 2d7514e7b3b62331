"""The loss against an independent Dice and torch's cross-entropy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from suffice.training.losses import deep_loss, dice_and_cross_entropy, soft_dice


def targets_of(labels: torch.Tensor, n_classes: int) -> torch.Tensor:
    return F.one_hot(labels, n_classes).movedim(-1, 1).float()


@pytest.fixture
def labels() -> torch.Tensor:
    return torch.randint(0, 3, (2, 8, 6), generator=torch.Generator().manual_seed(0))


def test_a_perfect_answer_costs_nothing(labels: torch.Tensor) -> None:
    targets = targets_of(labels, 3)
    loss, dice = dice_and_cross_entropy(40 * targets, targets)
    assert float(loss) == pytest.approx(0, abs=1e-5)
    assert float(dice) == pytest.approx(1, abs=1e-5)


def test_soft_dice_is_the_dice_of_the_pooled_batch(labels: torch.Tensor) -> None:
    guess = torch.randint(0, 3, labels.shape, generator=torch.Generator().manual_seed(1))
    found = soft_dice(targets_of(guess, 3), targets_of(labels, 3))
    a, b = guess.numpy(), labels.numpy()
    expected = [
        2 * np.logical_and(a == k, b == k).sum() / ((a == k).sum() + (b == k).sum()) for k in (1, 2)
    ]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


def test_the_loss_is_cross_entropy_and_one_minus_dice(labels: torch.Tensor) -> None:
    logits = torch.randn(2, 3, 8, 6)
    targets = targets_of(labels, 3)
    loss, dice = dice_and_cross_entropy(logits, targets)
    cross_entropy = F.cross_entropy(logits, labels)
    assert float(loss) == pytest.approx(float(cross_entropy + 1 - dice), rel=1e-5)
    assert float(dice) == pytest.approx(float(soft_dice(logits.softmax(1), targets).mean()))


def test_a_step_against_the_gradient_favours_the_true_class(labels: torch.Tensor) -> None:
    logits = torch.zeros(2, 3, 8, 6, requires_grad=True)
    targets = targets_of(labels, 3)
    loss, _ = dice_and_cross_entropy(logits, targets)
    (grad,) = torch.autograd.grad(loss, logits)
    assert bool((grad[targets == 1] < 0).all())


def test_a_structure_absent_from_truth_and_answer_costs_nothing() -> None:
    targets = targets_of(torch.zeros(1, 4, 4, dtype=torch.long), 2)
    loss, dice = dice_and_cross_entropy(60 * targets, targets)
    assert float(loss) == pytest.approx(0, abs=1e-4) and float(dice) == pytest.approx(1, abs=1e-4)


def test_one_head_is_the_plain_loss_and_perfect_heads_cost_nothing(labels: torch.Tensor) -> None:
    targets = targets_of(labels, 3)
    logits = torch.randn(2, 3, 8, 6)
    assert torch.equal(deep_loss([logits], targets)[0], dice_and_cross_entropy(logits, targets)[0])
    # Blocks of one class, so that coarser heads can be right.
    blocks = targets.repeat_interleave(2, 2).repeat_interleave(2, 3)
    loss, dice = deep_loss([40 * blocks, 40 * targets], blocks)
    assert float(loss) == pytest.approx(0, abs=1e-5) and float(dice) == pytest.approx(1, abs=1e-5)


def test_a_coarse_head_weighs_less_than_the_fine_one(labels: torch.Tensor) -> None:
    blocks = targets_of(labels, 3).repeat_interleave(2, 2).repeat_interleave(2, 3)
    coarse = targets_of(labels, 3)
    wrong_fine, _ = deep_loss([5 * blocks.roll(1, 1), 5 * coarse], blocks)
    wrong_coarse, _ = deep_loss([5 * blocks, 5 * coarse.roll(1, 1)], blocks)
    assert float(wrong_fine) > float(wrong_coarse)


def test_volumes_and_half_precision() -> None:
    labels = torch.randint(0, 2, (1, 4, 6, 5))
    targets = targets_of(labels, 2)
    logits = [torch.randn(1, 2, 4, 6, 5), torch.randn(1, 2, 2, 3, 3)]
    loss, _ = deep_loss(logits, targets)
    half, _ = deep_loss([x.bfloat16() for x in logits], targets)
    assert half.dtype == torch.float32
    assert float(half) == pytest.approx(float(loss), rel=0.02)
