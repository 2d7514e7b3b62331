"""What every way to learn from an unlabelled pool shares."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from suffice.nets import LAYOUT
from suffice.training.losses import deep_loss
from suffice.training.objective import Step, build_network
from suffice.training.plan import Plan
from suffice.training.pool.feed import PoolFeed

# Part of the time that is spent on the labelled cases alone: before, a teacher knows nothing.
ALONE = 0.15
# Part of the time after which the pool counts fully.
FULL = 0.5


class PoolStrategy(ABC):
    """A way to learn from unlabelled scans beside the labelled ones.

    A step costs about what a supervised one does: the patches of the pool take the place of half
    of the labelled ones, as the minutes are the same.

    Parameters
    ----------
    weight : float
        Of the pool's loss against that of the labelled patches, once it counts fully.
    """

    name: ClassVar[str]
    score: ClassVar[str] = "dice"

    def __init__(self, feed: PoolFeed, *, weight: float = 1.0) -> None:
        self.feed = feed
        self.weight = weight

    def build(self, plan: Plan) -> nn.Module:
        """Make the network that is trained."""
        return build_network(plan)

    def keep(self, network: nn.Module) -> nn.Module:
        """Return the network that predicts, of the one that was trained."""
        return network

    def loss(
        self, network: nn.Module, images: Tensor, targets: Tensor, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Loss on labelled patches and the pool, and the Dice of the labelled ones."""
        if step.fraction < ALONE:
            return self.supervised(network, images, targets, step)
        n_pool = max(1, len(images) // 2)
        n_own = max(1, len(images) - n_pool)
        return self.both(network, images[:n_own], targets[:n_own], n_pool, step)

    def supervised(
        self, network: nn.Module, images: Tensor, targets: Tensor, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Loss and Dice of labelled patches alone."""
        with step.device.autocast():
            logits = network(images)
        return deep_loss(logits, targets)

    @abstractmethod
    def both(
        self, network: nn.Module, images: Tensor, targets: Tensor, n_pool: int, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Loss on labelled patches and on ``n_pool`` of the pool, and the Dice of the first."""

    def share(self, step: Step) -> float:
        """Weight of the pool at this time: a ramp of Gaussian shape (Laine 2017, 1610.02242)."""
        return self.weight * ramp(step.fraction)


def ramp(fraction: float) -> float:
    """Rise from next to nothing to 1 while a teacher gets to know something."""
    done = min(1.0, (fraction - ALONE) / (FULL - ALONE))
    return math.exp(-5.0 * (1.0 - done) ** 2)


class TeacherStrategy(PoolStrategy):
    """The moving average of the weights teaches: its view of a weak patch is the strong one's aim.

    References
    ----------
    Tarvainen and Valpola 2017, https://arxiv.org/abs/1703.01780
    """

    def both(
        self, network: nn.Module, images: Tensor, targets: Tensor, n_pool: int, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Run labelled patches and strong views of the pool as one batch."""
        views = self.feed.views(n_pool, step.generator, images.device)
        taught = self.teach(step, views.weak)
        batch = together(images, views.strong)
        with step.device.autocast():
            logits = network(batch)
        own, pooled = [x[: len(images)] for x in logits], [x[len(images) :] for x in logits]
        loss, dice = deep_loss(own, targets)
        return loss + self.share(step) * self.disagreement(pooled, taught, step), dice

    def teach(self, step: Step, weak: Tensor) -> Tensor:
        """Probabilities ``(N, K, *spatial)`` by the teacher."""
        return probabilities(step, weak)

    @abstractmethod
    def disagreement(self, logits: Sequence[Tensor], taught: Tensor, step: Step) -> Tensor:
        """How far the student's logits, the finest first, are from what was taught.

        Parameters
        ----------
        logits : sequence of tensor
            Of shape (N, K, *spatial), each after the first at a coarser resolution.
        taught : tensor of shape (N, K, *spatial)
            Probabilities by the teacher.
        step : Step
        """


@torch.no_grad()
def probabilities(step: Step, images: Tensor) -> Tensor:
    """Class probabilities ``(N, K, *spatial)`` by the moving average of the weights."""
    with step.device.autocast():
        logits = step.average(together(images))[0]
    return torch.softmax(logits.float(), dim=1)


def together(*parts: Tensor) -> Tensor:
    """Join batches, channels innermost as convolutions like it."""
    batch = torch.cat(parts) if len(parts) > 1 else parts[0]
    return batch.contiguous(memory_format=LAYOUT[batch.ndim - 2])
