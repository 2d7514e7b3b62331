"""Building blocks of the YOLOv8 family, from their published descriptions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# What published weights were trained with. They also had running averages of 0.03, which a
# training of minutes would leave near their start.
EPSILON, MOMENTUM = 1e-3, 0.1


class ConvAct(nn.Module):
    """Convolution, batch norm and SiLU (Elfwing 2018, doi 10.1016/j.neunet.2017.12.012)."""

    def __init__(self, n_in: int, n_out: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, kernel, stride, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(n_out, eps=EPSILON, momentum=MOMENTUM)
        self.activation = nn.SiLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, C, Y, X)`` to ``(N, C', Y / stride, X / stride)``."""
        out: Tensor = self.activation(self.norm(self.conv(x)))
        return out


class Bottleneck(nn.Module):
    """Two 3x3 convolutions of equal width, with a shortcut in the backbone."""

    def __init__(self, width: int, *, shortcut: bool) -> None:
        super().__init__()
        self.first, self.second = ConvAct(width, width, 3), ConvAct(width, width, 3)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        out: Tensor = self.second(self.first(x))
        return x + out if self.shortcut else out


class SplitBlock(nn.Module):
    """A cross-stage partial block that keeps the output of every bottleneck ("C2f").

    After CSPNet (Wang 2020, arXiv 1911.11929) and ELAN (Wang 2022, arXiv 2211.04800): one half
    of the channels passes by, the other goes through the bottlenecks one after another, and all
    that came out on the way is mixed.
    """

    def __init__(self, n_in: int, n_out: int, n_blocks: int, *, shortcut: bool) -> None:
        super().__init__()
        half = n_out // 2
        self.enter = ConvAct(n_in, 2 * half)
        self.leave = ConvAct((2 + n_blocks) * half, n_out)
        self.blocks = nn.ModuleList(Bottleneck(half, shortcut=shortcut) for _ in range(n_blocks))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, C, Y, X)`` to ``(N, C', Y, X)``."""
        parts = list(self.enter(x).chunk(2, dim=1))
        for block in self.blocks:
            parts.append(block(parts[-1]))
        out: Tensor = self.leave(torch.cat(parts, dim=1))
        return out


class PyramidPooling(nn.Module):
    """Spatial pyramid pooling by pooling thrice in a row ("SPPF").

    Windows of 5, 9 and 13 voxels, as of He 2015 (arXiv 1406.4729), at the price of three of 5.
    """

    def __init__(self, n_in: int, n_out: int, window: int = 5) -> None:
        super().__init__()
        self.enter = ConvAct(n_in, n_in // 2)
        self.leave = ConvAct(4 * (n_in // 2), n_out)
        self.pool = nn.MaxPool2d(window, stride=1, padding=window // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, C, Y, X)`` to ``(N, C', Y, X)``."""
        parts = [self.enter(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        out: Tensor = self.leave(torch.cat(parts, dim=1))
        return out
