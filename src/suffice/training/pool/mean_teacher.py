"""Mean teachers: plain, believed only where sure, and learned from as a mask is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from suffice.training.losses import deep_loss
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

    def disagreement(self, logits: Sequence[Tensor], taught: Tensor, step: Step) -> Tensor:
        """Mean squared distance of the probabilities."""
        return squared_distance(logits[0], taught).mean()


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

    def disagreement(self, logits: Sequence[Tensor], taught: Tensor, step: Step) -> Tensor:
        """Mean squared distance where the teacher's entropy is low."""
        entropy = -(taught * taught.clamp_min(1e-6).log()).sum(1, keepdim=True)
        rise = math.exp(-5.0 * (1.0 - step.fraction) ** 2)
        sure = entropy < (0.75 + 0.25 * rise) * math.log(taught.shape[1])
        apart = squared_distance(logits[0], taught).mean(1, keepdim=True)
        return (apart * sure).sum() / sure.sum().clamp_min(1)


class SoftTeacher(TeacherStrategy):
    """The teacher's probabilities are learned as masks are: by cross-entropy and soft Dice.

    Cross-entropy asks for the teacher's own shares; soft Dice is lowest where they are made surer
    (Wang 2023, https://arxiv.org/abs/2303.16296), so that of both together the student becomes
    somewhat surer than its teacher, and less so than of classes, as self-training gives them.

    References
    ----------
    Tarvainen and Valpola 2017, https://arxiv.org/abs/1703.01780; for probabilities as labels
    Hinton et al. 2015, https://arxiv.org/abs/1503.02531, and, of a pool, Xie et al. 2020,
    https://arxiv.org/abs/1911.04252
    """

    name: ClassVar[str] = "soft-teacher"

    def disagreement(self, logits: Sequence[Tensor], taught: Tensor, step: Step) -> Tensor:
        """Loss of a mask whose shares of the classes are the teacher's, at all resolutions."""
        return deep_loss(logits, taught)[0]


def squared_distance(logits: Tensor, taught: Tensor) -> Tensor:
    """Squared distance of a student's probabilities from a teacher's, of each class and voxel."""
    return (torch.softmax(logits.float(), dim=1) - taught).square()
