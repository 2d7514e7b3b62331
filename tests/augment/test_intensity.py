"""Changes of intensities: what holds for all of them, and what each is for."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats
from skimage.color import hed_from_rgb

from suffice.augment import (
    BiasField,
    BiasFieldDraw,
    Blur,
    BlurDraw,
    Brightness,
    ColourShift,
    ColourShiftDraw,
    Contrast,
    Cutout,
    Gamma,
    GammaDraw,
    GaussianNoise,
    GaussianNoiseDraw,
    Ghosting,
    HounsfieldShift,
    HounsfieldWindow,
    Invert,
    InvertDraw,
    LineDraw,
    LowResolution,
    LowResolutionDraw,
    Motion,
    PoissonNoise,
    PoissonNoiseDraw,
    RicianNoise,
    RicianNoiseDraw,
    Saturation,
    SaturationDraw,
    Sharpen,
    SharpenDraw,
    Speckle,
    SpeckleDraw,
    Spikes,
    Stain,
    StainDraw,
    Transform,
    change_intensity,
)
from suffice.augment.transform import Draw
from suffice.core import UsageError

EVERY = [
    BiasField(), Blur(), Brightness(), ColourShift(), Contrast(), Cutout(), Gamma(),
    GaussianNoise(), Ghosting(), HounsfieldShift(), HounsfieldWindow(width_hu=(100, 200)),
    Invert(), LowResolution(), LowResolution(one_axis=1), Motion(), PoissonNoise(), RicianNoise(),
    Saturation(), Sharpen(), Speckle(), Spikes(), Stain(),
]  # fmt: skip
SHAPES = [(3, 24, 20), (1, 33, 18), (1, 10, 12, 8), (2, 9, 16, 7)]


def image_of(shape: tuple[int, ...], seed: int = 9) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("transform", EVERY, ids=lambda t: type(t).__name__)
def test_a_draw_is_replayed_and_leaves_the_image_finite(
    transform: Transform, shape: tuple[int, ...], chance, patches_of
) -> None:
    image = image_of(shape)
    before = image.clone()
    draw = transform.sample(patches_of(image), chance(4))
    if draw is None:
        assert isinstance(transform, Stain | Saturation) and shape[0] != 3
        return
    first = change_intensity(image, [draw])
    torch.manual_seed(77)
    assert torch.equal(
        first, change_intensity(image, [transform.sample(patches_of(image), chance(4))])
    )
    assert torch.equal(image, before)
    assert first.shape == image.shape and first.dtype == image.dtype
    assert bool(torch.isfinite(first).all()) and not torch.equal(first, image)


@pytest.mark.parametrize("transform", EVERY, ids=lambda t: type(t).__name__)
def test_draws_are_plain_values_that_make_themselves_again(
    transform: Transform, chance, patches_of
) -> None:
    import suffice.augment

    draw = transform.sample(patches_of(image_of((3, 16, 12))), chance(5))
    assert draw is not None
    assert eval(repr(draw), vars(suffice.augment).copy()) == draw


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("transform", EVERY, ids=lambda t: type(t).__name__)
def test_an_image_of_one_value_stays_finite(
    transform: Transform, dtype: torch.dtype, chance, patches_of
) -> None:
    image = torch.full((3, 8, 8), 2.0, dtype=dtype)
    draw = transform.sample(patches_of(image), chance())
    assert draw is not None
    out = change_intensity(image, [draw])
    assert bool(torch.isfinite(out).all()) and out.dtype == dtype


def test_a_probability_beyond_one_is_refused() -> None:
    with pytest.raises(UsageError, match=r"Gamma.*got 1.5, expected 0 to 1"):
        Gamma(probability=1.5)
    with pytest.raises(UsageError, match="single coarse axis"):
        LowResolution(one_axis=-0.1)


@settings(max_examples=20, deadline=None)
@given(
    exponent=st.floats(0.5, 2.0),
    inverted=st.booleans(),
    offset=st.floats(-50, 50),
    shape=st.sampled_from(SHAPES),
)
def test_gamma_keeps_mean_spread_and_order(
    exponent: float, inverted: bool, offset: float, shape: tuple[int, ...]
) -> None:
    image = image_of(shape) + offset
    out = change_intensity(image, [GammaDraw(exponent, inverted)])
    torch.testing.assert_close(out.mean(), image.mean(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(out.std(), image.std(), rtol=1e-3, atol=1e-3)
    assert bool((out.flatten()[image.flatten().argsort()].diff() >= -1e-4).all())


@pytest.mark.parametrize("inverted", [False, True])
def test_gamma_is_the_power_of_the_range(inverted: bool) -> None:
    image = image_of((1, 30, 30))
    low, high = image.min(), image.max()
    unit = (image - low) / (high - low)
    expected = 1 - (1 - unit) ** 1.7 if inverted else unit**1.7
    expected = (expected - expected.mean()) / expected.std() * image.std() + image.mean()
    out = change_intensity(image, [GammaDraw(1.7, inverted)])
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-4)


def test_inverting_twice_gives_the_image_back() -> None:
    image = image_of((1, 20, 20))
    once = change_intensity(image, [InvertDraw()])
    torch.testing.assert_close(once.amax(), image.amax())
    assert int(once.argmax()) == int(image.argmin())
    torch.testing.assert_close(change_intensity(once, [InvertDraw()]), image)


def test_contrast_and_brightness_are_a_line() -> None:
    image = image_of((1, 20, 20))
    out = change_intensity(image, [LineDraw(gain=1.3), LineDraw(offset=-0.2)])
    torch.testing.assert_close(out, image * 1.3 - 0.2)


def test_colour_shifts_each_channel_alone() -> None:
    image = image_of((3, 8, 8))
    out = change_intensity(image, [ColourShiftDraw((0.5, 0.0, -0.25))])
    torch.testing.assert_close((out - image).mean((1, 2)), torch.tensor([0.5, 0.0, -0.25]))


def test_without_saturation_a_picture_is_grey() -> None:
    image = image_of((3, 8, 8))
    grey = change_intensity(image, [SaturationDraw(0.0)])
    torch.testing.assert_close(grey, image.mean(0, keepdim=True).expand(3, 8, 8))


def test_stains_are_those_of_the_field() -> None:
    stains = np.linalg.inv(hed_from_rgb)
    amounts = np.random.default_rng(0).uniform(0.1, 0.5, (40, 3)) @ stains
    # The range of a patch stands for 0 to 1, so a black and a white pixel are put in.
    picture = np.concatenate([np.exp(-amounts), [[1 / 255] * 3, [1.0] * 3]])
    twice = np.exp(-(amounts @ hed_from_rgb @ np.diag([1.3, 1, 1]) @ stains))
    image = torch.from_numpy(picture.T.reshape(3, 6, 7))
    low = 1 / 255
    scaled = (image - image.min()) / (image.max() - image.min())
    out = change_intensity(image, [StainDraw((1.3, 1.0, 1.0), (0.0, 0.0, 0.0))])
    assert abs(float(scaled.max()) - 1) < 1e-6
    np.testing.assert_allclose(out.reshape(3, -1).numpy().T[:40], twice, atol=3 * low)
    same = change_intensity(image, [StainDraw((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))])
    torch.testing.assert_close(same, image, rtol=0, atol=low)


def test_gaussian_noise_has_the_spread_that_was_drawn() -> None:
    image = torch.zeros(1, 100, 100)
    out = change_intensity(image, [GaussianNoiseDraw(0.15, 4)])
    assert abs(float(out.std()) - 0.15) < 0.01 and abs(float(out.mean())) < 0.01


def test_rician_noise_is_rician() -> None:
    image = torch.full((1, 100, 100), 2.0)
    image[0, 0, 0] = 0.0
    out = change_intensity(image, [RicianNoiseDraw(0.5, 4)]).flatten()[1:].numpy()
    assert stats.kstest(out, stats.rice(b=2 / 0.5, scale=0.5).cdf).pvalue > 0.001


@pytest.mark.parametrize("counts", [20.0, 400.0])
def test_poisson_noise_has_the_moments_of_counts(counts: float) -> None:
    image = torch.full((1, 200, 200), 1.0)
    image[0, 0, 0] = 0.0
    out = change_intensity(image, [PoissonNoiseDraw(counts, 4)]).flatten()[1:] * counts
    assert abs(float(out.mean()) - counts) < 0.1 * math.sqrt(counts)
    assert abs(float(out.var()) / counts - 1) < 0.05
    assert float(out.min()) >= 0


def test_speckle_grows_with_the_signal_and_leaves_the_dark_alone() -> None:
    image = torch.arange(3.0).reshape(1, 3, 1, 1).expand(1, 3, 50, 100).clone()
    out = change_intensity(image, [SpeckleDraw(0.2, 4)])[0]
    assert not bool(out[0].any())
    assert abs(float(out[1].std()) - 0.2) < 0.01 and abs(float(out[2].std()) - 0.4) < 0.02


@pytest.mark.parametrize(
    "draw",
    [
        BiasFieldDraw(0.3, 4, 1),
        RicianNoiseDraw(0.3, 2),
        PoissonNoiseDraw(50.0, 3),
        SpeckleDraw(0.3, 4),
    ],
    ids=lambda draw: type(draw).__name__,
)
def test_the_dark_of_one_channel_does_not_hang_on_another(draw: Draw) -> None:
    alone = image_of((1, 20, 24))
    darker = image_of((1, 20, 24), 5) - 7
    # Noise is drawn for all channels at once, the first one's values first.
    together = change_intensity(torch.cat([alone, darker]), [draw])[:1]
    beside_itself = change_intensity(torch.cat([alone, alone]), [draw])[:1]
    torch.testing.assert_close(together, beside_itself)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_bias_field_is_a_smooth_gain(shape: tuple[int, ...]) -> None:
    image = torch.ones(shape)
    image[(slice(None), *(slice(0, 1),) * (len(shape) - 1))] = 0
    out = change_intensity(image, [BiasFieldDraw(0.3, 4, 1)])
    lit = out[0][(1,) * (len(shape) - 2) + (slice(1, None),)]
    assert bool((out >= 0).all()) and float(lit.log().diff().abs().max()) < 0.4
    torch.testing.assert_close(out[0], out[-1])


def test_blur_is_scipys_away_from_the_edges() -> None:
    image = image_of((1, 30, 30, 30))
    out = change_intensity(image, [BlurDraw((1.0, 0.5, 1.5))])[0].numpy()
    expected = ndimage.gaussian_filter(image[0].numpy(), (1.0, 0.5, 1.5), truncate=6)
    np.testing.assert_allclose(out[9:-9, 9:-9, 9:-9], expected[9:-9, 9:-9, 9:-9], atol=1e-4)


def test_blur_is_as_wide_in_space_along_every_axis(chance, patches_of) -> None:
    draw = Blur().sample(patches_of(image_of((1, 8, 8, 8))), chance())
    assert isinstance(draw, BlurDraw)
    widths = [sd * step for sd, step in zip(draw.sd_voxels, (1.0, 0.5, 2.0), strict=True)]
    np.testing.assert_allclose(widths, widths[0])


def test_sharpening_and_blurring_keep_what_is_flat_and_move_detail_apart() -> None:
    image = image_of((1, 30, 30))
    sharp = change_intensity(image, [SharpenDraw(0.5, (1.0, 1.0))])
    blurred = change_intensity(image, [BlurDraw((1.0, 1.0))])
    torch.testing.assert_close(sharp, image + 0.5 * (image - blurred), rtol=1e-4, atol=1e-5)
    flat = torch.full((1, 12, 9), 3.0)
    torch.testing.assert_close(change_intensity(flat, [BlurDraw((2.0, 0.7))]), flat)


def test_low_resolution_along_one_axis_leaves_the_others_alone() -> None:
    wave = torch.sin(torch.arange(24.0) * 3).expand(1, 16, 24)
    torch.testing.assert_close(change_intensity(wave, [LowResolutionDraw((2.0, 1.0))]), wave)
    out = change_intensity(wave, [LowResolutionDraw((1.0, 2.0))])
    assert out.shape == wave.shape and float(out.std()) < 0.5 * float(wave.std())


def test_hounsfield_units_are_those_of_the_channel(chance, patches_of) -> None:
    image = image_of((2, 40, 40)) * 3
    patches = patches_of(image)
    for seed in range(5):
        shift = HounsfieldShift(largest_hu=30).sample(patches, chance(seed))
        window = HounsfieldWindow(width_hu=(100, 300)).sample(patches, chance(seed))
        shifted, seen = (change_intensity(image, [draw]) for draw in (shift, window))
        moved_hu = (shifted - image)[0] * 180
        torch.testing.assert_close(
            moved_hu, torch.full_like(moved_hu, shift.shift_hu), rtol=0, atol=1e-3
        )
        low, high = window.window_hu
        torch.testing.assert_close(seen[0] * 180 - 20, (image[0] * 180 - 20).clamp(low, high))
        assert torch.equal(shifted[1], image[1]) and torch.equal(seen[1], image[1])


def test_without_hounsfield_units_there_is_nothing_to_shift(chance) -> None:
    from suffice.augment import Patches

    patches = Patches(size=(8, 8), spacing=(1.0, 1.0))
    assert HounsfieldShift().sample(patches, chance()) is None
    assert HounsfieldWindow().sample(patches, chance()) is None


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), shape=st.sampled_from(SHAPES))
def test_cutout_blanks_no_more_than_its_boxes(seed: int, shape: tuple[int, ...]) -> None:
    from suffice.augment import Chance, Patches

    image = image_of(shape)
    patches = Patches(size=shape[1:], spacing=(1.0,) * (len(shape) - 1), n_channels=shape[0])
    generator = torch.Generator().manual_seed(seed)
    out = change_intensity(image, [Cutout(boxes=2).sample(patches, Chance(generator))])
    share = float((out != image).float().mean())
    assert 0 < share <= 2 * (0.25 + 1 / 7) ** (len(shape) - 1)
    for blanked, channel in zip(out, image, strict=True):
        values = blanked[blanked != channel]
        torch.testing.assert_close(values, channel.mean().expand_as(values))
