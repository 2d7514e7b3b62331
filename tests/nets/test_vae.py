"""The autoencoder: any size, and rules over its residual."""

from __future__ import annotations

import pytest
import torch
from scipy.ndimage import uniform_filter

from suffice.core import ModelError
from suffice.nets import VAE, AnomalyLogits, AnomalyRule, average


@pytest.fixture(params=[2, 3])
def network(request: pytest.FixtureRequest) -> VAE:
    ndim = request.param
    torch.manual_seed(0)
    strides = ((2,) * ndim, (1,) * (ndim - 1) + (2,))
    return VAE(ndim=ndim, in_channels=2, widths=(8, 16, 16), strides=strides, n_latent=3).eval()


def images(network: VAE, size: int) -> torch.Tensor:
    ndim = 2 if isinstance(network.head, torch.nn.Conv2d) else 3
    return torch.randn(2, 2, *(size,) * ndim, generator=torch.Generator().manual_seed(0))


def test_images_of_any_size_are_redrawn(network: VAE) -> None:
    for size in (8, 13):
        batch = images(network, size)
        redrawn, latent = network(batch)
        assert redrawn.shape == batch.shape
        assert latent.mean.shape == network.latent_shape(batch)
        assert not torch.equal(redrawn, network(batch, torch.ones_like(latent.mean))[0])


def test_sides_and_thresholds_of_a_residual(network: VAE) -> None:
    batch = images(network, 8)

    def marked(side: str, threshold: float) -> torch.Tensor:
        rule = AnomalyRule(side=side, window=1, threshold=threshold, dice=0.0)
        return AnomalyLogits(network, rule)(batch)[0].argmax(1).bool()

    assert torch.equal(marked("bright", 0.5) | marked("dark", 0.5), marked("any", 0.5))
    assert not (marked("bright", 0.5) & marked("dark", 0.5)).any()
    assert not (marked("any", 0.9) & ~marked("any", 0.5)).any()


@pytest.mark.parametrize("shape", [(9, 7), (6, 5, 4)])
def test_averaging_is_a_box_mean_inside(shape: tuple[int, ...]) -> None:
    values = torch.rand(1, 1, *shape, generator=torch.Generator().manual_seed(0))
    ours = average(values, 3)[0, 0].numpy()
    theirs = uniform_filter(values[0, 0].numpy(), 3)
    inside = (slice(1, -1),) * len(shape)
    assert ours[inside] == pytest.approx(theirs[inside], abs=1e-6)
    flat = torch.ones_like(values)
    torch.testing.assert_close(average(flat, 5), flat)


def test_rules_that_cannot_be_followed() -> None:
    with pytest.raises(ModelError, match="no such side"):
        AnomalyRule(side="left", window=1, threshold=1.0, dice=0.0)
    with pytest.raises(ModelError, match="odd"):
        AnomalyRule(side="any", window=4, threshold=1.0, dice=0.0)
