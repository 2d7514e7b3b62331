"""Learning from several raters: what they agree on, and who departs from it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.augment import Chance, Patches, SpatialRanges, warp
from suffice.training.batches import PatchSampler
from suffice.training.loop import Trained, train
from suffice.training.losses import dice_and_cross_entropy, soft_dice
from suffice.training.machine import Machine
from suffice.training.objective import Segmenting
from suffice.training.plan import Plan
from suffice.training.raters import EachRater, rater_loss, whole
from suffice.training.store import Store, StoredCase

SEEDS = st.integers(0, 10**6)
LEFT_OUT, ADDED = 0.4, 0.15


def drawn_by(rng: np.random.Generator, truth: np.ndarray) -> list[np.ndarray]:
    """Masks of one who is right, one who leaves out much and one who adds much, by chance."""
    left_out, added = (rng.random(truth.shape) < share for share in (LEFT_OUT, ADDED))
    return [truth, np.where(left_out, 0, truth), np.where(added, 1, truth)]


@pytest.fixture(scope="session")
def rated(disc_cases: list[StoredCase], tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Discs drawn by three raters; the third did not look at the last picture."""
    store, rng = Store(tmp_path_factory.mktemp("rated") / "store"), np.random.default_rng(1)
    for i, case in enumerate(disc_cases):
        masks = drawn_by(rng, np.asarray(case.labels))
        store.add(case.name, case.image, masks[0], rng, raters=masks)
        shares = np.stack([mask == k for mask in masks for k in (0, 1)]).astype(float)
        shares[4:] *= i < len(disc_cases) - 1
        store.add_shares(case.name, shares)
    return store


Run = Callable[..., Trained]


@pytest.fixture
def run(rated: Store, disc_plan: Plan, cpu: Machine, tmp_path: Path) -> Run:
    def run(
        objective: EachRater, folder: str, *, stop: int = 0, n_steps: int = 12, tick: float = 31.0
    ) -> Trained:
        ticks = itertools.count()

        def clock() -> float:
            number = next(ticks)
            if stop and number == stop:
                raise KeyboardInterrupt
            return tick * number

        return train(
            disc_plan,
            rated.read([f"case{i}" for i in range(5)]),
            # The clock is read twice a step.
            seconds=2 * tick * n_steps,
            seed=0,
            machine=cpu,
            checkpoint=tmp_path / folder / "checkpoint.pt",
            objective=objective,
            clock=clock,
        )

    return run


def test_matrices_say_who_leaves_out_and_who_adds(run: Run) -> None:
    objective = EachRater(3)
    run(objective, "work", n_steps=250, tick=0.01)
    found = objective.confusion_.numpy()
    np.testing.assert_allclose(found.sum(2), 1, atol=1e-5)
    missed, added = found[:, 1, 0], found[:, 0, 1]
    assert missed[1] == max(missed) and added[2] == max(added)
    assert missed[1] == pytest.approx(LEFT_OUT, abs=0.1)
    assert added[2] == pytest.approx(ADDED, abs=0.05)
    assert max(missed[0], missed[2], added[0], added[1]) < 0.06


def test_a_training_that_was_killed_gives_the_weights_and_matrices_of_one_that_was_not(
    run: Run,
) -> None:
    first, second = EachRater(3), EachRater(3)
    whole_run = run(first, "whole")
    with pytest.raises(KeyboardInterrupt):
        run(EachRater(3), "killed", stop=20)
    resumed = run(second, "killed")
    assert resumed.n_steps == whole_run.n_steps
    assert torch.equal(first.confusion_, second.confusion_)
    assert not torch.equal(first.confusion_[0], first.confusion_[1])
    for name, weight in whole_run.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], weight), name


def test_what_is_left_is_the_network_of_a_plain_training(disc_plan: Plan) -> None:
    objective = EachRater(2)
    kept = objective.keep(objective.build(disc_plan))
    plain = Segmenting().build(disc_plan).state_dict()
    assert {name: t.shape for name, t in kept.state_dict().items()} == {
        name: t.shape for name, t in plain.items()
    }


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, n_classes=st.integers(2, 4))
def test_one_rater_who_is_always_right_is_a_plain_mask(seed: int, n_classes: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, n_classes, 5, 6, generator=generator)
    labels = torch.randint(n_classes, (2, 5, 6), generator=generator)
    targets = torch.nn.functional.one_hot(labels, n_classes).movedim(-1, 1).float()
    found = rater_loss(logits, targets, torch.eye(n_classes)[None])
    for ours, plain in zip(found, dice_and_cross_entropy(logits, targets), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-3, atol=1e-3)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, n_raters=st.integers(2, 4))
def test_raters_have_no_order_and_who_did_not_look_no_part(seed: int, n_raters: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 3, 4, 4, generator=generator)
    labels = torch.randint(3, (2, n_raters, 4, 4), generator=generator)
    drawn = torch.nn.functional.one_hot(labels, 3).movedim(-1, 2).float()
    matrices = torch.softmax(torch.randn(n_raters, 3, 3, generator=generator), dim=2)
    order = torch.randperm(n_raters, generator=generator)
    loss, dice = rater_loss(logits, drawn.flatten(1, 2), matrices)
    again = rater_loss(logits, drawn[:, order].flatten(1, 2), matrices[order])
    torch.testing.assert_close((loss, dice), again)

    matrices.requires_grad_(True)
    drawn[:, 0] = 0
    rater_loss(logits, drawn.flatten(1, 2), matrices)[0].backward()
    assert matrices.grad is not None
    assert float(matrices.grad[0].abs().max()) == 0 < float(matrices.grad[1].abs().max())


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, size=st.sampled_from([(12, 14), (8, 10, 7)]))
def test_shares_are_moved_as_labels_are(seed: int, size: tuple[int, ...]) -> None:
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    labels = torch.from_numpy(rng.integers(0, 3, size).astype(np.uint8))
    image, spacing = torch.zeros(1, *size), (1.0,) * len(size)
    ranges = SpatialRanges(flip_axes=(0, 1))
    draw = ranges.sample(Patches(size=size, spacing=spacing), Chance(generator))
    shares = torch.nn.functional.one_hot(labels.long(), 3).movedim(-1, 0).float()
    _, expected = warp(image, labels, 3, draw, spacing)
    _, found = warp(image, shares, 3, draw, spacing)
    # Beyond the patch labels are background, and shares nothing, which a loss may count as that.
    torch.testing.assert_close(whole(found[None])[0], expected, atol=1e-3, rtol=0)


def test_patches_of_shares_are_those_of_the_masks(
    rated: Store, disc_cases: list[StoredCase]
) -> None:
    def draw(cases: list[StoredCase]) -> torch.Tensor:
        sampler = PatchSampler(
            cases, patch_size=(48, 32), batch_size=4, foreground=0, rng=np.random.default_rng(0)
        )
        return sampler.draw()[1]

    shares, labels = draw(rated.read(["case0"])), draw(disc_cases[:1])
    assert shares.shape == (4, 6, 48, 32) and shares.dtype == torch.float32
    torch.testing.assert_close(shares[:, 1], labels.float())
    # 40 rows of scan in 48.
    assert float(shares[:, :2].sum()) == 4 * 40 * 32


def test_slices_of_shares(tmp_path: Path) -> None:
    store, rng = Store(tmp_path / "store"), np.random.default_rng(0)
    labels = rng.integers(0, 2, (5, 9, 8)).astype(np.uint8)
    store.add("stack", np.zeros((1, 5, 9, 8)), labels, rng)
    store.add_shares("stack", np.stack([1 - labels, labels]).astype(float))
    options = {"patch_size": (8, 8), "batch_size": 3, "foreground": 1.0}
    sampler = PatchSampler(store.read(["stack"]), rng=rng, **options)
    images, shares = sampler.draw()
    assert images.shape == (3, 1, 8, 8) and shares.shape == (3, 2, 8, 8)
    torch.testing.assert_close(shares.sum(1), torch.ones(3, 8, 8))


def test_shares_stand_in_the_place_of_masks(rated: Store) -> None:
    (case,) = rated.read(["case4"])
    assert case.raters is None and case.shares is not None
    assert case.shares.shape == (6, 40, 48) and case.shares.dtype == np.uint8
    assert not case.shares[4:].any()
    rated.add_shares("case4", np.asarray(case.shares) / 255)
    again = rated.open("case4").shares
    assert again is not None
    np.testing.assert_array_equal(again, case.shares)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, share=st.floats(0.05, 0.95))
def test_the_share_of_the_raters_is_what_costs_least(seed: int, share: float) -> None:
    shares = torch.tensor([1 - share, share]).view(1, 2, 1, 1).expand(1, 2, 4, 4)
    logits = shares.log().clone().requires_grad_(True)
    cross_entropy, dice = dice_and_cross_entropy(logits, whole(shares))
    (cross_entropy - 1 + soft_dice(torch.softmax(logits, 1), shares).mean()).backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.zeros_like(logits), atol=1e-5, rtol=0)
    assert float(dice) == pytest.approx(share, abs=1e-4)
    # What lies beyond the scan is background.
    half = shares * torch.tensor([1.0, 0.0]).view(1, 1, 1, 2).repeat(1, 1, 1, 2)
    beyond = whole(half)[..., 1::2]
    assert torch.equal(beyond[:, 0], torch.ones(1, 4, 2)) and not beyond[:, 1].any()
