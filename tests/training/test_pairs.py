"""Mixed batches: as without mixing where there is none, and alike after a kill."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from suffice.augment import POLICIES, families_of
from suffice.augment.mixing import MIXES, Mixing
from suffice.core import ModelError
from suffice.training.batches import PatchSampler, Place
from suffice.training.loop import augmentation_of
from suffice.training.pairs import MixingSampler, Paths
from suffice.training.plan import Plan, plan_from_toml, plan_to_toml
from suffice.training.store import StoredCase


def sampler_of(cases: list[StoredCase], patch: tuple[int, ...] = (32, 32)) -> PatchSampler:
    rng = np.random.default_rng(1)
    return PatchSampler(cases, patch_size=patch, batch_size=4, foreground=0.5, rng=rng)


def mixed(cases: list[StoredCase], mixing: Mixing) -> MixingSampler:
    return MixingSampler(
        sampler_of(cases),
        mixing,
        n_classes=2,
        spacing=(1.0, 1.0),
        generator=torch.Generator().manual_seed(0),
    )


def test_without_mixing_batches_are_the_samplers(disc_cases) -> None:
    ours, theirs = mixed(disc_cases, Mixing()), sampler_of(disc_cases)
    for _ in range(3):
        assert all(torch.equal(a, b) for a, b in zip(ours.draw(), theirs.draw(), strict=True))


def test_mixed_batches_go_on_where_they_were(disc_cases) -> None:
    everything = Mixing(tuple(MIXES), (1 / len(MIXES),) * len(MIXES))
    whole = mixed(disc_cases, everything)
    first = [whole.draw() for _ in range(2)]
    state = whole.sampler.state(), whole.chance.generator.get_state()
    second = [whole.draw() for _ in range(2)]
    resumed = mixed(disc_cases, everything)
    resumed.sampler.restore(state[0])
    resumed.chance.generator.set_state(state[1])
    for images, labels in second:
        again, same_labels = resumed.draw()
        assert torch.equal(images, again) and torch.equal(labels, same_labels)
        assert images.dtype == torch.float32 and labels.dtype == torch.uint8
        assert int(labels.max()) <= 1
    plain = sampler_of(disc_cases)
    assert any(not torch.equal(images, plain.draw()[0]) for images, _ in first)


def test_a_partner_is_of_another_case(disc_cases) -> None:
    sampler = sampler_of(disc_cases)
    partners = [sampler.partner(Place(2, (0, 0))).case for _ in range(60)]
    assert set(partners) == {0, 1, 3, 4}
    assert sampler_of(disc_cases[:1]).partner(Place(0, (0, 0))).case == 0


@pytest.mark.parametrize("patch", [(32, 32), (44, 32)])
def test_the_ends_of_the_path_are_the_two_cases(disc_cases, patch: tuple[int, int]) -> None:
    sampler = sampler_of(disc_cases, patch)
    place = sampler.places()[0]
    partner = replace(place, case=(place.case + 1) % 5)
    paths = Paths(sampler, 2)
    for t, end in ((0.0, place), (1.0, partner)):
        image, labels = paths.read(place, partner, t)
        expected, truth = sampler.read(end)
        assert torch.allclose(image, expected, atol=2e-3)
        assert torch.equal(labels, truth)


def test_a_plan_keeps_how_patches_are_mixed(disc_plan: Plan) -> None:
    plan = replace(disc_plan, mixing=("cutmix",), mixing_probabilities=(0.3,))
    assert plan_from_toml(plan_to_toml(plan)) == plan
    old = "\n".join(x for x in plan_to_toml(disc_plan).splitlines() if "mixing" not in x)
    assert plan_from_toml(old) == disc_plan


def test_families_are_left_out(disc_plan: Plan) -> None:
    plan = replace(disc_plan, augmentation="strong", augmentation_without=("noise", "elastic"))
    left = set(families_of(POLICIES["strong"])) - set(families_of(augmentation_of(plan)))
    assert {"noise", "elastic"} <= left


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mixing", ("mixup",)),
        ("mixing", ("cutmix", "cutmix")),
        ("mixing_probabilities", (0.5,)),
        ("augmentation_without", ("magic",)),
    ],
)
def test_a_plan_that_cannot_be_mixed_by_is_refused(disc_plan: Plan, key: str, value) -> None:
    with pytest.raises(ModelError, match=key):
        replace(disc_plan, **{key: value})
