"""What a training of objects minimises: classes, boxes, their distributions and masks."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from suffice.nets.yolo import Raw, decode_boxes
from suffice.nets.yolo.boxes import complete_iou
from suffice.nets.yolo.decode import places
from suffice.nets.yolo.head import N_BINS
from suffice.training.instances.assignment import assign
from suffice.training.instances.batches import Objects

CLASS_GAIN, BOX_GAIN, DISTANCE_GAIN, MASK_GAIN = 0.5, 7.5, 1.5, 7.5
MASK_STRIDE = 4


def instance_loss(
    raw: Raw, truth: Sequence[Objects], shape: tuple[int, int]
) -> tuple[Tensor, dict[str, float]]:
    """Loss of a batch, and its parts with the Dice of the masks within their boxes.

    Parameters
    ----------
    raw : Raw
    truth : sequence of Objects
        Of each picture of the batch.
    shape : tuple of int
        Of the pictures.
    """
    centres, strides = (t.to(raw.boxes.device) for t in _places(shape))
    zero = raw.boxes.float().sum() * 0
    parts = {"classes": zero, "box": zero, "distances": zero, "mask": zero, "dice": zero}
    total_weight, n_masks = zero.detach(), 0
    for i, objects in enumerate(truth):
        logits = raw.classes[i].mT.float()
        distances = raw.boxes[i].mT.float()
        boxes = decode_boxes(distances, centres, strides)
        found = assign(logits.sigmoid(), boxes, centres, objects.boxes, objects.classes)
        goal = torch.zeros_like(logits)
        own = found.objects >= 0
        index = found.objects[own]
        goal[own, objects.classes[index]] = found.weights[own]
        parts["classes"] = parts["classes"] + F.binary_cross_entropy_with_logits(
            logits, goal, reduction="sum"
        )
        total_weight = total_weight + found.weights.sum()
        if not len(index):
            continue
        weights, wanted = found.weights[own], objects.boxes[index]
        apart = 1 - complete_iou(boxes[own], wanted)
        parts["box"] = parts["box"] + (apart * weights).sum()
        bins = distance_loss(distances[own], wanted, centres[own], strides[own])
        parts["distances"] = parts["distances"] + (bins * weights).sum()
        coefficients = raw.coefficients[i].mT[own].float()
        mask, dice = mask_loss(coefficients, raw.prototypes[i].float(), objects, index)
        parts["mask"], parts["dice"] = parts["mask"] + mask.sum(), parts["dice"] + dice.sum()
        n_masks += len(index)
    norm = total_weight.clamp_min(1.0)
    parts = {
        name: value / (max(n_masks, 1) if name in ("mask", "dice") else norm)
        for name, value in parts.items()
    }
    total = (
        CLASS_GAIN * parts["classes"]
        + BOX_GAIN * parts["box"]
        + DISTANCE_GAIN * parts["distances"]
        + MASK_GAIN * parts["mask"]
    )
    return total, {name: float(value.detach()) for name, value in parts.items()}


_places = functools.lru_cache(maxsize=8)(places)


def distance_loss(logits: Tensor, boxes: Tensor, centres: Tensor, strides: Tensor) -> Tensor:
    """Distribution focal loss, the mean of the four sides (Li 2020, arXiv 2006.04388).

    Parameters
    ----------
    logits : tensor of shape (n, 64)
    boxes : tensor of shape (n, 4)
        That the distances should lead to.
    centres, strides : tensor of shape (n, 2), (n,)

    Returns
    -------
    tensor of shape (n,)
    """
    wanted = torch.cat([centres - boxes[:, :2], boxes[:, 2:] - centres], dim=1) / strides[:, None]
    wanted = wanted.clamp(0, N_BINS - 1 - 0.01)
    lower = wanted.floor()
    upper_share = wanted - lower
    log_p = logits.reshape(-1, 4, N_BINS).log_softmax(-1)
    below = log_p.gather(-1, lower.long()[..., None])[..., 0]
    above = log_p.gather(-1, lower.long()[..., None] + 1)[..., 0]
    return -(below * (1 - upper_share) + above * upper_share).mean(-1)


def mask_loss(
    coefficients: Tensor, prototypes: Tensor, objects: Objects, index: Tensor
) -> tuple[Tensor, Tensor]:
    """Cross-entropy and Dice of masks within their boxes.

    The goal of a pixel of the prototypes is the object's share of it, so that borders are learned
    more finely than the stride.

    Parameters
    ----------
    coefficients : tensor of shape (n, 32)
    prototypes : tensor of shape (32, Y / 4, X / 4)
    objects : Objects
    index : integer tensor of shape (n,)
        The object of each mask.

    Returns
    -------
    loss, dice : tensor of shape (n,)
    """
    shares = object_shares(objects)[index]
    inside = _in_boxes(objects.boxes / MASK_STRIDE, prototypes.shape[1:])[index]
    logits = torch.einsum("np,pyx->nyx", coefficients, prototypes)
    loss = F.binary_cross_entropy_with_logits(logits, shares, reduction="none")
    n_inside = inside.sum((1, 2)).clamp_min(1)
    with torch.no_grad():
        p = logits.sigmoid() * inside
        dice = 2 * (p * shares).sum((1, 2)) / ((p + shares * inside).sum((1, 2)) + 1e-6)
    return (loss * inside).sum((1, 2)) / n_inside, dice


def object_shares(objects: Objects) -> Tensor:
    """Share that each object has in each pixel of the prototypes, ``(n, Y / 4, X / 4)``."""
    numbers = torch.arange(1, len(objects.boxes) + 1, device=objects.numbers.device)
    rows, columns = (n // MASK_STRIDE for n in objects.numbers.shape)
    shares = torch.zeros(len(numbers), rows, columns, device=numbers.device)
    for y in range(MASK_STRIDE):
        for x in range(MASK_STRIDE):
            part = objects.numbers[y::MASK_STRIDE, x::MASK_STRIDE]
            shares += part[None] == numbers[:, None, None]
    return shares / MASK_STRIDE**2


def _in_boxes(boxes: Tensor, shape: torch.Size) -> Tensor:
    """Whether each pixel is touched by each box, ``(n, *shape)``."""
    rows, columns = (torch.arange(n, device=boxes.device) for n in shape)
    left, top, right, bottom = boxes[:, :, None].unbind(1)
    in_rows = (rows + 1 > top) & (rows < bottom)
    in_columns = (columns + 1 > left) & (columns < right)
    return in_rows[:, :, None] & in_columns[:, None, :]
