"""Mixing: every voxel's label comes with its own image, and a draw can be replayed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from suffice.augment import Chance
from suffice.augment.mixing import (
    MIXES,
    Background,
    BackgroundDraw,
    CarveMix,
    CarveMixDraw,
    ClassMix,
    CopyPaste,
    CopyPasteDraw,
    CutMix,
    Interpolation,
    InterpolationDraw,
    Mixing,
    Pair,
    displacement,
    features,
    mix_batch,
    register,
)
from suffice.augment.mixing.registration import read
from suffice.core import UsageError

SIZES = {2: (40, 32), 3: (20, 16, 18)}
# Without soft borders and changed intensities a pasted voxel is a voxel of the other patch.
BARE = {
    **MIXES,
    "copypaste": CopyPaste(rotation_deg=0, scale=1, feather=0, match=False, tolerance=100),
    "background": Background(feather=0, match=False),
}
STYLES = ("histogram", "fourier")
SAME_LABELS = [name for name in BARE if name not in ("background", "interpolation", *STYLES)]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def ball(size: tuple[int, ...], centre: tuple[float, ...], radius: float) -> Tensor:
    axes = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in size), indexing="ij")
    return sum((a - c) ** 2 for a, c in zip(axes, centre, strict=True)) <= radius**2


def labels_of(size: tuple[int, ...], shift: float = 0.0) -> Tensor:
    labels = torch.zeros(size, dtype=torch.uint8)
    labels[ball(size, tuple(n / 3 + shift for n in size), min(size) / 5)] = 1
    labels[ball(size, tuple(2 * n / 3 + shift for n in size), min(size) / 6)] = 2
    return labels


def identity_pair(ndim: int) -> Pair:
    """Images that show their labels, the other one's 10 higher."""
    size = SIZES[ndim]
    own, theirs = labels_of(size), labels_of(size, shift=2.0)
    return Pair(
        image=own.float()[None],
        labels=own,
        other=theirs.float()[None] + 10,
        other_labels=theirs,
        spacing=(1.0, 2.0, 1.0)[:ndim],
    )


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), name=st.sampled_from(SAME_LABELS), ndim=st.sampled_from([2, 3]))
def test_the_label_of_every_voxel_comes_with_its_own_image(seed: int, name: str, ndim: int) -> None:
    pair = identity_pair(ndim)
    before = [t.clone() for t in (pair.image, pair.labels, pair.other, pair.other_labels)]
    draw = BARE[name].sample(pair, Chance(torch.Generator().manual_seed(seed)))
    if draw is None:  # no place for the object
        return
    image, labels = draw.apply(pair)
    is_other = image[0] > 5
    shown = torch.where(is_other, image[0] - 10, image[0])
    assert torch.allclose(shown, labels.float(), atol=1e-3)
    assert is_other.any()
    again = draw.apply(pair)
    assert torch.equal(image, again[0])
    assert torch.equal(labels, again[1])
    assert image.dtype == pair.image.dtype
    assert labels.dtype == pair.labels.dtype
    after = (pair.image, pair.labels, pair.other, pair.other_labels)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_shares_are_mixed_as_integers_are(chance: Callable[[int], Chance]) -> None:
    pair = identity_pair(2)
    soft = replace(
        pair,
        labels=torch.stack([pair.labels == k for k in range(3)]).float(),
        other_labels=torch.stack([pair.other_labels == k for k in range(3)]).float(),
    )
    for mix in MIXES.values():
        draw = mix.sample(pair, chance(4))
        if draw is None:
            continue
        image, labels = draw.apply(pair)
        soft_image, shares = draw.apply(soft)
        assert torch.allclose(image, soft_image)
        assert torch.equal(shares.argmax(0).to(labels.dtype), labels)
        assert torch.allclose(shares.sum(0), torch.ones(pair.size), atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), ndim=st.sampled_from([2, 3]))
def test_a_box_takes_the_part_that_was_drawn(seed: int, ndim: int) -> None:
    size = (60, 64, 56)[:ndim]
    pair = Pair(
        image=torch.zeros(1, *size),
        labels=torch.zeros(size, dtype=torch.uint8),
        other=torch.ones(1, *size),
        other_labels=torch.ones(size, dtype=torch.uint8),
        spacing=(1.0,) * ndim,
    )
    draw = CutMix(least=0.2, most=0.6).sample(pair, Chance(torch.Generator().manual_seed(seed)))
    image, labels = draw.apply(pair)
    assert 0.2 <= draw.part <= 0.6
    assert float(image.mean()) == pytest.approx(draw.part, abs=0.04)
    assert torch.equal(image[0], labels.float())


def test_half_of_the_classes_are_taken(chance: Callable[[int], Chance]) -> None:
    pair = identity_pair(2)
    draws = [ClassMix().sample(pair, chance(seed)) for seed in range(30)]
    assert {len(draw.classes) for draw in draws} == {1}
    assert {draw.classes for draw in draws} == {(0,), (1,), (2,)}
    empty = replace(pair, other_labels=torch.zeros_like(pair.labels))
    assert ClassMix().sample(empty, chance(0)) is None


def test_a_carved_region_is_the_structure_at_no_distance_and_nested_elsewhere() -> None:
    pair = identity_pair(2)
    taken = [
        CarveMixDraw(1, threshold).apply(pair)[0][0] > 5 for threshold in (-2.0, 0.0, 2.0, 4.0)
    ]
    assert torch.equal(taken[1], pair.other_labels == 1)
    for smaller, larger in itertools.pairwise(taken):
        assert bool((smaller <= larger).all()) and int(smaller.sum()) < int(larger.sum())
    # Twice as far along the first axis, of half the spacing.
    rows, columns = (int(taken[3].any(axis).sum() - taken[1].any(axis).sum()) for axis in (1, 0))
    assert (rows, columns) == (8, 4)


def test_carving_needs_a_structure(chance: Callable[[int], Chance]) -> None:
    pair = identity_pair(2)
    empty = replace(pair, other_labels=torch.zeros_like(pair.labels))
    full = replace(pair, other_labels=torch.ones_like(pair.labels))
    assert CarveMix().sample(empty, chance(0)) is None
    assert CarveMix().sample(full, chance(0)) is None


@pytest.mark.parametrize("ndim", [2, 3])
def test_an_object_is_pasted_over_no_structure(ndim: int, chance: Callable[[int], Chance]) -> None:
    pair = identity_pair(ndim)
    mix = replace(BARE["copypaste"], rotation_deg=20.0, scale=1.2)
    n_pasted = 0
    for seed in range(6):
        draw = mix.sample(pair, chance(seed))
        if draw is None:
            continue
        n_pasted += 1
        _, labels = draw.apply(pair)
        assert torch.equal(labels[pair.labels > 0], pair.labels[pair.labels > 0])
        assert int((labels > 0).sum()) > int((pair.labels > 0).sum())
    assert n_pasted


def test_an_object_is_pasted_only_into_surroundings_like_its_own(
    chance: Callable[[int], Chance],
) -> None:
    generator = torch.Generator().manual_seed(0)
    size = (64, 64)
    body = ball(size, (32, 32), 26)
    image = torch.where(body, 1.0, -3.0) + 0.1 * torch.randn(size, generator=generator)
    lesion = ball(size, (32, 44), 4)
    pair = Pair(
        image=image[None],
        labels=torch.zeros(size, dtype=torch.uint8),
        other=(image + 2.0 * lesion)[None],
        other_labels=lesion.to(torch.uint8),
        spacing=(1.0, 1.0),
    )
    for seed in range(8):
        draw = CopyPaste(tolerance=0.5).sample(pair, chance(seed))
        assert isinstance(draw, CopyPasteDraw)
        mixed, labels = draw.apply(pair)
        assert bool(body[labels > 0].all())
        # As much brighter than its new surroundings as it was than its old ones.
        assert float(mixed[0][labels > 0].mean()) == pytest.approx(3.0, abs=0.6)


def test_structures_stay_and_the_background_is_the_others() -> None:
    pair = identity_pair(2)
    image, labels = BackgroundDraw(feather=0, match=False).apply(pair)
    assert torch.equal(labels, pair.labels)
    stays = (pair.labels > 0) | (pair.other_labels > 0)
    assert torch.equal(image[0][stays], pair.image[0][stays])
    assert torch.equal(image[0][~stays], pair.other[0][~stays])
    matched, _ = BackgroundDraw(feather=0, match=True).apply(pair)
    assert torch.allclose(matched[0][~stays], pair.image[0][~stays], atol=1e-5)


def centre_of(labels: Tensor) -> np.ndarray:
    return np.argwhere(labels.numpy() > 0).mean(0)


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_case_between_two_lies_between_them(ndim: int) -> None:
    size = (48, 40, 32)[:ndim]
    centres = tuple(n / 2 - 3 for n in size), tuple(n / 2 + 3 for n in size)
    own, theirs = (ball(size, centre, 8).to(torch.uint8) for centre in centres)
    pair = Pair(
        image=2 * own.float()[None],
        labels=own,
        other=3 * theirs.float()[None],
        other_labels=theirs,
        spacing=(1.0,) * ndim,
    )
    shares = [torch.stack([part == 0, part == 1]).float() for part in (own, theirs)]
    velocity = register(features(pair.image, shares[0]), features(pair.other, shares[1]))
    results = [InterpolationDraw(t).apply(pair, velocity) for t in (0.0, 0.5, 1.0)]
    for (image, labels), at, truth in zip(
        results[::2], (pair.image, pair.other), (own, theirs), strict=True
    ):
        assert torch.allclose(image, at, atol=1e-3)
        assert torch.equal(labels, truth)
    _, middle = results[1]
    expected = (centre_of(own) + centre_of(theirs)) / 2
    assert np.abs(centre_of(middle) - expected).max() < 0.75
    n_voxels = int((middle > 0).sum())
    assert abs(n_voxels - int(own.sum())) < 0.25 * int(own.sum())


def test_a_deformation_undoes_its_inverse() -> None:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(2, 4, 4, generator=generator)
    velocity = (
        0.02
        * torch.nn.functional.interpolate(
            coarse[None], (32, 32), mode="bicubic", align_corners=True
        )[0]
    )
    there, back = displacement(velocity, 1.0), displacement(velocity, -1.0)
    assert float((there + read(back, there))[:, 4:-4, 4:-4].abs().max()) < 0.004


def test_a_batch_is_mixed_alike_by_the_same_generator() -> None:
    pair = identity_pair(2)
    batch = [torch.stack([t] * 6) for t in (pair.image, pair.labels, pair.other, pair.other_labels)]
    mixing = Mixing(("cutmix", "classmix"), (0.3, 0.3))
    first, again = (
        mix_batch(*batch, mixing, pair.spacing, torch.Generator().manual_seed(2)) for _ in range(2)
    )
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    changed = [not torch.equal(image, pair.image) for image in first[0]]
    assert any(changed) and not all(changed)


def test_ways_of_mixing_are_used_as_often_as_asked(chance: Callable[[int], Chance]) -> None:
    mixing, luck = Mixing(("cutmix", "carvemix"), (0.2, 0.5)), chance(0)
    chosen = [type(mixing.choose(luck)) for _ in range(2000)]
    assert chosen.count(CutMix) / 2000 == pytest.approx(0.2, abs=0.04)
    assert chosen.count(CarveMix) / 2000 == pytest.approx(0.5, abs=0.04)
    assert Mixing().choose(luck) is None


@pytest.mark.parametrize(
    ("names", "probabilities"),
    [(("cutmix", "cutmix"), ()), (("mixup",), ()), (("cutmix",), (0.5, 0.5)), (("cutmix",), (2,))],
)
def test_a_policy_that_cannot_be_followed_is_refused(names: tuple, probabilities: tuple) -> None:
    with pytest.raises(UsageError, match=r"mixing|cutmix"):
        Mixing(names, probabilities)


def test_two_patches_need_one_size() -> None:
    pair = identity_pair(2)
    with pytest.raises(UsageError, match="one size"):
        replace(pair, other=pair.other[:, 1:])
    with pytest.raises(UsageError, match="within 0 to 1"):
        Interpolation(least=0.5, most=0.2)
