"""The networks of nnU-Net v2 in our own terms, so that what it trained gives the same logits here.

Their convolutions have a bias before an instance norm, which takes it out again; so ours have
none, and what is left of a checkpoint gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from suffice.core import UsageError
from suffice.nets.unet import CONVOLUTION, ConvNorm, PlainBlock, ResidualBlock, pointwise

TRANSPOSED: dict[int, type[nn.Module]] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
AVERAGE: dict[int, type[nn.Module]] = {2: nn.AvgPool2d, 3: nn.AvgPool3d}


class PooledResidualBlock(ResidualBlock):
    """A residual block whose shortcut pools before it projects.

    References
    ----------
    He et al. 2019, "Bag of tricks", https://arxiv.org/abs/1812.01187 (ResNet-D)
    """

    def __init__(
        self, ndim: int, n_in: int, n_out: int, *, kernel: Sequence[int], stride: Sequence[int]
    ) -> None:
        super().__init__(ndim, n_in, n_out, kernel=kernel, stride=stride)
        self.pool: nn.Module = nn.Identity()
        if max(stride) > 1:
            self.pool = AVERAGE[ndim](tuple(stride), tuple(stride))
        self.shortcut = nn.Identity()
        if n_in != n_out:
            self.shortcut = ConvNorm(ndim, n_in, n_out, kernel=(1,) * ndim, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, C, *spatial)`` to ``(N, C', *spatial / stride)``."""
        out: Tensor = self.activation(self.body(x) + self.shortcut(self.pool(x)))
        return out


class NnUNet(nn.Module):
    """PlainConvUNet and ResidualEncoderUNet of dynamic_network_architectures.

    Parameters
    ----------
    ndim : {2, 3}
    in_channels, n_classes : int
        ``n_classes`` counts the background.
    widths : sequence of int
        Channels at each resolution, the finest first; multiples of 8.
    strides : sequence of tuple of int
        How each resolution but the finest is reached from the one above.
    kernels : sequence of tuple of int
        At each resolution.
    blocks : sequence of int
        At each resolution: convolutions of a plain encoder, blocks of two of a residual one.
    decoder_convs : sequence of int
        Convolutions of the decoder at each resolution but the coarsest.
    encoder : {"residual", "plain"}
    n_heads : int
        Resolutions, the finest first, that give logits in training (deep supervision).

    Raises
    ------
    UsageError
        If a width is not a multiple of 8.

    References
    ----------
    Isensee et al. 2021, https://doi.org/10.1038/s41592-020-01008-z
    Isensee et al. 2024, https://arxiv.org/abs/2404.09556 (residual encoders)
    """

    def __init__(
        self,
        *,
        ndim: int,
        in_channels: int,
        n_classes: int,
        widths: Sequence[int],
        strides: Sequence[Sequence[int]],
        kernels: Sequence[Sequence[int]],
        blocks: Sequence[int],
        decoder_convs: Sequence[int],
        encoder: str = "plain",
        n_heads: int = 1,
    ) -> None:
        super().__init__()
        if any(width % 8 for width in widths):
            raise UsageError("A network's channels come in multiples of 8", got=tuple(widths))
        self.n_classes = n_classes
        is_residual = encoder == "residual"
        n_in = in_channels
        self.stem: nn.Module = nn.Identity()
        if is_residual:
            self.stem = ConvNorm(ndim, in_channels, widths[0], kernel=kernels[0])
            n_in = widths[0]
        self.encoder = nn.ModuleList()
        stage = _residual_stage if is_residual else _plain_stage
        for level, stride in enumerate([(1,) * ndim, *strides]):
            self.encoder.append(
                stage(ndim, n_in, widths[level], kernels[level], stride, blocks[level])
            )
            n_in = widths[level]
        self.lifts, self.decoder, self.heads = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for level, stride in enumerate(strides):
            step = tuple(stride)
            self.lifts.append(TRANSPOSED[ndim](widths[level + 1], widths[level], step, step))
            self.decoder.append(
                PlainBlock(
                    ndim,
                    2 * widths[level],
                    widths[level],
                    kernel=kernels[level],
                    n_convs=decoder_convs[level],
                )
            )
            if level < n_heads:
                self.heads.append(CONVOLUTION[ndim](widths[level], n_classes, (1,) * ndim))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Give logits ``(N, K, *spatial)``, the finest first; coarser ones only in training."""
        skips = []
        x = self.stem(x)
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        logits: list[Tensor] = []
        for level in range(len(self.decoder) - 1, -1, -1):
            x = self.decoder[level](torch.cat([self.lifts[level](x), skips[level]], dim=1))
            if level == 0 or (self.training and level < len(self.heads)):
                logits.insert(0, pointwise(self.heads[level], x))
        return logits


def _residual_stage(
    ndim: int, n_in: int, n_out: int, kernel: Sequence[int], stride: Sequence[int], n: int
) -> nn.Sequential:
    first = PooledResidualBlock(ndim, n_in, n_out, kernel=kernel, stride=stride)
    same = (1,) * ndim
    rest = [
        PooledResidualBlock(ndim, n_out, n_out, kernel=kernel, stride=same) for _ in range(n - 1)
    ]
    return nn.Sequential(first, *rest)


def _plain_stage(
    ndim: int, n_in: int, n_out: int, kernel: Sequence[int], stride: Sequence[int], n: int
) -> nn.Sequential:
    return PlainBlock(ndim, n_in, n_out, kernel=kernel, n_convs=n, stride=stride)
