"""Cleaning a mask: laws of each step, and the search that finds them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from suffice.segmenters.postprocess import (
    Cleaning,
    clean,
    cleaned_classes,
    dilated,
    eroded,
    moves,
    search_cleaning,
)


def blobs(seed: int, shape: tuple[int, ...] = (40, 44)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return ndimage.gaussian_filter(rng.normal(size=shape), 2) > 0.05


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), radius=st.floats(0.5, 4))
def test_opening_shrinks_and_closing_grows(seed: int, radius: float) -> None:
    mask = blobs(seed)
    opened = clean(mask, Cleaning(opening=radius), (1.0, 1.0))
    closed = clean(mask, Cleaning(closing=radius), (1.0, 1.0))
    assert not (opened & ~mask).any() and not (mask & ~closed).any()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_cleaning_twice_is_cleaning_once(seed: int) -> None:
    mask = blobs(seed)
    for steps in (
        Cleaning(border="drop"),
        Cleaning(largest=1),
        Cleaning(smallest=0.01),
        Cleaning(fill_holes=True),
        Cleaning(opening=1.5),
    ):
        once = clean(mask, steps, (1.0, 1.0))
        np.testing.assert_array_equal(clean(once, steps, (1.0, 1.0)), once)


def test_radii_are_in_mm() -> None:
    mask = np.zeros((31, 31), bool)
    mask[15, 15] = True
    grown = dilated(mask, 4.0, (1.0, 2.0))
    assert grown.any(1).sum() == 9 and grown.any(0).sum() == 5
    assert eroded(np.ones((5, 5), bool), 2.0, (1.0, 1.0)).all()


def test_sides_are_the_patients() -> None:
    mask = np.zeros((20, 8, 8), bool)
    mask[2:6, 2:6, 2:6] = mask[13:18, 2:6, 2:6] = True
    left = clean(mask, Cleaning(side="left"), (1.0, 1.0, 1.0))
    right = clean(mask, Cleaning(side="right"), (1.0, 1.0, 1.0))
    assert left[:10].any() and not left[10:].any()
    np.testing.assert_array_equal(left | right, mask)


def test_air_around_goes_and_lungs_that_leave_at_the_top_stay() -> None:
    body = np.zeros((20, 20, 10), bool)
    body[3:17, 3:17] = True
    lung = np.zeros_like(body)
    lung[6:10, 6:14, 2:] = True
    dark = ~body | lung
    kept = clean(dark, Cleaning(border="drop at sides"), (1.0, 1.0, 1.0))
    np.testing.assert_array_equal(kept, lung)
    assert not clean(dark, Cleaning(border="drop"), (1.0, 1.0, 1.0)).any()


def test_nothing_stays_nothing() -> None:
    empty = np.zeros((9, 9), bool)
    for _, steps in moves(Cleaning(), 1.0):
        assert not clean(empty, steps, (1.0, 1.0)).any()


def test_the_steps_that_are_needed_are_found() -> None:
    truth = np.zeros((48, 48), bool)
    truth[10:30, 12:36] = True
    mask = truth.copy()
    mask[18:22, 20:24] = False
    mask[:2] = mask[40, 40:42] = True
    steps = search_cleaning([mask], [truth], [(1.0, 1.0)], has_time=lambda: True)
    found = clean(mask, steps, (1.0, 1.0))
    assert not found[:2].any() and found[18:22, 20:24].all()
    assert (found != truth).sum() <= 8
    idle = search_cleaning([mask], [truth], [(1.0, 1.0)], has_time=lambda: False)
    assert idle == Cleaning()


@pytest.mark.parametrize("largest", [1, 2])
def test_each_structure_is_cleaned_by_its_own_steps(largest: int) -> None:
    classes = np.array([[1, 1, 0, 2, 0, 2, 0, 1]], np.uint8)
    steps = (Cleaning(largest=largest), Cleaning())
    cleaned = cleaned_classes(classes, steps, (1.0, 1.0))
    assert (cleaned == 2).sum() == 2 and (cleaned == 1).sum() == 1 + largest
