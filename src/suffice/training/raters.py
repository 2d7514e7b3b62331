"""Learning from several raters at once: from their consensus, or from each with their habits."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn

from suffice.training.device import unwrapped
from suffice.training.losses import SMOOTH, deep_loss, soft_dice
from suffice.training.objective import Segmenting, Step, build_network
from suffice.training.plan import Plan

# How often a rater is held to draw what is there, before anything was learned of them.
FIRST_TRUST = 0.9
# Steps of the optimiser are this many times as long for the matrices as for the network: a logit
# must go further than a weight in as many steps.
PACE = 10.0
# Part of the time in which the matrices stand still. After a tenth they were fitted to a network
# that still drew too much, and the one rater who did so, too, was taken for the truth.
ALONE = 0.5


class SoftMasks(Segmenting):
    """The shares of the classes in each voxel, where several raters do not agree."""

    def loss(
        self, network: nn.Module, images: Tensor, targets: Tensor, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Cross-entropy and soft Dice at several resolutions, and the finest Dice."""
        return super().loss(network, images, whole(targets), step)


def whole(shares: Tensor) -> Tensor:
    """Count as background what no class has of a voxel ``(N, K, *spatial)``: beyond the scan."""
    rest = 1 - shares.sum(1, keepdim=True)
    return torch.cat([shares[:, :1] + rest, shares[:, 1:]], dim=1)


class Matrices(nn.Module):
    """A network of the truth and a matrix for each rater of what they draw in its place.

    Parameters
    ----------
    backbone : nn.Module
        Gives logits of the classes, the finest resolution first.
    n_raters, n_classes : int
    """

    def __init__(self, backbone: nn.Module, n_raters: int, n_classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        # Of two classes, or of one against each of many, such a logit gives the first trust.
        sure = math.log(FIRST_TRUST / (1 - FIRST_TRUST) * (n_classes - 1))
        first = torch.eye(n_classes).repeat(n_raters, 1, 1) * sure
        self.paces = nn.Parameter(first / PACE)

    def forward(self, images: Tensor) -> Any:
        """Give the logits of the truth."""
        return self.backbone(images)

    def confusion(self) -> Tensor:
        """How often each rater draws a class where another is true, ``(R, true, drawn)``."""
        return torch.softmax(PACE * self.paces.float(), dim=2)


class EachRater:
    """The truth behind several raters' masks, and how each departs from it.

    What a rater drew is held against the network's probabilities times the rater's matrix.
    Matrices are pulled away from the identity (by the mean of their diagonals), so that what many
    raters leave to chance is put down to them and not to the truth.

    Parameters
    ----------
    n_raters : int
        Targets are the shares of each rater's classes, rater by rater; none where a rater
        did not look.
    pull : float
        Weight of the mean diagonal.

    Attributes
    ----------
    confusion_ : tensor of shape (R, K, K)
        ``[rater, true, drawn]`` of a training that is over.

    References
    ----------
    Tanno et al. 2019, https://arxiv.org/abs/1902.03680
    """

    score = "dice"
    confusion_: Tensor

    def __init__(self, n_raters: int, *, pull: float = 0.01) -> None:
        self.n_raters, self.pull = n_raters, pull

    def build(self, plan: Plan) -> nn.Module:
        """Make the U-Net of a plan, with a matrix for each rater."""
        return Matrices(build_network(plan), self.n_raters, plan.n_classes)

    def keep(self, network: nn.Module) -> nn.Module:
        """Return the network of the truth; the matrices stay here."""
        trained = cast(Matrices, network)
        self.confusion_ = trained.confusion().detach().cpu()
        return trained.backbone

    def loss(
        self, network: nn.Module, images: Tensor, targets: Tensor, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Loss of the raters' masks at several resolutions, and the finest Dice of the truth."""
        with step.device.autocast():
            logits = network(images)
        confusion: Tensor = unwrapped(network).confusion()
        if step.fraction < ALONE:
            confusion = confusion.detach()

        def each(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
            return rater_loss(logits, targets, confusion)

        loss, dice = deep_loss(logits, targets, each)
        diagonal = confusion.diagonal(dim1=1, dim2=2).mean()
        return loss + self.pull * diagonal, dice


def rater_loss(logits: Tensor, targets: Tensor, confusion: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy and Dice of what raters drew against what they are held to draw.

    Parameters
    ----------
    logits : tensor of shape (N, K, *spatial)
        Of the truth.
    targets : tensor of shape (N, R * K, *spatial)
        Shares of each rater's classes; where a rater has none, they have no part in
        the loss.
    confusion : tensor of shape (R, K, K)
        ``[rater, true, drawn]``, rows sum to 1.

    Returns
    -------
    loss, dice : tensor
        Cross-entropy of the raters' classes, and Dice of the truth with what it is held to be
        given all raters (as in STAPLE, with the network for a prior). The Dice of raters' masks
        would bend the matrices: for a rater who leaves out 40 % by chance they said 22 %.
    """
    n_raters, n_classes, _ = confusion.shape
    truth = torch.softmax(logits.float(), dim=1)
    drawn = targets.reshape(len(targets), n_raters, n_classes, *targets.shape[2:])
    held = torch.einsum("nt...,rtd->nrd...", truth, confusion)
    cross_entropy = -(drawn * held.clamp_min(SMOOTH).log()).sum() / drawn.sum().clamp_min(1)
    with torch.no_grad():
        votes = torch.einsum("nrd...,rtd->nt...", drawn, confusion.clamp_min(SMOOTH).log())
        consensus = torch.softmax(truth.clamp_min(SMOOTH).log() + votes, dim=1)
    dice = soft_dice(truth, consensus).mean()
    return cross_entropy + 1 - dice, dice.detach()
