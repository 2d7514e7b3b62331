"""Scans are brought to one orientation, spacing and brightness, however they are stored."""

from __future__ import annotations

import itertools
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.core import Grid, Image, LabelMap, Legend, ModelError
from suffice.segmenters.preparing import (
    Orientation,
    case_facts,
    network_shape,
    prepare_image,
    prepare_labels,
)
from suffice.training.plan import Plan

LEGEND = Legend.from_names({3: "a", 9: "b"})
STORED = [
    (order, flips)
    for order in itertools.permutations(range(3))
    for flips in itertools.product([False, True], repeat=3)
]


def affine_of(order: tuple[int, ...], flips: tuple[bool, ...], spacing: tuple[float, ...]):
    """Affine of a volume whose file axis ``k`` runs along world axis ``order[k]``."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (world, flip) in enumerate(zip(order, flips, strict=True)):
        affine[world, axis] = -spacing[axis] if flip else spacing[axis]
    affine[:3, 3] = (10, -20, 30)
    return affine


@pytest.mark.parametrize(("order", "flips"), STORED)
def test_canonical_order_is_that_of_nibabel(
    order: tuple[int, ...], flips: tuple[bool, ...]
) -> None:
    affine = affine_of(order, flips, (1.0, 2.0, 3.0))
    array = np.arange(24).reshape(2, 3, 4)
    orientation = Orientation.of(Grid(array.shape, affine=affine))
    expected = nib.as_closest_canonical(nib.Nifti1Image(array.astype(np.int16), affine))
    canonical = orientation.to_canonical(array)
    np.testing.assert_array_equal(canonical, np.asarray(expected.dataobj))
    np.testing.assert_array_equal(orientation.from_canonical(canonical), array)
    channels = np.stack([array, -array])
    np.testing.assert_array_equal(orientation.to_canonical(channels)[1], -canonical)
    np.testing.assert_array_equal(
        orientation.from_canonical(orientation.to_canonical(channels)), channels
    )
    zooms = expected.header.get_zooms()
    assert orientation.reorder((1.0, 2.0, 3.0)) == pytest.approx(zooms)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31))
def test_oblique_volumes_come_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0] * rng.uniform(0.5, 5, 3)
    array = rng.normal(size=(2, 3, 4))
    orientation = Orientation.of(Grid(array.shape, affine=affine))
    assert sorted(orientation.order) == [0, 1, 2]
    np.testing.assert_array_equal(
        orientation.from_canonical(orientation.to_canonical(array)), array
    )


def test_pictures_stay_as_they_are() -> None:
    orientation = Orientation.of(Grid((3, 4)))
    array = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(orientation.to_canonical(array), array)


def volume(small_plan: Plan, scale: float = 1.0) -> tuple[Image, Plan]:
    rng = np.random.default_rng(0)
    grid = Grid.from_spacing((12, 10, 8), (1.0, 1.0, 1.5))
    array = scale * rng.normal(5, 2, (1, *grid.shape))
    return Image(array.astype(np.float32), grid), small_plan


def test_each_scan_is_brought_to_zero_mean_and_unit_spread(small_plan: Plan) -> None:
    image, plan = volume(small_plan)
    prepared = prepare_image(image, plan)
    assert prepared.dtype == np.float32
    assert abs(prepared.mean()) < 0.01 and prepared.std() == pytest.approx(1, abs=0.02)
    louder = replace(image, array=40 * image.array + 1000)
    np.testing.assert_allclose(prepare_image(louder, plan), prepared, atol=1e-3)


def test_a_picture_for_a_model_of_volumes_is_told_by_its_axes(small_plan: Plan) -> None:
    colours = Image(np.zeros((3, 12, 10), np.float32), Grid((12, 10)))
    with pytest.raises(ModelError, match=r"got 2 axes, expected 3.*needs volumes"):
        prepare_image(colours, small_plan)


def test_hounsfield_units_keep_their_meaning(small_plan: Plan) -> None:
    image, plan = volume(small_plan)
    plan = replace(plan, normalisation=("cohort",), intensity=((0.0, 9.0, 4.0, 2.0),))
    expected = (np.clip(image.array, 0, 9) - 4) / 2
    np.testing.assert_allclose(prepare_image(image, plan), expected, rtol=1e-5)


def test_an_image_of_one_value_stays_finite(small_plan: Plan) -> None:
    image, plan = volume(small_plan)
    flat = replace(image, array=np.full_like(image.array, 7))
    np.testing.assert_array_equal(prepare_image(flat, plan), 0)


@settings(max_examples=20, deadline=None)
@given(st.tuples(*(st.integers(1, 9),) * 3), st.tuples(*(st.floats(0.4, 3),) * 3))
def test_shapes_follow_the_spacing(
    small_plan: Plan, shape: tuple[int, ...], spacing: tuple[float, ...]
) -> None:
    image = Image(np.zeros((1, *shape), np.float32), Grid.from_spacing(shape, spacing))
    found = network_shape(image, small_plan)
    assert prepare_image(image, small_plan).shape == (1, *found)
    for n, new, old, m in zip(shape, small_plan.spacing_mm, spacing, found, strict=True):
        assert m == max(1, round(n * old / new))


def test_slices_come_first(small_plan: Plan) -> None:
    plan = replace(
        small_plan, slice_axis=2, ndim=2, patch_size=(16, 16), strides=((2, 2),), flip_axes=()
    )
    image, _ = volume(small_plan)
    prepared = prepare_image(image, plan)
    assert prepared.shape == (1, 8, 12, 10)
    np.testing.assert_allclose(
        np.moveaxis(prepared, 1, 3), prepare_image(image, small_plan), rtol=1e-5
    )


def test_labels_become_classes_on_the_same_lattice(small_plan: Plan) -> None:
    image, plan = volume(small_plan)
    array = np.random.default_rng(1).choice([0, 3, 9], image.grid.shape).astype(np.uint8)
    classes = prepare_labels(LabelMap(array, image.grid, LEGEND), image, plan)
    np.testing.assert_array_equal(classes, LEGEND.to_classes(array))


@pytest.mark.parametrize(
    ("shape", "grid", "message"),
    [
        ((2, 4, 4, 4), Grid.from_spacing((4, 4, 4), None), "2 channels.*expected 1"),
        ((1, 4, 4), Grid((4, 4)), "2 axes.*pictures"),
    ],
)
def test_images_that_do_not_fit_are_refused(
    small_plan: Plan, shape: tuple[int, ...], grid: Grid, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        prepare_image(Image(np.zeros(shape, np.float32), grid), small_plan)


def test_the_facts_of_a_case_do_not_hang_on_how_it_is_stored() -> None:
    rng = np.random.default_rng(0)
    labels = np.zeros((12, 10, 8), np.uint8)
    labels[1:4, 3:6, 2:7], labels[8:11, 3:6, 2:7] = 3, 9
    image = Image(rng.normal(size=(1, *labels.shape)), Grid.from_spacing(labels.shape, (1, 2, 3)))
    facts = case_facts(image, LabelMap(labels, image.grid, LEGEND), rng)
    assert facts.shape == labels.shape and facts.spacing_mm == (1, 2, 3)
    assert facts.class_voxels == (960 - 90, 45, 45)
    assert facts.class_centres[0][0] == pytest.approx(2 / 12)

    grid = Grid((8, 12, 10), affine=affine_of((2, 0, 1), (False, True, False), (3, 1, 2)))
    stored = [np.flip(a.transpose(2, 0, 1), 1) for a in (image.array[0], labels)]
    again = case_facts(Image(stored[0][None], grid), LabelMap(stored[1], grid, LEGEND), rng)
    assert again.shape == facts.shape and again.spacing_mm == facts.spacing_mm
    assert again.class_centres == facts.class_centres
    assert sorted(again.foreground[0]) == sorted(facts.foreground[0])


def test_pictures_are_taken_pixel_by_pixel_whatever_their_spacing(picture_plan: Plan) -> None:
    labels = np.zeros((20, 30), np.uint8)
    labels[4:8, 4:8] = 3
    grid = Grid(labels.shape, pixel_spacing_mm=(0.1, 0.1))
    image = Image(np.random.default_rng(0).normal(size=(1, 20, 30)), grid)
    facts = case_facts(image, LabelMap(labels, grid, LEGEND), np.random.default_rng(0))
    plan = replace(picture_plan, spacing_mm=facts.spacing_mm)
    assert network_shape(image, plan) == (20, 30)
