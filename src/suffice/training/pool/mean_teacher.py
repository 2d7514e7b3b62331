"""Mean teachers: plain, and one that asks only where it is sure."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from suffice.training.objective import Step
from suffice.training.pool.feed import PoolFeed
from suffice.training.pool.strategy import TeacherStrategy, probabilities

# Passes that uncertainty is told from, and the noise on intensities in each (of unit spread).
N_PASSES, NOISE = 4, 0.1


class MeanTeacher(TeacherStrategy):
    """Probabilities of student and teacher are drawn together by their squared distance.

    References
    ----------
    Tarvainen and Valpola 2017, https://arxiv.org/abs/1703.01780; for images of medicine
    Perone and Cohen-Adad 2018, https://arxiv.org/abs/1807.04657
    """

    name: ClassVar[str] = "mean-teacher"

    def __init__(self, feed: PoolFeed, *, weight: float = 10.0) -> None:
        super().__init__(feed, weight=weight)

    def disagreement(self, logits: Tensor, taught: Tensor, step: Step) -> Tensor:
        """Mean squared distance of the probabilities."""
        return (torch.softmax(logits, dim=1) - taught).square().mean()


class UncertaintyAwareTeacher(MeanTeacher):
    """A mean teacher that is believed only where its noisy passes agree.

    The limit of entropy rises from three quarters of the largest possible to all of it.

    References
    ----------
    Yu et al. 2019, https://arxiv.org/abs/1907.07034
    """

    name: ClassVar[str] = "uncertainty-aware"

    def teach(self, step: Step, weak: Tensor) -> Tensor:
        """Mean probabilities over passes with noise."""
        noise = torch.randn((N_PASSES, *weak.shape), generator=step.generator)
        passes = [probabilities(step, weak + NOISE * n.to(weak.device)) for n in noise]
        return torch.stack(passes).mean(0)

    def disagreement(self, logits: Tensor, taught: Tensor, step: Step) -> Tensor:
        """Mean squared distance where the teacher's entropy is low."""
        entropy = -(taught * taught.clamp_min(1e-6).log()).sum(1, keepdim=True)
        rise = math.exp(-5.0 * (1.0 - step.fraction) ** 2)
        sure = entropy < (0.75 + 0.25 * rise) * math.log(taught.shape[1])
        apart = (torch.softmax(logits, dim=1) - taught).square().mean(1, keepdim=True)
        return (apart * sure).sum() / sure.sum().clamp_min(1)
