"""Patches are moved as drawn: nothing at neutral ranges, angles as they are in the world."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.augment import SpatialDraw, SpatialRanges, warp

NEUTRAL = SpatialRanges(
    rotation_deg=0, scale=1, stretch=1, shear=0, bend=0, probability=1, flip_axes=()
)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def moved(matrix: torch.Tensor, ndim: int) -> SpatialDraw:
    return SpatialDraw(matrix[None], torch.zeros(1, ndim, *(3,) * ndim))


def centre_mm(blob: torch.Tensor, spacing: tuple[float, ...]) -> np.ndarray:
    """Centre of mass about the middle of the patch."""
    mass = blob.numpy()
    index = np.indices(mass.shape)
    middle = [(n - 1) / 2 for n in mass.shape]
    return np.array(
        [
            ((i - m) * mass).sum() / mass.sum() * s
            for i, m, s in zip(index, middle, spacing, strict=True)
        ]
    )


def blob_at(place_mm: tuple[float, ...], shape: tuple[int, ...], spacing: tuple[float, ...]):
    index = np.indices(shape)
    apart = sum(
        ((i - (n - 1) / 2) * s - p) ** 2
        for i, n, s, p in zip(index, shape, spacing, place_mm, strict=True)
    )
    return torch.from_numpy(np.exp(-apart / 8)).float()


@pytest.mark.parametrize("shape", [(9, 12), (7, 8, 5)])
def test_neutral_ranges_move_nothing(shape: tuple[int, ...]) -> None:
    batch = torch.randn(2, 3, *shape)
    draw = SpatialDraw.sample(2, len(shape), NEUTRAL, rng())
    torch.testing.assert_close(
        warp(batch, draw, (1.0, 2.5, 0.7)[: len(shape)]), batch, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_draw_can_be_replayed(ndim: int) -> None:
    ranges = SpatialRanges(flip_axes=(0,))
    batch = torch.randn(3, 1, *(12,) * ndim)
    first, second, other = (SpatialDraw.sample(3, ndim, ranges, rng(s)) for s in (5, 5, 6))
    spacing = (1.0,) * ndim
    assert torch.equal(warp(batch, first, spacing), warp(batch, second, spacing))
    assert not torch.equal(warp(batch, first, spacing), warp(batch, other, spacing))


@settings(max_examples=15, deadline=None)
@given(
    degrees=st.floats(-80, 80),
    spacing=st.tuples(st.floats(0.8, 2.5), st.floats(0.8, 2.5)),
    place=st.tuples(st.floats(-6, 6), st.floats(-6, 6)),
)
def test_an_angle_on_anisotropic_pixels_is_an_angle_in_millimetres(
    degrees: float, spacing: tuple[float, float], place: tuple[float, float]
) -> None:
    shape = tuple(math.ceil(40 / s) for s in spacing)
    angle = math.radians(degrees)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    blob = blob_at(place, shape, spacing)
    out = warp(blob[None, None], moved(turn, 2), spacing)[0, 0]
    # The draw maps places of the output to places of the input.
    expected = turn.T.numpy() @ np.array(place)
    np.testing.assert_allclose(centre_mm(out, spacing), expected, atol=0.15)


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_volumes_turn_and_shear_in_millimetres(data: st.DataObject) -> None:
    spacing = (1.0, 1.5, 2.4)
    shape = (30, 20, 13)
    place = data.draw(st.tuples(*(st.floats(-4, 4),) * 3))
    ranges = SpatialRanges(probability=1, bend=0, rotation_deg=25, scale=1.2)
    draw = SpatialDraw.sample(1, 3, ranges, rng(data.draw(st.integers(0, 1000))))
    blob = blob_at(place, shape, spacing)
    out = warp(blob[None, None], draw, spacing)[0, 0]
    expected = np.linalg.solve(draw.matrix[0].numpy(), np.array(place))
    if np.abs(expected).max() < 7:
        np.testing.assert_allclose(centre_mm(out, spacing), expected, atol=0.3)


@pytest.mark.parametrize("axes", [(), (1,), (0, 2), (0, 1, 2)])
def test_only_allowed_axes_are_mirrored(axes: tuple[int, ...]) -> None:
    ranges = SpatialRanges(probability=0, flip_axes=axes)
    draw = SpatialDraw.sample(64, 3, ranges, rng())
    signs = torch.diagonal(draw.matrix, dim1=1, dim2=2)
    assert torch.equal(draw.matrix, torch.diag_embed(signs))
    mirrored = {axis for axis in range(3) if bool((signs[:, axis] < 0).any())}
    assert mirrored == set(axes)
    assert all(10 < int((signs[:, axis] < 0).sum()) < 54 for axis in axes)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_mirroring_is_the_flip_of_the_axis(axis: int) -> None:
    batch = torch.randn(1, 2, 6, 7, 8)
    sign = torch.ones(3)
    sign[axis] = -1
    out = warp(batch, moved(torch.diag(sign), 3), (1.0, 2.0, 3.0))
    torch.testing.assert_close(out, batch.flip(2 + axis), rtol=1e-4, atol=1e-4)


def test_a_shift_of_the_elastic_field_is_in_millimetres_along_its_axis() -> None:
    spacing, shape = (1.0, 2.0), (40, 20)
    blob = blob_at((0, 0), shape, spacing)
    bend = torch.zeros(1, 2, 3, 3)
    bend[:, 1] = 4.0
    out = warp(blob[None, None], SpatialDraw(torch.eye(2)[None], bend), spacing)[0, 0]
    np.testing.assert_allclose(centre_mm(out, spacing), (0, -4), atol=0.1)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), ndim=st.sampled_from([2, 3]))
def test_draws_stay_within_their_ranges(seed: int, ndim: int) -> None:
    ranges = SpatialRanges(probability=1, rotation_deg=30, scale=1.3, stretch=1, shear=0, bend=0)
    draw = SpatialDraw.sample(4, ndim, ranges, rng(seed))
    factors = torch.linalg.det(draw.matrix) ** (1 / ndim)
    assert bool((factors > 1 / 1.301).all() and (factors < 1.301).all())
    turns = draw.matrix / factors[:, None, None]
    torch.testing.assert_close(
        turns @ turns.mT, torch.eye(ndim).expand(4, -1, -1), rtol=1e-4, atol=1e-4
    )
    assert not bool(draw.bend.any())
