"""Lower bounds are those of torch's distributions; several raters are drawn from evenly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Independent, Normal, kl_divergence

from suffice.nets import Gaussian
from suffice.training import healthy, plausible
from suffice.training.batches import PatchSampler
from suffice.training.store import Store


def normal(latent: Gaussian) -> Independent:
    return Independent(Normal(latent.mean, latent.log_sd.exp()), latent.mean.ndim - 1)


def test_the_bound_of_masks_is_that_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=generator)
    labels = torch.randint(3, (2, 4, 5), generator=generator)
    targets = torch.nn.functional.one_hot(labels, 3).movedim(-1, 1).float()
    divergence = torch.tensor([1.5, 0.5])
    log_p = Categorical(logits=logits.movedim(1, -1)).log_prob(labels).flatten(1).sum(1)
    expected = -(log_p - 3.0 * divergence).mean() / 20
    found = plausible.negative_bound(logits, targets, divergence, beta=3.0)
    torch.testing.assert_close(found, expected)


def test_the_bound_of_images_is_that_of_torch_and_drawn_voxels_do_not_count() -> None:
    generator = torch.Generator().manual_seed(0)
    images, redrawn = (torch.randn(2, 1, 6, 6, generator=generator) for _ in range(2))
    latent = Gaussian(*(torch.randn(2, 3, 2, 2, generator=generator) for _ in range(2)))
    everywhere = torch.ones(2, 1, 6, 6)
    constant = 0.5 * np.log(2 * np.pi)
    log_p = (Normal(redrawn, 1.0).log_prob(images) + constant).flatten(1).sum(1)
    divergence = kl_divergence(normal(latent), normal(Gaussian.standard(latent)))
    expected = -(log_p - 2.0 * divergence).mean() / 36
    found = healthy.negative_bound(redrawn, images, everywhere, latent, beta=2.0)
    torch.testing.assert_close(found, expected)

    part = everywhere.clone()
    part[..., :3] = 0
    other = redrawn.clone()
    other[..., :3] = 100.0
    bounds = [healthy.negative_bound(r, images, part, latent, 1.0) for r in (redrawn, other)]
    torch.testing.assert_close(*bounds)
    torch.testing.assert_close(
        healthy.explained(other, images, part), healthy.explained(redrawn, images, part)
    )


def test_nothing_learned_explains_nothing_and_the_image_itself_all() -> None:
    images = torch.randn(2, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    everywhere = torch.ones_like(images)
    mean = images.mean().expand_as(images)
    assert float(healthy.explained(mean, images, everywhere)) == pytest.approx(0, abs=1e-5)
    assert float(healthy.explained(images, images, everywhere)) == 1


def test_each_rater_is_drawn_as_often_wherever_the_patch_lies(tmp_path: Path) -> None:
    store, rng = Store(tmp_path / "store"), np.random.default_rng(0)
    masks = [np.zeros((12, 12), np.uint8) for _ in range(3)]
    masks[1][2:4, 2:4], masks[2][8:10, 8:10] = 1, 2
    store.add("a", np.zeros((1, 12, 12)), masks[0], rng, raters=masks)
    (case,) = store.read(["a"])
    assert case.raters is not None and case.raters.shape == (3, 12, 12)
    # Points come from all raters: of the drawn mask they say nothing.
    assert {int(value) for value in case.points[:, 0]} == {1, 2}
    sampler = PatchSampler([case], patch_size=(12, 12), batch_size=300, foreground=0.5, rng=rng)
    _, labels = sampler.draw()
    drawn = [int(value) for value in labels.flatten(1).amax(1)]
    shares = np.bincount(drawn) / len(drawn)
    assert shares == pytest.approx([1 / 3] * 3, abs=0.08)


def test_one_rater_is_stored_as_before(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    mask = np.ones((4, 4), np.uint8)
    store.add("a", np.zeros((1, 4, 4)), mask, np.random.default_rng(0))
    (case,) = store.read(["a"])
    assert case.raters is None
    assert sorted(path.name for path in (tmp_path / "store" / "a").iterdir()) == [
        "image.npy", "labels.npy", "points.npy"
    ]  # fmt: skip
