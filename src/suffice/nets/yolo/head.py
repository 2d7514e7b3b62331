"""What is said of every place: a box, classes, and how its mask is mixed from prototypes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from suffice.nets.yolo.blocks import ConvAct

# Distances to the sides of a box are distributions over 0 to 15 strides.
N_BINS = 16
N_PROTOTYPES = 32
STRIDES = (8, 16, 32)


class Prototypes(nn.Module):
    """Images at a stride of 4 that masks are mixed from (YOLACT, Bolya 2019, arXiv 1904.02689)."""

    def __init__(self, n_in: int, width: int) -> None:
        super().__init__()
        self.first = ConvAct(n_in, width, 3)
        self.upsample = nn.ConvTranspose2d(width, width, 2, 2)
        self.second = ConvAct(width, width, 3)
        self.last = ConvAct(width, N_PROTOTYPES)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, C, Y, X)`` to ``(N, 32, 2 Y, 2 X)``."""
        out: Tensor = self.last(self.second(self.upsample(self.first(x))))
        return out


class Head(nn.Module):
    """A decoupled head without anchors at each of three resolutions.

    Parameters
    ----------
    widths : sequence of 3 int
        Channels of the features at strides of 8, 16 and 32.
    n_classes : int
        Structures, the background left out.
    class_width, prototype_width : int
        Channels of the branch of classes and of the prototypes'.
    """

    def __init__(
        self, widths: Sequence[int], *, n_classes: int, class_width: int, prototype_width: int
    ) -> None:
        super().__init__()
        box_width = max(16, widths[0] // 4, 4 * N_BINS)
        mask_width = max(widths[0] // 4, N_PROTOTYPES)
        self.boxes = nn.ModuleList(_branch(n, box_width, 4 * N_BINS) for n in widths)
        self.classes = nn.ModuleList(_branch(n, class_width, n_classes) for n in widths)
        self.coefficients = nn.ModuleList(_branch(n, mask_width, N_PROTOTYPES) for n in widths)
        self.prototypes = Prototypes(widths[0], prototype_width)
        self._start_sparse(n_classes)

    def _start_sparse(self, n_classes: int) -> None:
        """Begin with boxes of some strides and few objects, or the first steps unlearn crowds."""
        for boxes, classes, stride in zip(self.boxes, self.classes, STRIDES, strict=True):
            nn.init.ones_(_last_bias(boxes))
            # Some five objects in a picture of 640 x 640.
            odds = 5 / n_classes / (640 / stride) ** 2
            nn.init.constant_(_last_bias(classes), math.log(odds))

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Give, for all places of the three resolutions in a row, boxes, classes and coefficients.

        Returns
        -------
        boxes : tensor of shape (N, 64, P)
            Logits of the distances left, up, right and down, 16 each.
        classes : tensor of shape (N, K, P)
            Logits of each structure on its own.
        coefficients : tensor of shape (N, 32, P)
        prototypes : tensor of shape (N, 32, Y / 4, X / 4)
        """
        boxes, classes, coefficients = (
            torch.cat([branch(x).flatten(2) for branch, x in zip(part, features, strict=True)], 2)
            for part in (self.boxes, self.classes, self.coefficients)
        )
        return boxes, classes, coefficients, self.prototypes(features[0])


def _last_bias(branch: nn.Module) -> Tensor:
    return cast("Tensor", list(branch.parameters())[-1])


def _branch(n_in: int, width: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(
        ConvAct(n_in, width, 3), ConvAct(width, width, 3), nn.Conv2d(width, n_out, 1)
    )
