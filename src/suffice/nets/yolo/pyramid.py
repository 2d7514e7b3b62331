"""Features at strides of 8, 16 and 32: a backbone, and a neck that passes them up and down."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suffice.nets.yolo.blocks import ConvAct, PyramidPooling, SplitBlock


class Backbone(nn.Module):
    """Five halvings of the resolution; the last three are given on.

    Parameters
    ----------
    in_channels : int
    widths : sequence of 5 int
        Channels at strides of 2, 4, 8, 16 and 32.
    depths : sequence of 4 int
        Bottlenecks at strides of 4, 8, 16 and 32.
    """

    def __init__(self, in_channels: int, widths: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        self.stem = ConvAct(in_channels, widths[0], 3, 2)
        self.stages = nn.ModuleList(
            nn.Sequential(
                ConvAct(n_in, n_out, 3, 2), SplitBlock(n_out, n_out, depth, shortcut=True)
            )
            for n_in, n_out, depth in zip(widths[:-1], widths[1:], depths, strict=True)
        )
        self.pooling = PyramidPooling(widths[-1], widths[-1])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give features at strides of 8, 16 and 32."""
        x = self.stages[0](self.stem(x))
        fine = self.stages[1](x)
        middle = self.stages[2](fine)
        return fine, middle, self.pooling(self.stages[3](middle))


class Neck(nn.Module):
    """A path aggregation network (Liu 2018, arXiv 1803.01534): down the pyramid, then up again.

    Parameters
    ----------
    widths : sequence of 3 int
        Channels at strides of 8, 16 and 32, of what comes and of what goes.
    depth : int
        Bottlenecks of each block.
    """

    def __init__(self, widths: Sequence[int], depth: int) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.down_middle = SplitBlock(coarse + middle, middle, depth, shortcut=False)
        self.down_fine = SplitBlock(middle + fine, fine, depth, shortcut=False)
        self.reduce_fine = ConvAct(fine, fine, 3, 2)
        self.up_middle = SplitBlock(fine + middle, middle, depth, shortcut=False)
        self.reduce_middle = ConvAct(middle, middle, 3, 2)
        self.up_coarse = SplitBlock(middle + coarse, coarse, depth, shortcut=False)

    def forward(self, features: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Mix features at strides of 8, 16 and 32, shapes kept."""
        fine, middle, coarse = features
        middle = self.down_middle(torch.cat([_doubled(coarse), middle], dim=1))
        fine = self.down_fine(torch.cat([_doubled(middle), fine], dim=1))
        middle = self.up_middle(torch.cat([self.reduce_fine(fine), middle], dim=1))
        coarse = self.up_coarse(torch.cat([self.reduce_middle(middle), coarse], dim=1))
        return fine, middle, coarse


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
