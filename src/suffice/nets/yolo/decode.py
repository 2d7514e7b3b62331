"""From the head's logits to boxes, scores and masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from suffice.nets.yolo.boxes import pairwise_iou
from suffice.nets.yolo.head import N_BINS, STRIDES
from suffice.nets.yolo.network import Raw

# More candidates than this make the table of all pairs too large.
MOST_CANDIDATES = 4096


@dataclass(frozen=True)
class Detections:
    """Objects found in one picture, the surest first.

    Parameters
    ----------
    boxes : tensor of shape (n, 4)
        Left, top, right and bottom in pixels of what the network saw.
    scores : tensor of shape (n,)
    classes : integer tensor of shape (n,)
        From 0 on, the background left out.
    coefficients : tensor of shape (n, 32)
    """

    boxes: Tensor
    scores: Tensor
    classes: Tensor
    coefficients: Tensor

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, index: Tensor) -> Detections:
        """Keep the objects of an index or a mask."""
        return Detections(
            self.boxes[index], self.scores[index], self.classes[index], self.coefficients[index]
        )


def places(shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Centres ``(P, 2)`` as ``(x, y)`` in pixels of all places of a picture, and strides ``(P,)``.

    Examples
    --------
    >>> centres, strides = places((32, 32))
    >>> centres[:2].tolist(), strides.unique().tolist()
    ([[4.0, 4.0], [12.0, 4.0]], [8.0, 16.0, 32.0])
    """
    centres, strides = [], []
    for stride in STRIDES:
        y, x = (torch.arange(n // stride) + 0.5 for n in shape)
        grid = torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1).flip(-1)
        centres.append(grid.reshape(-1, 2) * stride)
        strides.append(torch.full((len(y) * len(x),), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def expected_distances(logits: Tensor) -> Tensor:
    """Mean of the distributions over 0 to 15 strides, ``(..., 64)`` to ``(..., 4)``.

    Of the generalised focal loss (Li 2020, arXiv 2006.04388).
    """
    bins = torch.arange(N_BINS, dtype=torch.float32, device=logits.device)
    shares = logits.float().reshape(*logits.shape[:-1], 4, N_BINS).softmax(-1)
    return shares @ bins


def decode_boxes(logits: Tensor, centres: Tensor, strides: Tensor) -> Tensor:
    """Boxes in pixels from logits of shape ``(..., P, 64)``."""
    distances = expected_distances(logits) * strides[:, None]
    return torch.cat([centres - distances[..., :2], centres + distances[..., 2:]], dim=-1)


def suppress(
    boxes: Tensor, scores: Tensor, classes: Tensor, *, most_overlap: float = 0.7
) -> Tensor:
    """Keep, from the surest on, each box that no kept one of its class overlaps by more.

    Parameters
    ----------
    boxes : tensor of shape (n, 4)
    scores, classes : tensor of shape (n,)
    most_overlap : float
        Intersection over union.

    Returns
    -------
    integer tensor
        Index of the boxes that are kept, the surest first.

    Examples
    --------
    >>> boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]])
    >>> suppress(boxes, torch.tensor([0.8, 0.9, 0.7]), torch.zeros(3)).tolist()
    [1, 2]
    """
    order = scores.argsort(descending=True, stable=True)[:MOST_CANDIDATES]
    same = classes[order][:, None] == classes[order][None]
    rivals = ((pairwise_iou(boxes[order], boxes[order]) > most_overlap) & same).cpu().numpy()
    alive = torch.ones(len(order), dtype=torch.bool).numpy()
    kept = []
    for i in range(len(order)):
        if alive[i]:
            kept.append(i)
            alive &= ~rivals[i]
    return order[torch.tensor(kept, dtype=torch.long, device=order.device)]


def detect(
    raw: Raw, shape: Sequence[int], *, least_score: float, most_overlap: float = 0.7
) -> list[Detections]:
    """Find the objects of each picture of a batch of the given shape."""
    device = raw.boxes.device
    centres, strides = (t.to(device) for t in places(shape))
    found = []
    for boxes, classes, coefficients in zip(
        raw.boxes.mT, raw.classes.mT, raw.coefficients.mT, strict=True
    ):
        scores, best = classes.float().sigmoid().max(-1)
        sure = scores >= least_score
        candidates = Detections(
            decode_boxes(boxes[sure], centres[sure], strides[sure]),
            scores[sure],
            best[sure],
            coefficients[sure].float(),
        )
        kept = suppress(
            candidates.boxes, candidates.scores, candidates.classes, most_overlap=most_overlap
        )
        found.append(candidates.take(kept))
    return found
