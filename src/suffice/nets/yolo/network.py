"""The whole network, in the sizes of the YOLOv8 family."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from suffice.core import UsageError
from suffice.nets.yolo.head import Head
from suffice.nets.yolo.pyramid import Backbone, Neck

# Multiples of depth and width, and the most channels before the multiple is taken.
SIZES = {
    "n": (1 / 3, 0.25, 1024),
    "s": (1 / 3, 0.50, 1024),
    "m": (2 / 3, 0.75, 768),
    "l": (1.0, 1.00, 512),
    "x": (1.0, 1.25, 512),
}
_WIDTHS, _DEPTHS, _NECK_DEPTH, _PROTOTYPES = (64, 128, 256, 512, 1024), (3, 6, 6, 3), 3, 256
LARGEST_STRIDE = 32


class Raw(NamedTuple):
    """Outputs of the head: see `suffice.nets.yolo.head.Head`."""

    boxes: Tensor
    classes: Tensor
    coefficients: Tensor
    prototypes: Tensor


@dataclass(frozen=True, kw_only=True)
class YoloShape:
    """What makes two networks take the same weights.

    Parameters
    ----------
    size : {"n", "s", "m", "l", "x"}
    in_channels : int
    n_classes : int
        Structures, the background left out.
    class_width : int, optional
        Channels of the branch of classes; by default as many as a network of ``n_classes`` has.
    """

    size: str = "n"
    in_channels: int = 3
    n_classes: int = 1
    class_width: int | None = None

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise UsageError("Unknown size of YOLO", got=self.size, expected=", ".join(SIZES))

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels at strides of 2, 4, 8, 16 and 32."""
        return tuple(self._width(n) for n in _WIDTHS)

    @property
    def depths(self) -> tuple[int, ...]:
        """Bottlenecks at strides of 4, 8, 16 and 32."""
        return tuple(self._depth(n) for n in _DEPTHS)

    @property
    def neck_depth(self) -> int:
        """Bottlenecks of each block of the neck."""
        return self._depth(_NECK_DEPTH)

    @property
    def prototype_width(self) -> int:
        """Channels of the prototypes' branch."""
        return self._width(_PROTOTYPES)

    def _width(self, n: int) -> int:
        _, multiple, most = SIZES[self.size]
        return math.ceil(min(n, most) * multiple / 8) * 8

    def _depth(self, n: int) -> int:
        return max(1, round(n * SIZES[self.size][0]))


class Yolo(nn.Module):
    """A backbone, a neck and a head (Redmon 2016, arXiv 1506.02640; sizes as of YOLOv8).

    Examples
    --------
    >>> import torch
    >>> raw = Yolo(YoloShape(n_classes=2)).eval()(torch.zeros(1, 3, 64, 96))
    >>> tuple(raw.boxes.shape), tuple(raw.prototypes.shape)
    ((1, 64, 126), (1, 32, 16, 24))
    """

    def __init__(self, shape: YoloShape) -> None:
        super().__init__()
        self.shape = shape
        self.backbone = Backbone(shape.in_channels, shape.widths, shape.depths)
        self.neck = Neck(shape.widths[2:], shape.neck_depth)
        class_width = shape.class_width or max(shape.widths[2], min(shape.n_classes, 100))
        self.head = Head(
            shape.widths[2:],
            n_classes=shape.n_classes,
            class_width=class_width,
            prototype_width=shape.prototype_width,
        )

    def forward(self, x: Tensor) -> Raw:
        """Look at ``(N, C, Y, X)``, whose sides are multiples of 32."""
        return Raw(*self.head(self.neck(self.backbone(x))))
