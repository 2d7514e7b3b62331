"""Shapes, heads and gradients of the U-Net."""

from __future__ import annotations

import copy

import pytest
import torch

from suffice.nets import ENCODERS, LAYOUT, UNet, channels_last


def unet(ndim: int, **options: object) -> UNet:
    settings: dict = {
        "in_channels": 1,
        "n_classes": 3,
        "widths": (8, 16, 24),
        "strides": ((2,) * ndim, (2,) * ndim),
        "blocks": (1, 2, 1),
        **options,
    }
    torch.manual_seed(0)
    return channels_last(UNet(ndim=ndim, **settings), ndim)


@pytest.mark.parametrize("size", [(16, 24), (17, 13), (16, 8, 12), (11, 9, 7)])
def test_logits_have_the_size_of_the_image(size: tuple[int, ...]) -> None:
    network = unet(len(size), in_channels=2).eval()
    (logits,) = network(torch.randn(2, 2, *size))
    assert logits.shape == (2, 3, *size)


def test_axes_may_be_halved_at_different_levels() -> None:
    network = unet(3, strides=((1, 2, 2), (2, 2, 1)), n_heads=2).train()
    fine, coarse = network(torch.randn(1, 1, 6, 16, 8))
    assert fine.shape[2:] == (6, 16, 8)
    assert coarse.shape[2:] == (6, 8, 4)


@pytest.mark.parametrize("n_heads", [1, 2])
def test_coarse_heads_speak_in_training_only(n_heads: int) -> None:
    network = unet(2, n_heads=n_heads)
    x = torch.randn(1, 1, 16, 16)
    trained = network.train()(x)
    assert [tuple(logits.shape[2:]) for logits in trained] == [(16, 16), (8, 8)][:n_heads]
    alone = network.eval()(x)
    assert len(alone) == 1
    torch.testing.assert_close(alone[0], trained[0])


@pytest.mark.parametrize("encoder", ["residual", "plain"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_every_weight_gets_a_gradient(ndim: int, encoder: str) -> None:
    network = unet(ndim, n_heads=2, encoder=encoder).train()
    sum((logits**2).mean() for logits in network(torch.randn(1, 1, *(16,) * ndim))).backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None and bool(torch.isfinite(weight.grad).all()), name
        assert bool((weight.grad != 0).any()), name


@pytest.mark.parametrize("ndim", [2, 3])
def test_the_layout_does_not_change_the_answer(ndim: int) -> None:
    network = unet(ndim).eval()
    plain = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    x = torch.randn(1, 1, *(16,) * ndim)
    (last,) = network(x.to(memory_format=LAYOUT[ndim]))
    torch.testing.assert_close(last, plain(x)[0], rtol=1e-3, atol=1e-4)


def test_each_image_of_a_batch_is_looked_at_alone() -> None:
    network = unet(2).eval()
    batch = torch.randn(3, 1, 16, 16)
    together = network(batch)[0]
    alone = torch.cat([network(image[None])[0] for image in batch])
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-4)


def test_half_precision_says_nearly_the_same() -> None:
    network = unet(2).eval()
    x = torch.randn(1, 1, 16, 16)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        half = network(x)[0].float()
    torch.testing.assert_close(half, network(x)[0], rtol=0.1, atol=0.15)


def test_a_plain_encoder_has_no_shortcuts() -> None:
    names = {encoder: list(unet(2, encoder=encoder).state_dict()) for encoder in ENCODERS}
    assert any("shortcut" in name for name in names["residual"])
    assert not any("shortcut" in name for name in names["plain"])
