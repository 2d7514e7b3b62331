"""Strong views must give what the teacher is sure of in the weak one."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from suffice.augment.mixing import CutMix, Pair
from suffice.augment.transform import Chance
from suffice.training.losses import deep_loss, sure_loss
from suffice.training.objective import Step
from suffice.training.pool.feed import PoolFeed
from suffice.training.pool.strategy import PoolStrategy, probabilities, together


class StrongViews(PoolStrategy):
    """Two strong views of each patch, boxes exchanged between patches, after UniMatch.

    Its dropped features are left out: they would need a third pass of the decoder.

    Parameters
    ----------
    sure : float
        Least probability of the teacher's class that is learned from.

    References
    ----------
    Sohn et al. 2020, https://arxiv.org/abs/2001.07685; Yang et al. 2023,
    https://arxiv.org/abs/2208.09910
    """

    name: ClassVar[str] = "unimatch"

    def __init__(self, feed: PoolFeed, *, weight: float = 0.5, sure: float = 0.9) -> None:
        super().__init__(feed, weight=weight)
        self.sure = sure

    def both(
        self, network: nn.Module, images: Tensor, targets: Tensor, n_pool: int, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Run labelled patches and two strong views of the pool as one batch."""
        views = self.feed.views(n_pool, step.generator, images.device)
        taught = probabilities(step, views.weak)
        first = self._exchanged(views.strong, taught, step)
        second = self._exchanged(self.feed.strong(views.weak, step.generator), taught, step)
        with step.device.autocast():
            logits = network(together(images, first[0], second[0]))
        own, pooled = [x[: len(images)] for x in logits], logits[0][len(images) :]
        loss, dice = deep_loss(own, targets)
        aim = torch.cat([first[1], second[1]])
        return loss + self.share(step) * sure_loss(pooled, aim, least=self.sure), dice

    def _exchanged(self, strong: Tensor, taught: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Give every second batch's patches a box of their neighbour, its aim with it."""
        chance = Chance(step.generator)
        if len(strong) < 2 or not chance.happens(0.5):
            return strong, taught
        mixed = []
        for i in range(len(strong)):
            pair = Pair(
                image=strong[i],
                labels=taught[i],
                other=strong[i - 1],
                other_labels=taught[i - 1],
                spacing=self.feed.spacing,
            )
            mixed.append(CutMix().sample(pair, chance).apply(pair))
        return torch.stack([m[0] for m in mixed]), torch.stack([m[1] for m in mixed])
