"""Instance norm and leaky ReLU in one pass, without leaving the channels-last layout."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-5
# Voxels that are summed up at once.
BLOCK = 16384


class InstanceNormAct(nn.Module):
    """Instance norm (Ulyanov 2016, arXiv 1607.08022), then a leaky ReLU unless ``slope`` is 1.

    On a CPU torch turns channels-last tensors into contiguous ones for its instance norm, which
    makes the convolutions after it several times slower; this one keeps the layout.
    """

    def __init__(self, n_channels: int, *, slope: float = 0.01) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_channels))
        self.bias = nn.Parameter(torch.zeros(n_channels))
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``(N, C, *spatial)`` over its spatial axes."""
        if x.device.type == "cpu" and x.dtype == torch.float32:
            if not torch.is_grad_enabled():
                return _normalise(x, self.weight, self.bias, self.slope)
            out: Tensor = _FusedNorm.apply(x, self.weight, self.bias, self.slope)  # type: ignore[no-untyped-call]
            return out
        y = F.instance_norm(x, weight=self.weight, bias=self.bias, eps=EPSILON)
        return y if self.slope == 1.0 else F.leaky_relu(y, self.slope)


class SeenNormAct(InstanceNormAct):
    """Instance norm over the voxels that are seen, a leaky ReLU, and zero at all others.

    Statistics over all voxels would tell how much is hidden, and would be others than those that
    the same weights meet in whole images.

    Attributes
    ----------
    seen : tensor of shape (N, 1, *spatial)
        1 at voxels that are seen, 0 at others; set before each pass.
    """

    seen: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``(N, C, *spatial)`` over what is seen of its spatial axes."""
        with torch.autocast(x.device.type, enabled=False):
            flat, part = _channels_inside(x.float()), _channels_inside(self.seen)
            n_seen = part.sum(1, keepdim=True).clamp_min(1)
            # Sums as matrix products, which torch is faster at than at sums over an outer axis.
            centred = flat - part.mT @ flat / n_seen
            variance = part.mT @ centred.square() / n_seen
            y = torch.addcmul(self.bias, centred, torch.rsqrt(variance + EPSILON) * self.weight)
            y = F.leaky_relu(y, self.slope) * part
        return _channels_outside(y, x.shape).to(x.dtype)


def _channels_inside(x: Tensor) -> Tensor:
    """View ``(N, C, *spatial)`` as ``(N, V, C)``; no copy where ``x`` is channels-last."""
    return x.movedim(1, -1).reshape(x.shape[0], -1, x.shape[1])


def _channels_outside(flat: Tensor, shape: torch.Size) -> Tensor:
    return flat.reshape(shape[0], *shape[2:], shape[1]).movedim(-1, 1)


def _centre(flat: Tensor) -> tuple[Tensor, Tensor]:
    """Centred values and the inverse of their standard deviation, of ``(N, V, C)`` along V."""
    # Two passes: the one-pass variance cancels where the mean is large.
    centred = flat - flat.mean(1, keepdim=True)
    return centred, torch.rsqrt(_sum_products(centred, centred) / flat.shape[1] + EPSILON)


def _sum_products(a: Tensor, b: Tensor) -> Tensor:
    """Sum ``a * b`` along V, shape ``(N, 1, C)``.

    The diagonal of a matrix product: it needs C times the sums, but neither memory nor torch's
    slow reductions over an outer axis. Block by block, as a product of few channels adds its
    262,144 terms of a patch of 64 voxels one after another: the variance was off by 8e-5.
    """
    # Under autocast the product alone would be rounded to eight bits.
    with torch.autocast(a.device.type, enabled=False):
        blocks = zip(torch.split(a, BLOCK, dim=1), torch.split(b, BLOCK, dim=1), strict=True)
        products = [x.mT @ y for x, y in blocks]
        # One product of all blocks would copy them where there are several patches.
        total: Tensor = torch.stack(products).sum(0)
        return total.diagonal(dim1=1, dim2=2)[:, None]


def _normalise(x: Tensor, weight: Tensor, bias: Tensor, slope: float) -> Tensor:
    """Do what `_FusedNorm` does, in the memory of one tensor."""
    centred, inverse_sd = _centre(_channels_inside(x))
    y = centred.mul_(inverse_sd * weight).add_(bias)
    return _channels_outside(y if slope == 1.0 else F.leaky_relu_(y, slope), x.shape)


class _FusedNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, slope: float) -> Tensor:
        flat = _channels_inside(x)
        centred, inverse_sd = _centre(flat)
        y = torch.addcmul(bias, centred, inverse_sd * weight)
        if slope != 1.0:
            F.leaky_relu_(y, slope)
        ctx.save_for_backward(centred, inverse_sd, weight, y)
        ctx.slope = slope
        return _channels_outside(y, x.shape)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        centred, inverse_sd, weight, y = ctx.saved_tensors
        shape = grads[0].shape
        grad = _channels_inside(grads[0])
        if ctx.slope != 1.0:
            grad = torch.ops.aten.leaky_relu_backward(grad, y, ctx.slope, True)
        sum_grad = grad.sum(1, keepdim=True)
        sum_product = _sum_products(grad, centred) * inverse_sd
        n_voxels = centred.shape[1]
        scale = inverse_sd * weight
        grad_x = torch.addcmul(-scale * sum_grad / n_voxels, grad, scale)
        grad_x.addcmul_(centred, -scale * inverse_sd * sum_product / n_voxels)
        grad_weight, grad_bias = sum_product.sum((0, 1)), sum_grad.sum((0, 1))
        return _channels_outside(grad_x, shape), grad_weight, grad_bias, None
