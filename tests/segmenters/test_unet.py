"""The U-Net rung from cohort to mask: it learns, and masks lie where the anatomy does."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from suffice.core import Cohort, CohortError, Grid, Image, ModelError, OutOfMemoryError
from suffice.io import read_case_image, read_case_mask
from suffice.segmenters import UNetSegmenter, load_segmenter, on_grid
from suffice.segmenters import unet as unet_module
from suffice.training.plan import Plan


@pytest.fixture
def unseen(tiny_cohort: Cohort) -> Image:
    return read_case_image(tiny_cohort, tiny_cohort.cases[4])


def stored_as(image: Image, order: tuple[int, ...], flips: tuple[bool, ...]) -> Image:
    """Return the same scan with its axes in another order and direction."""
    affine = image.grid.affine
    array = np.transpose(image.array, (0, *(1 + axis for axis in order)))
    columns = affine[:3, list(order)].copy()
    origin = affine[:3, 3].copy()
    for axis, flip in enumerate(flips):
        if flip:
            origin += columns[:, axis] * (array.shape[1 + axis] - 1)
            columns[:, axis] *= -1
    array = np.flip(array, [1 + axis for axis, flip in enumerate(flips) if flip])
    stored = np.eye(4)
    stored[:3, :3], stored[:3, 3] = columns, origin
    return replace(image, array=array, grid=Grid(array.shape[1:], affine=stored))


def restored(array: np.ndarray, order: tuple[int, ...], flips: tuple[bool, ...]) -> np.ndarray:
    array = np.flip(array, [axis for axis, flip in enumerate(flips) if flip])
    return np.transpose(array, np.argsort(order))


def test_balls_are_learned(ball_model: UNetSegmenter, tiny_cohort: Cohort, dice) -> None:
    for case in tiny_cohort.cases[4:6]:
        truth = read_case_mask(tiny_cohort, case).array
        found = ball_model.predict(read_case_image(tiny_cohort, case)).labels
        assert dice(found.array > 0, truth > 0) > 0.7


def test_the_mask_lies_on_the_grid_of_its_scan(ball_model: UNetSegmenter, unseen: Image) -> None:
    labels = ball_model.predict(unseen).labels
    assert labels.grid == unseen.grid
    assert labels.grid.affine.tobytes() == unseen.grid.affine.tobytes()
    assert set(np.unique(labels.array)) <= {0, 1}


@pytest.mark.parametrize(
    ("order", "flips"),
    [
        ((0, 1, 2), (True, False, False)),
        ((2, 0, 1), (False, True, True)),
        ((1, 0, 2), (True, True, True)),
        ((2, 1, 0), (False, False, False)),
    ],
)
def test_the_same_scan_stored_otherwise_gets_the_same_mask(
    ball_model: UNetSegmenter, unseen: Image, order: tuple[int, ...], flips: tuple[bool, ...]
) -> None:
    expected = ball_model.predict(unseen).labels.array
    other = stored_as(unseen, order, flips)
    found = ball_model.predict(other).labels
    assert found.grid == other.grid
    np.testing.assert_array_equal(restored(found.array, order, flips), expected)


def test_oblique_scans_are_segmented_on_their_own_grid(
    ball_model: UNetSegmenter, unseen: Image, dice
) -> None:
    angle = np.deg2rad(12)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    tilted = replace(unseen, grid=Grid(unseen.grid.shape, affine=turn @ unseen.grid.affine))
    found = ball_model.predict(tilted).labels
    assert found.grid == tilted.grid
    np.testing.assert_array_equal(found.array, ball_model.predict(unseen).labels.array)


def test_another_spacing_gives_the_same_ball(
    ball_model: UNetSegmenter, unseen: Image, dice
) -> None:
    expected = ball_model.predict(unseen).labels.array
    fine = unseen.grid.with_spacing((0.5, 1.0, 1.5))
    stretched = Image(np.repeat(unseen.array, 2, axis=1), fine)
    found = ball_model.predict(stretched).labels
    assert found.grid == fine
    assert dice(found.array[::2] > 0, expected > 0) > 0.9


def test_predicting_is_pure(ball_model: UNetSegmenter, unseen: Image) -> None:
    before = unseen.array.copy()
    plan = ball_model.plan_
    first = ball_model.predict(unseen).labels.array
    np.testing.assert_array_equal(first, ball_model.predict(unseen).labels.array)
    np.testing.assert_array_equal(unseen.array, before)
    assert ball_model.plan_ is plan


def test_probabilities_are_shares_and_agree_with_the_mask(
    ball_model: UNetSegmenter, unseen: Image
) -> None:
    plain = ball_model.predict(unseen)
    kept = ball_model.predict(unseen, keep_probabilities=True)
    assert plain.probabilities is None and kept.probabilities is not None
    shares = kept.probabilities.astype(np.float32)
    assert shares.shape == (2, *unseen.grid.shape)
    np.testing.assert_allclose(shares.sum(0), 1, atol=2e-3)
    differing = plain.labels.array != kept.labels.array
    assert np.all(np.abs(shares[0] - shares[1])[differing] < 2e-3)


def test_mirroring_averages_over_flips(ball_model: UNetSegmenter, unseen: Image, dice) -> None:
    mirrored = ball_model.predict(unseen, mirror=True).labels
    assert dice(mirrored.array > 0, ball_model.predict(unseen).labels.array > 0) > 0.8


def test_scans_smaller_than_the_patch_and_larger(ball_model: UNetSegmenter) -> None:
    for shape in itertools.product((3, 45), (5,), (1, 33)):
        image = Image(
            np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32),
            Grid.from_spacing(shape, (1.0, 1.0, 1.5)),
        )
        assert ball_model.predict(image).labels.array.shape == shape


def test_a_saved_model_is_the_same_model(
    ball_model: UNetSegmenter, unseen: Image, tmp_path: Path
) -> None:
    ball_model.save(tmp_path / "a")
    loaded = load_segmenter(tmp_path / "a")
    np.testing.assert_array_equal(
        loaded.predict(unseen).labels.array, ball_model.predict(unseen).labels.array
    )
    assert loaded.legend_ == ball_model.legend_ and loaded.plan_ == ball_model.plan_
    assert loaded.history_ == [
        {key: float(value) for key, value in row.items()} for row in ball_model.history_
    ]
    ball_model.save(tmp_path / "b")
    loaded.save(tmp_path / "c")
    for path in (tmp_path / "a").iterdir():
        assert (tmp_path / "b" / path.name).read_bytes() == path.read_bytes()
        if path.suffix != ".csv":
            assert (tmp_path / "c" / path.name).read_bytes() == path.read_bytes()


def test_images_that_do_not_fit_are_refused(ball_model: UNetSegmenter) -> None:
    grid = Grid.from_spacing((8, 8, 8), None)
    with pytest.raises(ModelError, match=r"got 3 channels, expected 1\. Give the channels"):
        ball_model.predict(Image(np.zeros((3, 8, 8, 8), np.float32), grid))
    with pytest.raises(ModelError, match="A model of volumes needs volumes"):
        ball_model.predict(Image(np.zeros((1, 8, 8), np.float32), Grid((8, 8))))


def test_cohorts_that_cannot_be_learned_from(fit, small_plan: Plan, tiny_cohort: Cohort) -> None:
    with pytest.raises(CohortError, match=r"8 cases, 2 of them without\. Pass cohort\.labelled"):
        fit(small_plan, tiny_cohort)
    with pytest.raises(CohortError, match="0 cases"):
        fit(small_plan, tiny_cohort.where(lambda case: False))


def test_coloured_pictures(fit, picture_plan: Plan, cells_cohort: Cohort, dice) -> None:
    plan = replace(
        picture_plan,
        in_channels=3,
        normalisation=("scan",) * 3,
        intensity=picture_plan.intensity * 3,
    )
    model = fit(plan, cells_cohort.subset(["cells0", "cells1", "cells2"]), seconds=240)
    image = read_case_image(cells_cohort, cells_cohort.cases[3])
    truth = read_case_mask(cells_cohort, cells_cohort.cases[3]).array
    labels = model.predict(image).labels
    assert labels.array.shape == (64, 72)
    assert dice(labels.array > 0, truth > 0) > 2 * (truth > 0).mean() + 0.1
    with pytest.raises(ModelError, match="got 1 channels, expected 3"):
        model.predict(Image(image.array[:1], image.grid))


def test_stacks_of_two_channels_and_two_structures(
    fit, picture_plan: Plan, stacks_cohort: Cohort, dice
) -> None:
    plan = replace(
        picture_plan,
        slice_axis=2,
        pixel_units=False,
        spacing_mm=(1.0, 1.0, 6.0),
        patch_size=(32, 32),
        in_channels=2,
        n_classes=3,
        normalisation=("scan",) * 2,
        intensity=picture_plan.intensity * 2,
        flip_axes=(),
    )
    model = fit(plan, stacks_cohort.subset(["stack0", "stack1", "stack2"]), seconds=240)
    image = read_case_image(stacks_cohort, stacks_cohort.cases[3])
    truth = read_case_mask(stacks_cohort, stacks_cohort.cases[3]).array
    prediction = model.predict(image, keep_probabilities=True)
    assert prediction.probabilities.shape == (3, *image.grid.shape)
    assert set(np.unique(prediction.labels.array)) <= {0, 2, 7}
    for value in (2, 7):
        assert dice(prediction.labels.array == value, truth == value) > 0.5
    order, flips = (2, 0, 1), (True, False, True)
    other = model.predict(stored_as(image, order, flips)).labels
    np.testing.assert_array_equal(
        restored(other.array, order, flips), model.predict(image).labels.array
    )


def test_the_same_seed_gives_the_same_model(
    fit, small_plan: Plan, tiny_cohort: Cohort, tmp_path: Path
) -> None:
    learned = tiny_cohort.labelled()

    def weights(seed: int, name: str) -> dict[str, torch.Tensor]:
        # Of a plan whose steps do not hang on how long reading took.
        model = fit(small_plan, learned, seed=seed, seconds=0.5, workdir=tmp_path / name)
        return model._network.state_dict()

    first, again, other = weights(1, "a"), weights(1, "b"), weights(2, "c")
    assert all(torch.equal(value, again[key]) for key, value in first.items())
    assert not all(torch.equal(value, other[key]) for key, value in first.items())


def test_full_memory_in_prediction_is_named(
    ball_model: UNetSegmenter, unseen: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_grid, "predict_labels", full_memory)
    with pytest.raises(OutOfMemoryError, match=r"GPU does not suffice for this scan. Close other"):
        ball_model.predict(unseen)


def test_full_memory_in_training_is_named(
    fit, small_plan: Plan, tiny_cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unet_module, "train", full_memory)
    with pytest.raises(OutOfMemoryError, match=r"for training. Close other .* lower batch_size"):
        fit(small_plan, tiny_cohort.subset(["case0"]))


def full_memory(*_: object, **__: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
