"""Changes of brightness: nothing at neutral ranges, replayed from their draw."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from suffice.augment import IntensityDraw, IntensityRanges, change_intensity

NEUTRAL = IntensityRanges(
    probability=1, contrast=1, brightness=0, gamma=1, noise=0, blur=1, bias_field=0, colour=0
)
EVERYTHING = IntensityRanges(probability=1, invert=True, colour=0.4)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=[(2, 24, 20), (1, 10, 12, 8)])
def image(request: pytest.FixtureRequest) -> torch.Tensor:
    return torch.randn(request.param, generator=rng(9))


def nothing(image: torch.Tensor) -> IntensityDraw:
    return IntensityDraw.sample(image.ndim - 1, image.shape[0], NEUTRAL, rng())


def test_neutral_ranges_change_nothing(image: torch.Tensor) -> None:
    assert torch.equal(change_intensity(image, nothing(image)), image)


def test_no_chance_changes_nothing(image: torch.Tensor) -> None:
    ranges = replace(EVERYTHING, probability=0.0)
    draw = IntensityDraw.sample(image.ndim - 1, image.shape[0], ranges, rng())
    assert torch.equal(change_intensity(image, draw), image)


def test_a_draw_is_replayed_and_hangs_on_its_generator_alone(image: torch.Tensor) -> None:
    def changed(seed: int) -> torch.Tensor:
        draw = IntensityDraw.sample(image.ndim - 1, image.shape[0], EVERYTHING, rng(seed))
        once = change_intensity(image, draw)
        assert torch.equal(once, change_intensity(image, draw))
        return once

    before = image.clone()
    first = changed(1)
    torch.manual_seed(77)
    assert torch.equal(first, changed(1))
    assert not torch.equal(first, changed(2))
    assert torch.equal(image, before)
    assert first.shape == image.shape and bool(torch.isfinite(first).all())


@pytest.mark.parametrize("inverted", [True, False])
@pytest.mark.parametrize("gamma", [0.6, 1.7])
def test_gamma_keeps_mean_spread_and_order(
    image: torch.Tensor, gamma: float, inverted: bool
) -> None:
    out = change_intensity(image, replace(nothing(image), gamma=gamma, gamma_inverted=inverted))
    torch.testing.assert_close(out.mean(), image.mean(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(out.std(), image.std(), rtol=1e-4, atol=1e-4)
    assert bool((out.flatten()[image.flatten().argsort()].diff() >= -1e-5).all())
    assert not torch.allclose(out, image, atol=1e-2)


def test_inverting_twice_gives_the_image_back(image: torch.Tensor) -> None:
    draw = replace(nothing(image), invert=True)
    once = change_intensity(image, draw)
    torch.testing.assert_close(once.amax(), image.amax())
    assert int(once.argmax()) == int(image.argmin())
    torch.testing.assert_close(change_intensity(once, draw), image, rtol=1e-4, atol=1e-5)


def test_contrast_and_brightness_are_a_line(image: torch.Tensor) -> None:
    out = change_intensity(image, replace(nothing(image), contrast=1.3, brightness=-0.2))
    torch.testing.assert_close(out, image * 1.3 - 0.2)


def test_colour_shifts_each_channel_alone() -> None:
    image = torch.randn(3, 8, 8)
    out = change_intensity(image, replace(nothing(image), colour=(0.5, 0.0, -0.25)))
    shift = (out - image).mean((1, 2))
    torch.testing.assert_close(shift, torch.tensor([0.5, 0.0, -0.25]))


def test_blur_takes_detail_and_keeps_the_size(image: torch.Tensor) -> None:
    out = change_intensity(image, replace(nothing(image), blur=2.0))
    assert out.shape == image.shape
    assert float(out.std()) < 0.8 * float(image.std())


def test_noise_has_the_spread_that_was_drawn() -> None:
    image = torch.zeros(1, 100, 100)
    out = change_intensity(image, replace(nothing(image), noise=0.15))
    assert abs(float(out.std()) - 0.15) < 0.01 and abs(float(out.mean())) < 0.01


def test_an_image_of_one_value_stays_finite() -> None:
    image = torch.full((1, 8, 8), 2.0)
    draw = IntensityDraw.sample(2, 1, EVERYTHING, rng())
    assert bool(torch.isfinite(change_intensity(image, draw)).all())
