"""Batches: shapes, padding, how often each case and structure is met."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.training.batches import PatchSampler
from suffice.training.store import StoredCase


def case(shape: tuple[int, ...], value: float = 1.0, points: list | None = None) -> StoredCase:
    labels = np.zeros(shape, np.uint8)
    for point in points or []:
        labels[tuple(point[1:])] = point[0]
    return StoredCase(
        name="case",
        image=np.full((1, *shape), value, np.float16),
        labels=labels,
        points=np.array(points or np.zeros((0, 1 + len(shape))), np.int32),
    )


def sampler(cases: list[StoredCase], patch: tuple[int, ...], **options: object) -> PatchSampler:
    chosen: dict = {"batch_size": 2, "foreground": 0.5, "rng": np.random.default_rng(0), **options}
    return PatchSampler(cases, patch_size=patch, **chosen)


@settings(max_examples=25, deadline=None)
@given(
    shape=st.lists(st.integers(1, 12), min_size=2, max_size=3),
    patch=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_patches_have_the_size_asked_for(shape: list[int], patch: int, seed: int) -> None:
    cases = [case(tuple(shape), points=[[1, *(n - 1 for n in shape)]])]
    patches = sampler(cases, (patch,) * len(shape), rng=np.random.default_rng(seed))
    images, labels = patches.draw()
    assert images.shape == (2, 1, *(patch,) * len(shape))
    assert labels.shape == (2, *(patch,) * len(shape))
    assert str(images.dtype) == "torch.float32" and str(labels.dtype) == "torch.uint8"
    # All that fits of the scan is in the patch, and only that.
    assert int(images[0].sum()) == np.prod([min(n, patch) for n in shape])


def test_small_scans_are_padded_around() -> None:
    images, _ = sampler([case((3, 8))], (7, 8)).draw()
    rows = images[0, 0, :, 0].tolist()
    assert rows == [0, 0, 1, 1, 1, 0, 0]


def test_slices_of_volumes() -> None:
    stack = case((5, 20, 20), points=[[1, 3, 10, 10]])
    images, labels = sampler([stack], (8, 8), foreground=1.0).draw()
    assert images.shape == (2, 1, 8, 8) and labels.shape == (2, 8, 8)
    assert bool((labels.amax((1, 2)) == 1).all())


def test_every_case_is_drawn_as_often_as_any_other() -> None:
    cases = [case((4 + 3 * i, 6), value=i) for i in range(5)]
    patches = sampler(cases, (4, 4), batch_size=1)
    met = Counter(float(patches.draw()[0].max()) for _ in range(50))
    assert met == {float(i): 10 for i in range(5)}


def test_foreground_is_met_as_often_as_asked() -> None:
    scan = case((200, 200), points=[[1, 100, 100]])
    for foreground, low, high in [(0.0, 0, 6), (0.5, 70, 130), (1.0, 200, 200)]:
        patches = sampler([scan], (8, 8), batch_size=200, foreground=foreground)
        n_met = int((patches.draw()[1].amax((1, 2)) > 0).sum())
        assert low <= n_met <= high


def test_rare_structures_are_met_as_often_as_common_ones() -> None:
    common = [[1, row, column] for row in range(20, 40) for column in range(20, 40)]
    scan = case((200, 200), points=[*common, [2, 150, 150]])
    labels = sampler([scan], (8, 8), batch_size=200, foreground=1.0).draw()[1]
    assert 70 <= int((labels == 2).any(2).any(1).sum()) <= 130


def test_structures_are_not_always_in_the_middle() -> None:
    scan = case((64, 64), points=[[1, 32, 32]])
    labels = sampler([scan], (16, 16), batch_size=60, foreground=1.0).draw()[1]
    rows = {int(row) for row in labels.amax(2).argmax(1)}
    assert len(rows) > 4


def test_a_sampler_goes_on_where_another_was(disc_cases: list[StoredCase]) -> None:
    first = sampler(disc_cases, (16, 16))
    first.draw()
    state = first.state()
    wanted = [first.draw() for _ in range(6)]
    second = sampler(disc_cases, (16, 16), rng=np.random.default_rng(5))
    second.restore(state)
    for images, labels in wanted:
        again = second.draw()
        assert bool((again[0] == images).all() and (again[1] == labels).all())


@pytest.mark.parametrize("foreground", [0.0, 1.0])
def test_scans_without_a_structure_are_drawn_too(foreground: float) -> None:
    images, labels = sampler([case((9, 9))], (4, 4), foreground=foreground).draw()
    assert bool((images == 1).all()) and not bool(labels.any())
