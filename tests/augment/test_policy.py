"""The one call that training makes: images and labels move together."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from suffice.augment import POLICIES, Augmentation, IntensityRanges, SpatialRanges, augment_batch

STILL = SpatialRanges(probability=0)
QUIET = IntensityRanges(probability=0)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(ndim: int, n: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Images whose two channels are the one-hot of their two structures."""
    labels = torch.zeros((n, *(20,) * ndim), dtype=torch.uint8)
    labels[(slice(None), *(slice(4, 10),) * ndim)] = 1
    labels[(slice(None), *(slice(10, 15),) * ndim)] = 2
    images = torch.stack([labels == 1, labels == 2], dim=1).float()
    return images, labels


@pytest.mark.parametrize("ndim", [2, 3])
def test_labels_and_images_move_together(ndim: int) -> None:
    images, labels = batch(ndim)
    augmentation = Augmentation(
        spatial=SpatialRanges(probability=1, flip_axes=(0, 1)), intensity=QUIET
    )
    moved, targets = augment_batch(images, labels, 3, augmentation, (1.0,) * ndim, rng())
    assert not torch.equal(moved, images)
    torch.testing.assert_close(targets[:, 1:], moved)


@pytest.mark.parametrize("name", sorted(POLICIES))
@pytest.mark.parametrize("ndim", [2, 3])
def test_targets_are_shares_that_sum_to_one(name: str, ndim: int) -> None:
    images, labels = batch(ndim)
    moved, targets = augment_batch(images, labels, 4, POLICIES[name], (1.0, 0.5, 2.0)[:ndim], rng())
    assert moved.shape == images.shape and targets.shape == (3, 4, *(20,) * ndim)
    torch.testing.assert_close(targets.sum(1), torch.ones(3, *(20,) * ndim))
    assert float(targets.min()) > -1e-5 and float(targets.max()) < 1 + 1e-5
    assert bool(torch.isfinite(moved).all())
    # The fourth class is nowhere drawn.
    assert not bool(targets[:, 3].any())


def test_nothing_happens_where_nothing_may() -> None:
    images, labels = batch(2)
    still = Augmentation(spatial=STILL, intensity=QUIET)
    moved, targets = augment_batch(images, labels, 3, still, (1.0, 1.0), rng())
    torch.testing.assert_close(moved, images, rtol=1e-4, atol=1e-4)
    one_hot = F.one_hot(labels.long(), 3).movedim(-1, 1).float()
    torch.testing.assert_close(targets, one_hot, rtol=1e-4, atol=1e-4)


def test_the_same_generator_gives_the_same_batch() -> None:
    images, labels = batch(2)
    strong = POLICIES["strong"]
    first, again, other = (
        augment_batch(images, labels, 3, strong, (1.0, 1.0), rng(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_patches_of_a_batch_are_drawn_apart() -> None:
    images, labels = batch(2)
    moved, _ = augment_batch(images, labels, 3, POLICIES["strong"], (1.0, 1.0), rng())
    assert not torch.equal(moved[0], moved[1])


def test_light_moves_less_than_strong() -> None:
    light, strong = POLICIES["light"].spatial, POLICIES["strong"].spatial
    assert light.rotation_deg < strong.rotation_deg and light.scale < strong.scale
