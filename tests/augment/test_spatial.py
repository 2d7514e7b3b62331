"""Patches are moved as drawn: image and labels together, angles as they are in the world."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch.nn import functional as F

from suffice.augment import Chance, Lookup, Patches, SpatialDraw, SpatialRanges, coordinates, warp

SIZES = [(26, 33), (18, 22, 15)]
SPACING = (1.0, 1.5, 2.4)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw_of(ndim: int, ranges: SpatialRanges, seed: int = 0) -> SpatialDraw:
    patches = Patches(size=(32,) * ndim, spacing=(1.0,) * ndim)
    return ranges.sample(patches, Chance(rng(seed)))


def labels_of(size: tuple[int, ...], n_classes: int) -> torch.Tensor:
    coarse = torch.rand((1, 1, *(5,) * len(size)), generator=rng(3)) * n_classes
    return F.interpolate(coarse, size)[0, 0].to(torch.uint8)


def blob_at(place_mm: np.ndarray, shape: tuple[int, ...], spacing: tuple[float, ...]):
    """A ball about a place given from the middle of the patch."""
    index = np.indices(shape)
    apart = sum(
        ((i - (n - 1) / 2) * s - p) ** 2
        for i, n, s, p in zip(index, shape, spacing, place_mm, strict=True)
    )
    return torch.from_numpy(np.exp(-apart / 8)).float()


def centre_mm(mass: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    centre = np.array(ndimage.center_of_mass(mass))
    return (centre - (np.array(mass.shape) - 1) / 2) * np.array(spacing)


@pytest.mark.parametrize("size", SIZES)
def test_neutral_ranges_move_nothing(size: tuple[int, ...]) -> None:
    neutral = SpatialRanges(rotation_deg=0, scale=1, stretch=1, shear=0, bend=0, probability=1)
    image, labels = torch.randn(2, *size), labels_of(size, 3)
    for ranges in (neutral, SpatialRanges(probability=0)):
        draw = draw_of(len(size), ranges)
        assert draw.only_flips
        moved, shares = warp(image, labels, 3, draw, SPACING[: len(size)])
        assert torch.equal(moved, image) and moved.data_ptr() != image.data_ptr()
        assert torch.equal(shares.argmax(0), labels.long())
    # What is interpolated at the voxels themselves is what lies there.
    turned = SpatialDraw(rotation_deg=(0.0,) * (3 if len(size) == 3 else 1))
    moved, shares = warp(image, labels, 3, turned, SPACING[: len(size)])
    torch.testing.assert_close(moved, image, rtol=0, atol=5e-4)
    assert torch.equal(shares.argmax(0), labels.long())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("n_classes", [2, 5, 300])
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_reads_what_torch_reads_of_the_image_and_of_every_class(
    size: tuple[int, ...], n_classes: int, seed: int
) -> None:
    ndim = len(size)
    ranges = SpatialRanges(probability=1, rotation_deg=90, scale=1.5, bend=2, flip_axes=(0,))
    draw = draw_of(ndim, ranges, seed)
    noise = np.random.default_rng(seed).normal(size=(2, *size))
    image = torch.from_numpy(ndimage.gaussian_filter(noise, 1)).float()
    n_drawn = min(n_classes, 5)
    labels = labels_of(size, n_drawn)
    moved, shares = warp(image, labels, n_classes, draw, SPACING[:ndim])
    places = coordinates(draw, size, SPACING[:ndim])
    scale = torch.tensor([2 / n for n in size]).reshape(-1, *(1,) * ndim)
    grid = (places * scale + scale / 2 - 1).flip(0).movedim(0, -1)[None]
    foreground = torch.stack([labels == value for value in range(1, n_drawn)]).float()
    stack = torch.cat([image, foreground])[None]
    expected = F.grid_sample(stack, grid, align_corners=False)[0]
    torch.testing.assert_close(moved, expected[:2], rtol=0, atol=1e-3)
    torch.testing.assert_close(shares[1:n_drawn], expected[2 : 1 + n_drawn], rtol=0, atol=1e-4)
    assert not bool(shares[n_drawn:].any())
    torch.testing.assert_close(shares.sum(0), torch.ones(size))
    assert float(shares.min()) > -1e-6


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.sampled_from(SIZES))
def test_an_affine_motion_is_scipys(seed: int, size: tuple[int, ...]) -> None:
    ndim = len(size)
    ranges = SpatialRanges(probability=1, bend=0, flip_axes=(0, 1))
    draw = draw_of(ndim, ranges, seed)
    image = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=size), 1.5)
    spacing = np.array(SPACING[:ndim])
    matrix = draw.matrix(ndim).numpy() * spacing / spacing[:, None]
    middle = (np.array(size) - 1) / 2
    expected = ndimage.affine_transform(
        image, matrix, middle - matrix @ middle, order=1, mode="grid-constant"
    )
    moved, _ = warp(
        torch.from_numpy(image)[None], torch.zeros(size, dtype=torch.uint8), 1, draw, spacing
    )
    np.testing.assert_allclose(moved[0].numpy(), expected, atol=1e-4)


@settings(max_examples=12, deadline=None)
@given(data=st.data(), ndim=st.sampled_from([2, 3]))
def test_landmarks_of_image_and_mask_stay_together(data: st.DataObject, ndim: int) -> None:
    shape, spacing = (44, 32, 20)[:ndim], (1.0, 1.5, 2.4)[:ndim]
    place = np.array(data.draw(st.tuples(*(st.floats(-5, 5),) * ndim)))
    ranges = SpatialRanges(probability=1, bend=2, flip_axes=(0, 1))
    draw = draw_of(ndim, ranges, data.draw(st.integers(0, 10_000)))
    blob = blob_at(place, shape, spacing)
    # Seen as a picture of the blob and as a mask of where it is bright.
    image = torch.stack([blob, (blob > 0.5).float()])
    moved, shares = warp(image, (blob > 0.5).to(torch.uint8), 2, draw, spacing)
    half_voxel = np.array(spacing) / 2
    of_image, of_mask = (centre_mm(m.numpy(), spacing) for m in (moved[1], shares[1]))
    assert bool((np.abs(of_image - of_mask) < 0.01 * half_voxel).all())
    # Where the blob now lies reads where it lay: the motion is that of the coordinates.
    places = coordinates(draw, shape, spacing).reshape(ndim, -1).numpy().T
    there = (places - (np.array(shape) - 1) / 2) * spacing
    nearest = np.argmin(((there - place) ** 2).sum(1))
    expected = np.array(np.unravel_index(nearest, shape)) * spacing
    expected -= (np.array(shape) - 1) / 2 * spacing
    if np.abs(expected).max() < 12 and np.abs(there[nearest] - place).max() < 1:
        bright = centre_mm(np.where(moved[0] > 0.8 * moved[0].max(), moved[0], 0), spacing)
        assert bool((np.abs(bright - expected) < 2 * half_voxel).all())


@settings(max_examples=12, deadline=None)
@given(data=st.data(), ndim=st.sampled_from([2, 3]))
def test_turns_and_shears_are_in_millimetres(data: st.DataObject, ndim: int) -> None:
    shape, spacing = (44, 32, 20)[:ndim], (1.0, 1.5, 2.4)[:ndim]
    place = np.array(data.draw(st.tuples(*(st.floats(-5, 5),) * ndim)))
    ranges = SpatialRanges(probability=1, bend=0, rotation_deg=60, scale=1.2)
    draw = draw_of(ndim, ranges, data.draw(st.integers(0, 10_000)))
    blob = blob_at(place, shape, spacing)
    moved, _ = warp(blob[None], torch.zeros(shape, dtype=torch.uint8), 1, draw, spacing)
    # The draw maps places of the output to places of the input.
    expected = np.linalg.solve(draw.matrix(ndim).numpy(), place)
    if np.abs(expected).max() < 8:
        np.testing.assert_allclose(centre_mm(moved[0].numpy(), spacing), expected, atol=0.3)


@pytest.mark.parametrize(("size", "axis"), [(s, a) for s in SIZES for a in range(len(s))])
def test_mirroring_is_exact_alone_and_a_reflection_with_the_rest(
    size: tuple[int, ...], axis: int
) -> None:
    ndim = len(size)
    image, labels = torch.randn(2, *size), labels_of(size, 4)
    moved, shares = warp(image, labels, 4, SpatialDraw(flips=(axis,)), SPACING[:ndim])
    assert torch.equal(moved, image.flip(axis + 1))
    assert torch.equal(shares.argmax(0), labels.flip(axis).long())
    turn = SpatialDraw(flips=(axis,), rotation_deg=(0.0,) * (3 if ndim == 3 else 1))
    moved, _ = warp(image, labels, 4, turn, SPACING[:ndim])
    torch.testing.assert_close(moved, image.flip(axis + 1), rtol=0, atol=2e-3)


@pytest.mark.parametrize("axes", [(), (1,), (0, 2), (0, 1, 2)])
def test_only_allowed_axes_are_mirrored_half_of_the_time(axes: tuple[int, ...]) -> None:
    ranges = SpatialRanges(probability=0, flip_axes=axes)
    draws = [draw_of(3, ranges, seed) for seed in range(64)]
    counts = {axis: sum(axis in draw.flips for draw in draws) for axis in range(3)}
    assert {axis for axis, n in counts.items() if n} == set(axes)
    assert all(10 < counts[axis] < 54 for axis in axes)
    assert all(draw.only_flips for draw in draws)


@pytest.mark.parametrize("ndim", [2, 3])
def test_bending_is_smooth_and_as_strong_as_drawn(ndim: int) -> None:
    size, spacing = (40, 36, 30)[:ndim], SPACING[:ndim]
    draw = SpatialDraw(bend=2.0, bend_seed=5)
    rest = torch.stack(torch.meshgrid(*map(torch.arange, size), indexing="ij"))
    moved_mm = (coordinates(draw, size, spacing) - rest) * torch.tensor(spacing).reshape(
        -1, *(1,) * ndim
    )
    points = draw.control_points(ndim)
    # The outermost control points lie on the corners, and are reached there.
    for corner in itertools.product((0, -1), repeat=ndim):
        torch.testing.assert_close(
            moved_mm[(slice(None), *corner)], points[(slice(None), *corner)], rtol=1e-3, atol=1e-3
        )
    steps = max(float(moved_mm.diff(dim=1 + axis).abs().max()) for axis in range(ndim))
    assert steps < 2.5 and 0.5 < float(moved_mm.std()) < 2


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), ndim=st.sampled_from([2, 3]))
def test_draws_stay_within_their_ranges(seed: int, ndim: int) -> None:
    ranges = SpatialRanges(probability=1, rotation_deg=30, scale=1.3, stretch=1, shear=0, bend=0)
    draw = draw_of(ndim, ranges, seed)
    assert all(abs(angle) <= 30 for angle in draw.rotation_deg)
    matrix = draw.matrix(ndim)
    factor = float(torch.linalg.det(matrix)) ** (1 / ndim)
    assert 1 / 1.301 < factor < 1.301
    turn = matrix / factor
    torch.testing.assert_close(turn @ turn.mT, torch.eye(ndim, dtype=torch.float64))


def test_a_quarter_turn_of_a_square_is_rot90() -> None:
    image, labels = torch.randn(1, 21, 21), labels_of((21, 21), 3)
    moved, shares = warp(image, labels, 3, SpatialDraw(rotation_deg=(90.0,)), (1.0, 1.0))
    torch.testing.assert_close(moved, torch.rot90(image, -1, (1, 2)), rtol=0, atol=1e-4)
    assert torch.equal(shares.argmax(0), torch.rot90(labels, -1, (0, 1)).long())
    assert math.isclose(float(torch.linalg.det(SpatialDraw(shear=(0.1, 0.2)).matrix(2))), 0.98)


def test_the_image_may_be_of_another_size_than_the_output() -> None:
    image, labels = torch.randn(1, 20, 30, 12), labels_of((20, 30, 12), 3)
    part = torch.stack(torch.meshgrid(*map(torch.arange, (5, 6, 7)), indexing="ij")).float()
    lookup = Lookup(part + 3, image.shape[1:])
    torch.testing.assert_close(lookup.image(image), image[:, 3:8, 3:9, 3:10], rtol=0, atol=5e-4)
    assert torch.equal(
        lookup.shares(labels, 3, torch.float32).argmax(0), labels[3:8, 3:9, 3:10].long()
    )


def test_reading_slab_by_slab_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    size = SIZES[1]
    image, labels = torch.randn(2, *size), labels_of(size, 4)
    draw = draw_of(3, SpatialRanges(probability=1), 2)
    whole = warp(image, labels, 4, draw, SPACING)
    monkeypatch.setattr("suffice.augment.lookup.SLAB_VOXELS", 700)
    for one, other in zip(whole, warp(image, labels, 4, draw, SPACING), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
