"""The probabilistic U-Net: masks differ with the latent sample and agree in their mean."""

from __future__ import annotations

import pytest
import torch

from suffice.nets import EachMask, MeanMask, ProbUNet


@pytest.fixture(params=[2, 3])
def network(request: pytest.FixtureRequest) -> ProbUNet:
    torch.manual_seed(0)
    return ProbUNet(
        ndim=request.param,
        in_channels=2,
        n_classes=3,
        widths=(8, 8, 16),
        strides=((2,) * request.param,) * 2,
        blocks=(0, 1, 1),
        n_latent=4,
    ).eval()


@pytest.fixture
def images(network: ProbUNet) -> torch.Tensor:
    ndim = 2 if isinstance(network.mixer.last, torch.nn.Conv2d) else 3
    return torch.randn(2, 2, *(12,) * ndim, generator=torch.Generator().manual_seed(1))


def noise(n: int) -> torch.Tensor:
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(2))


def test_training_gives_a_mask_and_a_divergence_for_each_image(
    network: ProbUNet, images: torch.Tensor
) -> None:
    targets = torch.zeros(2, 3, *images.shape[2:])
    targets[:, 0] = 1
    logits, divergence = network(images, targets, noise(2))
    assert logits.shape == targets.shape and divergence.shape == (2,)
    assert (divergence >= 0).all()
    (logits.sum() + divergence.sum()).backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_masks_differ_with_the_sample_and_their_mean_is_the_mean(
    network: ProbUNet, images: torch.Tensor
) -> None:
    with torch.no_grad():
        each = EachMask(network, noise(5))(images)[0].unflatten(1, (5, 3)).softmax(2)
        mean = MeanMask(network, noise(5))(images)[0].softmax(1)
    torch.testing.assert_close(each.mean(1), mean)
    assert not torch.allclose(each[:, 0], each[:, 1])


def test_one_run_gives_each_mask_an_equal_share(network: ProbUNet, images: torch.Tensor) -> None:
    with torch.no_grad():
        shares = EachMask(network, noise(5))(images)[0].softmax(1).unflatten(1, (5, 3)).sum(2)
    torch.testing.assert_close(shares, torch.full_like(shares, 1 / 5))
