"""Styles of another patch: brightness changes, structures and labels stay."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.exposure import match_histograms
from torch import Tensor

from suffice.augment import Chance
from suffice.augment.mixing import (
    FourierMix,
    FourierMixDraw,
    HistogramMatch,
    HistogramMatchDraw,
    Pair,
)

SIZES = {2: (40, 33), 3: (20, 16, 19)}


def pair_of(seed: int, ndim: int, n_channels: int = 2) -> Pair:
    generator = torch.Generator().manual_seed(seed)
    size = SIZES[ndim]

    def smooth() -> Tensor:
        noise = torch.randn((n_channels, *size), generator=generator)
        return noise.cumsum(1).cumsum(2) / 10

    labels = torch.randint(3, size, generator=generator, dtype=torch.uint8)
    return Pair(
        image=smooth(),
        labels=labels,
        other=3 * smooth().exp().clamp_max(50) + 1,
        other_labels=labels.flip(0),
        spacing=(1.0,) * ndim,
    )


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), ndim=st.sampled_from([2, 3]))
def test_the_order_of_brightness_stays_and_the_histogram_is_the_others(
    seed: int, ndim: int
) -> None:
    pair = pair_of(seed, ndim)
    image, labels = HistogramMatchDraw(1.0).apply(pair)
    assert labels is pair.labels
    for own, new, other in zip(pair.image, image, pair.other, strict=True):
        order = own.flatten().argsort()
        assert bool((new.flatten()[order].diff() >= -1e-5).all())
        reference = match_histograms(own.numpy(), other.numpy())
        width = float(other.max() - other.min())
        assert np.abs(new.numpy() - reference).mean() < 0.02 * width
    half, _ = HistogramMatchDraw(0.5).apply(pair)
    assert torch.allclose(half, (image + pair.image) / 2, atol=1e-4)


def test_a_flat_patch_takes_the_brightness_of_another() -> None:
    pair = pair_of(0, 2)
    flat = Pair(
        image=torch.zeros_like(pair.image),
        labels=pair.labels,
        other=torch.full_like(pair.other, 4.0),
        other_labels=pair.labels,
        spacing=pair.spacing,
    )
    assert torch.equal(HistogramMatchDraw(1.0).apply(flat)[0], flat.other)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), ndim=st.sampled_from([2, 3]), frequency=st.floats(0.01, 0.3))
def test_low_amplitudes_are_the_others_and_phases_stay(
    seed: int, ndim: int, frequency: float
) -> None:
    pair = pair_of(seed, ndim, n_channels=1)
    image, labels = FourierMixDraw(frequency, 1.0).apply(pair)
    assert labels is pair.labels
    own, other, new = (np.fft.fftn(t[0].double().numpy()) for t in (pair.image, pair.other, image))
    steps = [np.abs(np.round(np.fft.fftfreq(n) * n)) <= round(frequency * n) for n in pair.size]
    low = np.logical_and.reduce(np.meshgrid(*steps, indexing="ij"))
    scale = np.abs(other).max()
    assert np.allclose(np.abs(new)[low], np.abs(other)[low], atol=1e-5 * scale)
    assert np.allclose(new[~low], own[~low], atol=1e-5 * scale)
    assert image.mean() == pytest.approx(float(pair.other.mean()), rel=1e-4, abs=1e-4)
    low.flat[0] = False
    turned = new[low] * own[low].conj()
    assert np.allclose(turned.imag, 0, atol=1e-4 * np.abs(turned).max(initial=0.0))


@pytest.mark.parametrize("mix", [HistogramMatch(), FourierMix()])
def test_a_patch_in_its_own_style_stays(
    mix: HistogramMatch | FourierMix, chance: Callable[[int], Chance]
) -> None:
    own = pair_of(3, 3)
    pair = Pair(
        image=own.image,
        labels=own.labels,
        other=own.image,
        other_labels=own.labels,
        spacing=own.spacing,
    )
    draw = mix.sample(pair, chance(1))
    assert draw == mix.sample(pair, chance(1))
    assert torch.allclose(draw.apply(pair)[0], own.image, atol=1e-4)
