"""Artefacts of MR against the definition in k-space."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from suffice.augment import GhostingDraw, MotionDraw, SpikesDraw, change_intensity


def image_of(*shape: int) -> torch.Tensor:
    noise = np.random.default_rng(1).normal(size=shape)
    return torch.from_numpy(ndimage.gaussian_filter(noise, (0, *(1.5,) * (len(shape) - 1))))


@pytest.mark.parametrize("shape", [(1, 24, 20), (2, 12, 15, 8)])
@pytest.mark.parametrize("every", [2, 3, 5])
def test_ghosting_weakens_every_nth_line_of_k_space(shape: tuple[int, ...], every: int) -> None:
    image = image_of(*shape)
    out = change_intensity(image, [GhostingDraw(axis=1, ghosts=every, strength=0.4)])
    lines = torch.fft.fftfreq(shape[2], 1 / shape[2]).round().abs()
    weak = (lines % every == 0) & (lines > 0)
    factor = torch.where(weak, 0.6, 1.0).reshape(1, 1, -1, *(1,) * (len(shape) - 3))
    axes = tuple(range(1, len(shape)))
    expected = torch.fft.fftn(image, dim=axes) * factor
    torch.testing.assert_close(torch.fft.fftn(out, dim=axes), expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(out.mean(axes), image.mean(axes))


@settings(max_examples=15, deadline=None)
@given(place=st.tuples(st.integers(0, 11), st.integers(0, 14)), phase=st.floats(0, 6))
def test_a_spike_is_one_point_of_k_space_and_its_mirror(
    place: tuple[int, int], phase: float
) -> None:
    image = image_of(1, 12, 15)
    out = change_intensity(image, [SpikesDraw(0.3, (place,), (phase,))])
    added = torch.fft.fftn((out - image)[0]).abs()
    mirror = ((12 - place[0]) % 12, (15 - place[1]) % 15)
    expected = torch.zeros(12, 15, dtype=added.dtype)
    half = 0.3 * 12 * 15 / 2
    expected[place] = expected[mirror] = half
    if mirror == place:
        expected[place] = 2 * half * abs(math.cos(phase))
    torch.testing.assert_close(added, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 24, 20), (2, 12, 14, 10)])
def test_who_moves_before_the_centre_is_measured_lies_where_the_mask_is(
    shape: tuple[int, ...],
) -> None:
    image = image_of(*shape)
    shift = (3.0, -2.0, 1.0)[: len(shape) - 1]
    # Nobody moves, and somebody who moved before the first line.
    for moments in ((1.0,), (0.0,)):
        out = change_intensity(image, [MotionDraw(0, moments, (shift,))])
        torch.testing.assert_close(out, image)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_motion_puts_lines_of_a_displaced_patient_together(axis: int) -> None:
    image = image_of(1, 12, 15, 10)
    shift = (2, -3, 1)
    out = change_intensity(image, [MotionDraw(axis, (0.8,), (tuple(map(float, shift)),))])
    axes = (1, 2, 3)
    rest, moved = (
        torch.fft.fftshift(torch.fft.fftn(each, dim=axes), dim=axis + 1)
        for each in (image, image.roll(shift, axes))
    )
    n = image.shape[axis + 1]
    late = (torch.arange(n) >= round(0.8 * n)).reshape(-1, *(1,) * (2 - axis))
    space = torch.fft.ifftshift(torch.where(late, moved, rest), dim=axis + 1)
    expected = torch.fft.ifftn(space, dim=axes).real
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-6)
