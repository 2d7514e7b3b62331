"""Normal latent variables: their divergence is torch's, and samples follow the noise."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from suffice.nets import Gaussian
from suffice.nets.latent import LARGEST_LOG_SD, LARGEST_MEAN, LatentEncoder


def gaussian(seed: int, shape: tuple[int, ...] = (3, 4, 2, 2)) -> Gaussian:
    generator = torch.Generator().manual_seed(seed)
    mean, log_sd = (torch.randn(shape, generator=generator) for _ in range(2))
    return Gaussian(mean, log_sd)


def as_torch(found: Gaussian) -> Independent:
    return Independent(Normal(found.mean, found.log_sd.exp()), found.mean.ndim - 1)


def test_equal_gaussians_do_not_diverge() -> None:
    assert torch.equal(gaussian(0).divergence(gaussian(0)), torch.zeros(3))


def test_divergence_is_that_of_torch() -> None:
    a, b = gaussian(1), gaussian(2)
    torch.testing.assert_close(a.divergence(b), kl_divergence(as_torch(a), as_torch(b)))
    standard = Gaussian.standard(a)
    torch.testing.assert_close(
        a.divergence(standard), kl_divergence(as_torch(a), as_torch(standard))
    )
    assert not torch.allclose(a.divergence(b), b.divergence(a))


def test_samples_have_the_moments_and_pass_gradients() -> None:
    wide = Gaussian(torch.full((1, 1), 3.0, requires_grad=True), torch.full((1, 1), 0.5))
    samples = wide.sample(torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0)))
    assert samples.mean().item() == pytest.approx(3.0, abs=0.05)
    assert samples.std().item() == pytest.approx(torch.tensor(0.5).exp().item(), abs=0.05)
    assert wide.mean.grad_fn is None and samples.requires_grad


def test_spreads_stay_finite() -> None:
    wild = Gaussian.of(torch.full((1, 4), 1e6))
    assert torch.isfinite(wild.divergence(Gaussian.standard(wild))).all()


@pytest.mark.parametrize("ndim", [2, 3])
def test_an_image_of_any_size_is_summed_up_within_bounds(ndim: int) -> None:
    torch.manual_seed(0)
    encoder = LatentEncoder(ndim, 1, widths=(8, 8, 16), strides=((2,) * ndim,) * 2, n_latent=3)
    for size in (8, 13):
        image = torch.randn(2, 1, *(size,) * ndim)
        found = encoder(image)
        assert found.mean.shape == (2, 3)
        assert not torch.equal(found.mean[0], found.mean[1])
    with torch.no_grad():
        encoder.head.weight.fill_(1e4)
    wild = encoder(image)
    assert wild.mean.abs().max() <= LARGEST_MEAN and wild.log_sd.abs().max() <= LARGEST_LOG_SD
