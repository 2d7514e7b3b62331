"""The fused norm is torch's instance norm and leaky ReLU, in values and in gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from suffice.nets import LAYOUT
from suffice.nets.norm import EPSILON, InstanceNormAct, _FusedNorm

SHAPES = [(2, 5, 7, 6), (3, 4, 5, 3, 4)]


def reference(x: torch.Tensor, norm: InstanceNormAct) -> torch.Tensor:
    y = F.instance_norm(x, weight=norm.weight, bias=norm.bias, eps=EPSILON)
    return F.leaky_relu(y, norm.slope)


def norm_of(n_channels: int, slope: float) -> InstanceNormAct:
    norm = InstanceNormAct(n_channels, slope=slope)
    with torch.no_grad():
        norm.weight.uniform_(-1.5, 1.5)
        norm.bias.normal_()
    return norm


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("slope", [0.01, 0.3, 1.0])
def test_values_and_gradients_equal_those_of_torch(shape: tuple[int, ...], slope: float) -> None:
    torch.manual_seed(0)
    norm = norm_of(shape[1], slope)
    mine = (3 * torch.randn(shape) + 20).requires_grad_()
    theirs = mine.detach().clone().requires_grad_()
    out, expected = norm(mine), reference(theirs, norm)
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-4)
    weights = torch.randn(shape)
    grads = torch.autograd.grad((out * weights).sum(), [mine, norm.weight, norm.bias])
    wanted = torch.autograd.grad((expected * weights).sum(), [theirs, norm.weight, norm.bias])
    for grad, want in zip(grads, wanted, strict=True):
        torch.testing.assert_close(grad, want, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shape", [(2, 3, 4, 3), (1, 2, 3, 2, 3)])
def test_the_gradient_is_that_of_finite_differences(shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.randn(shape[1], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *a: _FusedNorm.apply(*a, 0.2), (x, weight, bias))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_layout_stays_channels_last(shape: tuple[int, ...]) -> None:
    layout = LAYOUT[len(shape) - 2]
    x = torch.randn(shape).to(memory_format=layout).requires_grad_()
    out = norm_of(shape[1], 0.01)(x)
    assert out.is_contiguous(memory_format=layout)
    (grad,) = torch.autograd.grad(out.sum(), x)
    assert grad.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("shape", SHAPES)
def test_inference_gives_what_training_gives(shape: tuple[int, ...]) -> None:
    norm = norm_of(shape[1], 0.01)
    x = torch.randn(shape)
    before = x.clone()
    with torch.inference_mode():
        out = norm(x)
    torch.testing.assert_close(out, norm(x).detach())
    assert torch.equal(x, before)


@pytest.mark.parametrize("learns", [True, False])
def test_statistics_are_in_single_precision_under_autocast(learns: bool) -> None:
    norm, x = norm_of(8, 0.01), 5 * torch.randn(2, 8, 9, 9)
    with torch.set_grad_enabled(learns):
        expected = norm(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = norm(x)
    assert torch.equal(out, expected)


def test_a_large_mean_does_not_drown_the_spread() -> None:
    x = torch.randn(1, 2, 16, 16)
    norm = InstanceNormAct(2)
    torch.testing.assert_close(norm(x + 1000), norm(x), rtol=1e-2, atol=1e-2)


def test_one_value_everywhere_gives_the_bias() -> None:
    norm = norm_of(3, 1.0)
    out = norm(torch.full((1, 3, 4, 4), 7.0))
    torch.testing.assert_close(out[0, :, 0, 0], norm.bias)
