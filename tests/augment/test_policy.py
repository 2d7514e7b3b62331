"""The one call that training makes, and what stands behind its names."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

import suffice.augment
from suffice.augment import (
    FAMILIES,
    POLICIES,
    Augmentation,
    Chance,
    Patches,
    SpatialRanges,
    augment_batch,
    families_of,
    without,
)
from suffice.core import UsageError

SPACING = (1.0, 0.5, 2.0)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(ndim: int, n_channels: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Images whose first two channels are the one-hot of their two structures."""
    labels = torch.zeros((3, *(20,) * ndim), dtype=torch.uint8)
    labels[(slice(None), *(slice(4, 10),) * ndim)] = 1
    labels[(slice(None), *(slice(10, 15),) * ndim)] = 2
    channels = [labels == 1, labels == 2, labels > 0][:n_channels]
    return torch.stack(channels, dim=1).float(), labels


@pytest.mark.parametrize("ndim", [2, 3])
def test_labels_and_images_move_together(ndim: int) -> None:
    images, labels = batch(ndim)
    moving = Augmentation(spatial=SpatialRanges(probability=1, flip_axes=(0, 1)))
    moved, targets = augment_batch(images, labels, 3, moving, (1.0,) * ndim, rng())
    assert not torch.equal(moved, images)
    torch.testing.assert_close(targets[:, 1:], moved, rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", sorted(POLICIES))
@pytest.mark.parametrize("ndim", [2, 3])
def test_targets_are_shares_that_sum_to_one(name: str, ndim: int) -> None:
    images, labels = batch(ndim, 3)
    units = ((40.0, 300.0), None, None)
    moved, targets = augment_batch(images, labels, 4, POLICIES[name], SPACING[:ndim], rng(), units)
    assert moved.shape == images.shape and targets.shape == (3, 4, *(20,) * ndim)
    assert moved.dtype == images.dtype == targets.dtype
    torch.testing.assert_close(targets.sum(1), torch.ones(3, *(20,) * ndim))
    assert float(targets.min()) > -1e-5 and float(targets.max()) < 1 + 1e-5
    assert bool(torch.isfinite(moved).all())
    # The fourth class is nowhere drawn.
    assert not bool(targets[:, 3].any())


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_intensities_never_touch_a_mask(name: str) -> None:
    images, labels = batch(3, 3)
    still = Augmentation(spatial=SpatialRanges(probability=0), intensity=POLICIES[name].intensity)
    before = images.clone(), labels.clone()
    one_hot = F.one_hot(labels.long(), 3).movedim(-1, 1).float()
    for seed in range(3):
        _, targets = augment_batch(images, labels, 3, still, SPACING, rng(seed))
        assert torch.equal(targets, one_hot)
    assert torch.equal(images, before[0]) and torch.equal(labels, before[1])


def test_nothing_happens_where_nothing_may() -> None:
    images, labels = batch(2)
    moved, targets = augment_batch(images, labels, 3, POLICIES["none"], (1.0, 1.0), rng())
    assert torch.equal(moved, images)
    assert torch.equal(targets, F.one_hot(labels.long(), 3).movedim(-1, 1).float())


def test_the_same_generator_gives_the_same_batch() -> None:
    images, labels = batch(2)
    strong = POLICIES["strong"]
    first, again, other = (
        augment_batch(images, labels, 3, strong, (1.0, 1.0), rng(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])
    assert not torch.equal(first[0][0], first[0][1])


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_a_printed_draw_is_replayed(name: str) -> None:
    images, labels = batch(3, 3)
    patches = Patches(size=(20,) * 3, spacing=SPACING, n_channels=3)
    draw = POLICIES[name].sample(patches, Chance(rng(4)))
    again = eval(repr(draw), vars(suffice.augment).copy())
    assert again == draw
    for one, other in zip(
        draw.apply(images[0], labels[0], 3, SPACING),
        again.apply(images[0], labels[0], 3, SPACING),
        strict=True,
    ):
        assert torch.equal(one, other)


def test_the_random_policy_picks_so_many_changes_of_any_magnitude() -> None:
    policy, patches = POLICIES["random"], Patches(size=(8, 8), spacing=(1.0, 1.0))
    draws = [policy.sample(patches, Chance(rng(seed))).intensity for seed in range(60)]
    assert {len(draw) for draw in draws} == {2}
    assert {type(each).__name__.removesuffix("Draw") for draw in draws for each in draw} == {
        "BiasField", "Blur", "Cutout", "Gamma", "GaussianNoise", "Line", "LowResolution", "Sharpen"
    }  # fmt: skip


def test_light_moves_less_than_strong() -> None:
    light, strong = POLICIES["light"].spatial, POLICIES["strong"].spatial
    assert light.rotation_deg < strong.rotation_deg and light.scale < strong.scale


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_a_family_that_is_left_out_is_drawn_no_more(name: str) -> None:
    policy = POLICIES[name]
    used = families_of(policy)
    assert set(used) <= set(FAMILIES) and (name == "none") == (not used)
    for family in used:
        assert set(families_of(without(policy, family))) == set(used) - {family}
    for family in used:
        policy = without(policy, family)
    patches = Patches(size=(8, 8), spacing=(1.0, 1.0), n_channels=3)
    for seed in range(5):
        draw = policy.sample(patches, Chance(rng(seed)))
        assert draw.spatial.only_flips and not draw.spatial.flips and not draw.intensity


def test_every_family_is_in_some_policy_and_an_unknown_one_is_refused() -> None:
    assert {f for policy in POLICIES.values() for f in families_of(policy)} == set(FAMILIES)
    with pytest.raises(UsageError, match=r"no family.*got 'fog', expected flip, rotation"):
        without(POLICIES["strong"], "fog")
