"""Which places of the network answer for which object."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from suffice.nets.yolo.boxes import pairwise_iou

# As in YOLOv8; the paper has 1 and 6, and 13 places.
SCORE_POWER, OVERLAP_POWER, N_PLACES = 0.5, 6.0, 10
# Objects smaller than the finest stride might hold no place at all.
LEAST_SIDE = 8.0
# Far below the sixth power of any overlap, so that small objects, which boxes hardly overlap at
# first, have places of full weight from the start.
_TINY = 1e-30


@dataclass(frozen=True)
class Assignment:
    """What each place answers for.

    Parameters
    ----------
    objects : integer tensor of shape (P,)
        Index of the object, -1 for the background.
    weights : float tensor of shape (P,)
        The score that the place should give, 0 for the background.
    """

    objects: Tensor
    weights: Tensor


@torch.no_grad()
def assign(
    scores: Tensor, boxes: Tensor, centres: Tensor, truth: Tensor, classes: Tensor
) -> Assignment:
    """Give each object the places that say its class and its box best (TOOD).

    Parameters
    ----------
    scores : tensor of shape (P, K)
        Between 0 and 1.
    boxes : tensor of shape (P, 4)
        That the network proposes now.
    centres : tensor of shape (P, 2)
        Of the places, as ``(x, y)``; a place answers for no object that it lies outside of.
    truth : tensor of shape (n, 4)
    classes : integer tensor of shape (n,)

    References
    ----------
    .. [1] Feng et al., ICCV 2021, https://arxiv.org/abs/2108.07755
    """
    n, n_places = len(truth), len(boxes)
    if n == 0:
        nobody = torch.full((n_places,), -1, device=boxes.device)
        return Assignment(nobody, torch.zeros(n_places, device=boxes.device))
    overlap = pairwise_iou(truth, boxes)
    inside = _inside(centres, truth)
    fit = scores.T[classes] ** SCORE_POWER * overlap**OVERLAP_POWER
    # At first no box may overlap: then places inside are still before those outside.
    best = ((fit + _TINY) * inside).topk(min(N_PLACES, n_places), dim=1).indices
    chosen = torch.zeros_like(inside).scatter_(1, best, value=True) & inside
    # A place that several objects ask for goes to the one that it overlaps most.
    owner = torch.where(chosen, overlap, -torch.ones_like(overlap)).argmax(0)
    owned = chosen.any(0)
    columns = torch.arange(n_places, device=boxes.device)
    kept = torch.zeros_like(chosen)
    kept[owner[owned], columns[owned]] = True
    fit, overlap = fit * kept, overlap * kept
    weights = fit / (fit.amax(1, keepdim=True) + _TINY) * overlap.amax(1, keepdim=True)
    return Assignment(torch.where(owned, owner, -1), weights.sum(0))


def _inside(centres: Tensor, truth: Tensor) -> Tensor:
    """Whether each place lies in each box, ``(n, P)``; tiny boxes are grown first."""
    grow = ((LEAST_SIDE - (truth[:, 2:] - truth[:, :2])) / 2).clamp_min(0)
    low, high = truth[:, :2] - grow, truth[:, 2:] + grow
    return ((centres > low[:, None]) & (centres < high[:, None])).all(-1)
