"""Bidirectional copy-paste: labelled and unlabelled patches share one picture."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from suffice.augment.transform import Chance
from suffice.training.losses import sure_loss, weighted_loss
from suffice.training.objective import Step
from suffice.training.pool.feed import PoolFeed
from suffice.training.pool.strategy import PoolStrategy, probabilities, together

# Of each side of the patch that the pasted box has.
BOX = 2 / 3


class BidirectionalCopyPaste(PoolStrategy):
    """A box of a labelled patch in an unlabelled one, and the other way round.

    What comes from the labelled patch is learned from its mask, the rest from the teacher's class.

    References
    ----------
    Bai et al. 2023, https://arxiv.org/abs/2305.00673
    """

    name: ClassVar[str] = "copy-paste"

    def __init__(self, feed: PoolFeed, *, weight: float = 0.5) -> None:
        super().__init__(feed, weight=weight)

    def both(
        self, network: nn.Module, images: Tensor, targets: Tensor, n_pool: int, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Run both mixtures as one batch."""
        n_pool = len(images)
        views = self.feed.views(n_pool, step.generator, images.device)
        taught = probabilities(step, views.weak)
        box = self._box(images.shape[2:], step).to(images.device)
        inside = torch.where(box, views.strong, images)
        outside = torch.where(box, images, views.strong)
        with step.device.autocast():
            logits = network(together(inside, outside))[0].float()
        ours = torch.cat([~box.expand(n_pool, 1, *box.shape), box.expand(n_pool, 1, *box.shape)])
        loss, dice = weighted_loss(logits, torch.cat([targets, targets]), ours.to(logits.dtype))
        pooled = sure_loss(logits, torch.cat([taught, taught]), least=0.0, where=~ours)
        return loss + self.share(step) * pooled, dice

    def _box(self, size: torch.Size, step: Step) -> Tensor:
        """Draw a box, true inside, of shape ``size``."""
        chance = Chance(step.generator)
        box = torch.zeros(tuple(size), dtype=torch.bool)
        window = []
        for n in size:
            length = max(1, round(BOX * n))
            start = chance.integer(n - length + 1)
            window.append(slice(start, start + length))
        box[tuple(window)] = True
        return box
