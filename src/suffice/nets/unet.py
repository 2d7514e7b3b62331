"""A U-Net in two or three dimensions with a residual or a plain encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from suffice.core import UsageError
from suffice.nets.norm import InstanceNormAct

CONVOLUTION: dict[int, type[nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}
SLOPE = 0.01
UPSAMPLING = {2: "bilinear", 3: "trilinear"}


class ConvNorm(nn.Sequential):
    """Convolution, instance norm and, unless ``activate`` is false, a leaky ReLU."""

    def __init__(
        self,
        ndim: int,
        n_in: int,
        n_out: int,
        *,
        kernel: Sequence[int],
        stride: Sequence[int] | None = None,
        activate: bool = True,
    ) -> None:
        layers: list[nn.Module] = [
            CONVOLUTION[ndim](
                n_in,
                n_out,
                tuple(kernel),
                stride=tuple(stride or (1,) * ndim),
                padding=tuple(k // 2 for k in kernel),
                bias=False,
            ),
            InstanceNormAct(n_out, slope=SLOPE if activate else 1.0),
        ]
        super().__init__(*layers)


def pointwise(conv: nn.Module, x: Tensor) -> Tensor:
    """Apply a 1x1 convolution as a matrix product: ten times as fast on channels-last CPUs."""
    if x.device.type != "cpu":
        return cast("Tensor", conv(x))
    weight, bias = cast("Tensor", conv.weight), cast("Tensor | None", conv.bias)
    return nn.functional.linear(x.movedim(1, -1), weight.flatten(1), bias).movedim(-1, 1)


class Shortcut(ConvNorm):
    """A strided 1x1 convolution and instance norm."""

    def __init__(self, ndim: int, n_in: int, n_out: int, *, stride: Sequence[int]) -> None:
        super().__init__(ndim, n_in, n_out, kernel=(1,) * ndim, stride=stride, activate=False)
        self.stride = tuple(stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, C, *spatial)`` to ``(N, C', *spatial / stride)``."""
        conv, norm = self
        if x.device.type != "cpu" or x.ndim != 4:
            return cast("Tensor", norm(conv(x)))
        # Of 8 channels of a picture, channels-last, with AVX-512: torch 2.13 wrote outside its
        # memory in the backward pass of the strided convolution and took Python with it.
        down, across = self.stride
        return cast("Tensor", norm(pointwise(conv, x[:, :, ::down, ::across])))


class PlainBlock(nn.Sequential):
    """``n_convs`` convolutions one after another; the first takes the stride."""

    def __init__(
        self,
        ndim: int,
        n_in: int,
        n_out: int,
        *,
        kernel: Sequence[int],
        n_convs: int = 2,
        stride: Sequence[int] | None = None,
    ) -> None:
        first = ConvNorm(ndim, n_in, n_out, kernel=kernel, stride=stride)
        rest = [ConvNorm(ndim, n_out, n_out, kernel=kernel) for _ in range(n_convs - 1)]
        super().__init__(first, *rest)


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut (He et al. 2016, doi 10.1109/CVPR.2016.90)."""

    def __init__(
        self, ndim: int, n_in: int, n_out: int, *, kernel: Sequence[int], stride: Sequence[int]
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ConvNorm(ndim, n_in, n_out, kernel=kernel, stride=stride),
            ConvNorm(ndim, n_out, n_out, kernel=kernel, activate=False),
        )
        # A strided 1x1 convolution, not pooling: torch's pooling of volumes leaves channels-last.
        self.shortcut: nn.Module = nn.Identity()
        if n_in != n_out or max(stride) > 1:
            self.shortcut = Shortcut(ndim, n_in, n_out, stride=stride)
        self.activation = nn.LeakyReLU(SLOPE, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, C, *spatial)`` to ``(N, C', *spatial / stride)``."""
        out: Tensor = self.activation(self.body(x) + self.shortcut(x))
        return out


ENCODERS: dict[str, type[PlainBlock] | type[ResidualBlock]] = {
    "residual": ResidualBlock,
    "plain": PlainBlock,
}


class UNet(nn.Module):
    """An encoder and decoder with skips (Ronneberger 2015, doi 10.1007/978-3-319-24574-4_28).

    Parameters
    ----------
    ndim : {2, 3}
    in_channels, n_classes : int
        ``n_classes`` counts the background.
    widths : sequence of int
        Channels at each resolution, the finest first; multiples of 8.
    strides : sequence of tuple of int
        How each resolution but the finest is reached from the one above, axis by axis.
    blocks : sequence of int
        Blocks of the encoder at each resolution, of two convolutions each.
    encoder : {"residual", "plain"}
        Whether a block has a shortcut around it.
    decoder_convs : int
        Convolutions of the decoder at each resolution.
    n_heads : int
        Resolutions, the finest first, that give logits in training (deep supervision).

    Raises
    ------
    UsageError
        If a width is not a multiple of 8.
    """

    def __init__(
        self,
        *,
        ndim: int,
        in_channels: int,
        n_classes: int,
        widths: Sequence[int],
        strides: Sequence[Sequence[int]],
        blocks: Sequence[int],
        encoder: str = "residual",
        decoder_convs: int = 1,
        n_heads: int = 1,
    ) -> None:
        super().__init__()
        if any(width % 8 for width in widths):
            # With 4 channels channels-last, torch 2.13 hung and corrupted its heap on AVX2.
            raise UsageError("A network's channels come in multiples of 8", got=tuple(widths))
        self.n_classes = n_classes
        self.stem = ConvNorm(ndim, in_channels, widths[0], kernel=(3,) * ndim)
        self.encoder = nn.ModuleList()
        block = ENCODERS[encoder]
        n_in = widths[0]
        for width, stride, n_blocks in zip(widths, [(1,) * ndim, *strides], blocks, strict=True):
            kernel = (3,) * ndim
            stage: list[nn.Module] = []
            for b in range(n_blocks):
                step = stride if b == 0 else (1,) * ndim
                source = n_in if b == 0 else width
                stage.append(block(ndim, source, width, kernel=kernel, stride=step))
            self.encoder.append(nn.Sequential(*stage))
            n_in = width
        self.lifts, self.decoder, self.heads = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for level in range(len(widths) - 1):
            self.lifts.append(CONVOLUTION[ndim](widths[level + 1], widths[level], (1,) * ndim))
            self.decoder.append(
                PlainBlock(
                    ndim,
                    2 * widths[level],
                    widths[level],
                    kernel=(3,) * ndim,
                    n_convs=decoder_convs,
                )
            )
            if level < n_heads:
                self.heads.append(CONVOLUTION[ndim](widths[level], n_classes, (1,) * ndim))
        self.mode = UPSAMPLING[ndim]

    def forward(self, x: Tensor) -> list[Tensor]:
        """Give logits ``(N, K, *spatial)``, the finest first; coarser ones only in training."""
        return self.decode(self.encode(x))

    def encode(self, x: Tensor) -> list[Tensor]:
        """Give the encoder's features at each resolution, the finest first."""
        features = []
        x = self.stem(x)
        for stage in self.encoder:
            x = stage(x)
            features.append(x)
        return features

    def decode(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Give logits as `forward` does, from what `encode` gives."""
        x = features[-1]
        logits: list[Tensor] = []
        for level in range(len(self.decoder) - 1, -1, -1):
            # A 1x1 convolution before the interpolation costs an eighth of one after it.
            lifted = nn.functional.interpolate(
                pointwise(self.lifts[level], x), size=features[level].shape[2:], mode=self.mode
            )
            x = self.decoder[level](torch.cat([features[level], lifted], dim=1))
            if level == 0 or (self.training and level < len(self.heads)):
                logits.insert(0, pointwise(self.heads[level], x))
        return logits
