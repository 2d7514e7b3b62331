"""Learning from pictures alone: what is hidden has no part in what is seen."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.augment import Chance, Patches
from suffice.nets import UNet
from suffice.training.device import PlainDevice
from suffice.training.loop import Trained, train
from suffice.training.machine import Machine
from suffice.training.objective import Objective, Step, build_network
from suffice.training.plan import Plan
from suffice.training.pretext import Restoration, SparK
from suffice.training.pretext.masking import block_size, draw_seen, seen_at_each
from suffice.training.pretext.spark import SeenUNet
from suffice.training.pretext.spoiling import Curve, CurveDraw, LocalShuffle, Painting
from suffice.training.store import StoredCase
from suffice.weights import take

METHODS: tuple[Callable[[], Objective], ...] = (SparK, Restoration)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(
    size=st.lists(st.integers(4, 40), min_size=2, max_size=3),
    n_strides=st.integers(1, 4),
    hidden=st.floats(0.1, 0.9),
)
@settings(max_examples=40, deadline=None)
def test_whole_blocks_are_hidden_as_many_in_each_patch(
    size: list[int], n_strides: int, hidden: float
) -> None:
    strides = [(2,) * len(size)] * n_strides
    block = block_size(size, strides)
    seen = draw_seen(3, size, block, hidden, seeded())
    assert seen.shape == (3, 1, *size)
    steps = tuple(slice(None, None, side) for side in block)
    corners = seen[(slice(None), slice(None), *steps)]
    n_seen = corners.flatten(1).sum(1)
    assert len(set(n_seen.tolist())) == 1
    assert 0 < int(n_seen[0]) < corners[0].numel()
    whole = corners
    for axis, side in enumerate(block, start=2):
        whole = whole.repeat_interleave(side, dim=axis).narrow(axis, 0, size[axis - 2])
    assert torch.equal(whole, seen)


@pytest.mark.parametrize("size", [(32, 32), (20, 28)])
def test_each_resolution_sees_what_its_features_stand_on(size: tuple[int, int]) -> None:
    strides = [(2, 2), (2, 1), (2, 2)]
    seen = draw_seen(2, size, (8, 4), 0.6, seeded())
    x = seen.float()
    for stride, level in zip(strides, seen_at_each(seen, strides)[1:], strict=True):
        kernel = torch.zeros(1, 1, 3, 3)
        kernel[..., 1, 1] = 1
        x = torch.nn.functional.conv2d(x, kernel, stride=stride, padding=1)
        assert torch.equal(x.bool(), level)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("encoder", ["residual", "plain"])
def test_what_is_hidden_changes_nothing_and_hidden_features_stay_empty(
    disc_plan: Plan, ndim: int, encoder: str
) -> None:
    plan = replace(
        disc_plan,
        ndim=ndim,
        encoder=encoder,
        spacing_mm=(1.0,) * ndim,
        patch_size=(16,) * ndim,
        strides=((2,) * ndim,) * 2,
        flip_axes=(),
    )
    torch.manual_seed(0)
    network = SeenUNet(plan)
    images = torch.randn(2, 1, *plan.patch_size)
    seen = draw_seen(2, plan.patch_size, (4,) * ndim, 0.6, seeded())
    other = torch.where(seen, images, 100.0)
    drawn = network(images, seen)
    torch.testing.assert_close(network(other, seen), drawn)
    levels = seen_at_each(seen, plan.strides)
    for level, features in zip(levels, network.backbone.encode(images * seen), strict=True):
        assert features.shape[2:] == level.shape[2:]
        assert not (features * ~level).any()
        assert (features * level).any()


def test_an_image_that_is_seen_whole_gives_the_features_of_the_plain_network(
    disc_plan: Plan,
) -> None:
    torch.manual_seed(0)
    network, plain = SeenUNet(disc_plan), build_network(disc_plan)
    account = take(plain, network.backbone.state_dict())
    assert {name.split(".")[0] for name in account.new} == {"heads"}
    images = torch.randn(2, 1, 32, 32)
    network(images, torch.ones(2, 1, 32, 32, dtype=torch.bool))
    assert isinstance(plain, UNet)
    for own, theirs in zip(network.backbone.encode(images), plain.encode(images), strict=True):
        torch.testing.assert_close(own, theirs, atol=1e-4, rtol=1e-4)


def step_of(network: torch.nn.Module, seed: int) -> Step:
    return Step(PlainDevice("cpu", "32-true"), seeded(seed), 0.5, network)


@pytest.mark.parametrize("method", METHODS)
def test_masks_have_no_part_and_all_weights_but_none_of_a_class_learn(
    disc_plan: Plan, method: Callable[[], Objective]
) -> None:
    torch.manual_seed(0)
    objective = method()
    network = objective.build(disc_plan)
    images = torch.randn(2, 1, 32, 32, generator=seeded(1))
    nothing, all_of_it = torch.zeros(2, 2, 32, 32), torch.ones(2, 2, 32, 32)
    loss, explained = objective.loss(network, images, nothing, step_of(network, 2))
    again, _ = objective.loss(network, images, all_of_it, step_of(network, 2))
    assert torch.equal(loss, again)
    assert float(explained) <= 1
    loss.backward()
    slopes = {name: p.grad for name, p in network.named_parameters()}
    assert [name for name, slope in slopes.items() if slope is None] == []
    kept = objective.keep(network).state_dict()
    assert {name.split(".")[0] for name in kept} == {"stem", "encoder", "lifts", "decoder"}


@pytest.mark.parametrize("method", METHODS)
def test_a_pretraining_that_was_killed_gives_the_weights_of_one_that_was_not(
    disc_plan: Plan,
    disc_cases: list[StoredCase],
    cpu: Machine,
    method: Callable[[], Objective],
    tmp_path: Path,
) -> None:
    def run(folder: str, stop: int = 0) -> Trained:
        ticks = itertools.count()

        def clock() -> float:
            tick = next(ticks)
            if stop and tick == stop:
                raise KeyboardInterrupt
            return 31.0 * tick

        return train(
            disc_plan,
            disc_cases,
            seconds=31.0 * 12,
            seed=0,
            machine=cpu,
            checkpoint=tmp_path / folder / "checkpoint.pt",
            objective=method(),
            clock=clock,
        )

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("killed", stop=7)
    resumed = run("killed")
    assert resumed.n_steps == whole.n_steps
    for name, weight in whole.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], weight), name


def test_hidden_discs_are_learned_to_be_drawn(
    disc_plan: Plan, disc_cases: list[StoredCase], cpu: Machine, tmp_path: Path
) -> None:
    ticks = itertools.count()
    trained = train(
        disc_plan,
        disc_cases,
        seconds=150.0,
        seed=0,
        machine=cpu,
        checkpoint=tmp_path / "checkpoint.pt",
        objective=SparK(hidden=0.4),
        clock=lambda: float(next(ticks)),
    )
    explained = [row["explained"] for row in trained.history]
    assert explained[-1] > max(0.15, explained[0])


@given(first=st.floats(0, 1), second=st.floats(0, 1), falls=st.booleans())
@settings(max_examples=30, deadline=None)
def test_curves_are_monotone_and_keep_the_range(first: float, second: float, falls: bool) -> None:
    image = torch.linspace(-2, 3, 50)[None, :, None].repeat(1, 1, 2)
    changed = CurveDraw(first, second, falls).apply_(image.clone())
    slopes = changed[0, 1:, 0] - changed[0, :-1, 0]
    assert bool((slopes <= 1e-5).all() if falls else (slopes >= -1e-5).all())
    assert float(changed.min()) == pytest.approx(-2, abs=1e-4)
    assert float(changed.max()) == pytest.approx(3, abs=1e-4)


@pytest.mark.parametrize("size", [(17, 22), (9, 12, 7)])
def test_shuffled_voxels_stay_near_and_none_is_lost(size: tuple[int, ...]) -> None:
    patches = Patches(size=size, spacing=(1.0,) * len(size), n_channels=2)
    places = torch.stack(torch.meshgrid(*[torch.arange(n) for n in size], indexing="ij")).float()
    draw = LocalShuffle(part=1.0).sample(patches, Chance(seeded()))
    moved = draw.apply_(places.clone())
    apart = (moved - places).abs()
    assert 0 < float(apart.max()) < max(draw.sides)
    assert torch.equal(moved.flatten(1).sort(1).values, places.flatten(1).sort(1).values)
    # All channels move together.
    assert len(torch.unique(moved.flatten(1), dim=1).T) == places[0].numel()
    assert torch.equal(replace(draw, part=0.0).apply_(places.clone()), places)


def test_noise_is_painted_over_boxes_or_over_all_but_one() -> None:
    patches = Patches(size=(30, 40), spacing=(1.0, 1.0))
    image = torch.full((1, 30, 40), 7.0)
    for outside, low, high in ((0.0, 0.02, 0.56), (1.0, 0.6, 0.9)):
        draw = Painting(outside=outside).sample(patches, Chance(seeded()))
        part = float((draw.apply_(image) != 7).float().mean())
        assert low < part < high
    assert isinstance(Curve().sample(patches, Chance(seeded())), CurveDraw)
