"""Two networks that teach each other."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from suffice.training.losses import deep_loss, sure_loss
from suffice.training.objective import Step, build_network
from suffice.training.plan import Plan
from suffice.training.pool.feed import PoolFeed
from suffice.training.pool.strategy import PoolStrategy, together


class Twins(nn.Module):
    """Two networks of one plan from different starts; as one module they share the optimiser."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.first, self.second = build_network(plan), build_network(plan)

    def forward(self, images: Tensor) -> tuple[Any, Any]:
        """Give the logits of both, each the finest first."""
        return self.first(images), self.second(images)


class CrossPseudo(PoolStrategy):
    """Each network learns the other's classes on the pool; a step costs twice as much.

    References
    ----------
    Chen et al. 2021, https://arxiv.org/abs/2106.01226
    """

    name: ClassVar[str] = "cross-pseudo"

    def __init__(self, feed: PoolFeed, *, weight: float = 0.5) -> None:
        super().__init__(feed, weight=weight)

    def build(self, plan: Plan) -> nn.Module:
        """Make both networks."""
        return Twins(plan)

    def keep(self, network: nn.Module) -> nn.Module:
        """Return the first of the two."""
        kept = cast(Twins, network).first
        return kept

    def supervised(
        self, network: nn.Module, images: Tensor, targets: Tensor, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Mean loss and Dice of both networks on labelled patches."""
        with step.device.autocast():
            first, second = network(images)
        (a, dice_a), (b, dice_b) = deep_loss(first, targets), deep_loss(second, targets)
        return (a + b) / 2, (dice_a + dice_b) / 2

    def both(
        self, network: nn.Module, images: Tensor, targets: Tensor, n_pool: int, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Run labelled patches and strong views of the pool through both networks."""
        n_own = len(images)
        views = self.feed.views(n_pool, step.generator, images.device)
        with step.device.autocast():
            first, second = network(together(images, views.strong))
        losses, dices = [], []
        for own, other in ((first, second), (second, first)):
            loss, dice = deep_loss([x[:n_own] for x in own], targets)
            aim = torch.softmax(other[0][n_own:].detach().float(), dim=1)
            losses.append(loss + self.share(step) * sure_loss(own[0][n_own:], aim, least=0.0))
            dices.append(dice)
        return torch.stack(losses).mean(), torch.stack(dices).mean()
