"""Assignment, losses and patches of objects."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from suffice.augment import SpatialDraw
from suffice.core import ModelError
from suffice.nets.yolo.boxes import pairwise_iou
from suffice.nets.yolo.decode import places
from suffice.training.instances import (
    InstancePlan,
    StoredInstances,
    plan_from_toml,
    plan_to_toml,
    train_instances,
)
from suffice.training.instances.assignment import assign
from suffice.training.instances.batches import moved, objects_of
from suffice.training.instances.inference import find_objects
from suffice.training.instances.loss import distance_loss, mask_loss, object_shares
from suffice.training.machine import Machine

CPU = Machine(n_cores=1, memory_gb=8.0, accelerator="cpu", precision="32-true")


@pytest.fixture(scope="module")
def two_discs() -> StoredInstances:
    y, x = np.mgrid[:64, :64]
    instances = np.zeros((64, 64), np.int32)
    instances[(y - 20) ** 2 + (x - 20) ** 2 < 100] = 1
    instances[(y - 44) ** 2 + (x - 42) ** 2 < 144] = 2
    image = ((instances > 0) * 2.0 - 1)[None].astype(np.float16)
    centres = np.array([[20, 20], [44, 42]], np.int32)
    return StoredInstances("discs", image, instances, np.zeros(2, np.uint8), centres)


def test_places_answer_for_what_they_lie_in() -> None:
    centres, _ = places((64, 64))
    truth = torch.tensor([[0.0, 0, 32, 32], [40.0, 40, 44, 44]])
    boxes = torch.cat([centres - 16, centres + 16], dim=1)
    scores = torch.full((len(centres), 2), 0.5)
    found = assign(scores, boxes, centres, truth, torch.tensor([0, 1]))
    first = centres[found.objects == 0]
    assert len(first) == 10
    assert ((first > 0) & (first < 32)).all()
    # No place has its centre within the four pixels: the box is grown to eight.
    assert centres[found.objects == 1].tolist() == [[44.0, 44.0], [40.0, 40.0]]
    assert found.weights[found.objects < 0].sum() == 0
    # The best place of an object should be as sure as its box is good.
    best = found.weights[found.objects == 0].max()
    torch.testing.assert_close(best, torch.tensor(1.0))


def test_a_place_that_two_objects_want_goes_to_the_nearer() -> None:
    centres = torch.tensor([[10.0, 10.0]])
    truth = torch.tensor([[0.0, 0, 20, 20], [0.0, 0, 40, 40]])
    boxes = torch.tensor([[0.0, 0, 36, 36]])
    found = assign(torch.tensor([[0.5]]), boxes, centres, truth, torch.tensor([0, 0]))
    assert found.objects.tolist() == [1]


def test_no_object() -> None:
    centres, _ = places((32, 32))
    boxes = torch.cat([centres, centres], dim=1)
    none = torch.zeros(0, 4), torch.zeros(0, dtype=torch.long)
    found = assign(torch.rand(len(centres), 1), boxes, centres, *none)
    assert (found.objects == -1).all() and found.weights.sum() == 0


def test_the_distance_loss_is_least_at_the_distance() -> None:
    centres, strides = torch.tensor([[32.0, 32.0]]), torch.tensor([8.0])
    box = torch.tensor([[12.0, 16, 52, 56]])
    logits = torch.full((1, 4, 16), -20.0)
    for side, (bin_, share) in enumerate([(2, 0.5), (2, 0.0), (2, 0.5), (3, 0.0)]):
        logits[0, side, bin_] = np.log(1 - share)
        logits[0, side, bin_ + 1] = np.log(share) if share else -20.0
    right = distance_loss(logits.reshape(1, 64), box, centres, strides)
    # What is left is the entropy of the two sides that lie between bins.
    torch.testing.assert_close(right, torch.tensor([np.log(2) / 2], dtype=torch.float32))
    wrong = distance_loss(logits.roll(1, -1).reshape(1, 64), box, centres, strides)
    assert wrong > right + 1


def test_masks_learn_shares_of_pixels() -> None:
    numbers = np.zeros((8, 8), np.int32)
    numbers[1:7, 2:6] = 7
    objects = objects_of(numbers, np.zeros(7, np.uint8))
    assert objects.boxes.tolist() == [[2.0, 1.0, 6.0, 7.0]]
    torch.testing.assert_close(object_shares(objects), torch.full((1, 2, 2), 6 / 16))
    prototypes = torch.full((32, 2, 2), float(np.log(0.6 / 1)))
    coefficients = torch.zeros(1, 32)
    coefficients[0, 0] = 1.0
    loss, dice = mask_loss(coefficients, prototypes, objects, torch.tensor([0]))
    p = 6 / 16
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    torch.testing.assert_close(loss, torch.tensor([entropy], dtype=torch.float32))
    assert 0 < float(dice) < 1


def test_patches_keep_objects_on_their_image(two_discs: StoredInstances) -> None:
    draw = SpatialDraw(flips=(0,), rotation_deg=(30.0,), factors=(0.8, 0.8))
    image, instances = moved(two_discs.image, two_discs.instances, (30.0, 34.0), (48, 48), draw)
    agrees = (image[0].numpy() > 0) == (instances > 0)
    inside = image[0].numpy() != 0
    assert agrees[inside].mean() > 0.97
    assert set(np.unique(instances)) == {0, 1, 2}
    for number in (1, 2):
        near = ndimage.binary_dilation(instances == number, iterations=4)
        seen, told = (
            ndimage.center_of_mass(m & near) for m in (image[0].numpy() > 0, instances == number)
        )
        np.testing.assert_allclose(seen, told, atol=0.15)


def test_a_plan_survives_its_file() -> None:
    plan = InstancePlan(in_channels=3, n_classes=2, scale=1.5, started_from="a 'b'")
    assert plan_from_toml(plan_to_toml(plan)) == plan
    with pytest.raises(ModelError, match="cannot be followed: got batch = 3"):
        plan_from_toml(plan_to_toml(plan) + "batch = 3\n")


def test_discs_are_learned(two_discs: StoredInstances, tmp_path: Path) -> None:
    plan = InstancePlan(
        in_channels=1,
        n_classes=1,
        patch_size=64,
        batch_size=2,
        learning_rate=2e-3,
        averaging=0.8,
        augmentation="none",
        flips=False,
    )
    ticks = itertools.count()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        trained = train_instances(
            plan,
            [two_discs],
            seconds=160,
            seed=0,
            machine=CPU,
            checkpoint=tmp_path / "checkpoint.pt",
            clock=lambda: float(next(ticks)),
        )
        found = find_objects(
            trained.network,
            two_discs.image.astype(np.float32),
            shape_out=(64, 64),
            least_score=0.25,
            device=torch.device("cpu"),
        )
    finally:
        torch.set_num_threads(threads)
    assert trained.history[-1]["dice"] > 0.8
    assert trained.history[-1]["box"] < 0.1
    assert found.instances.max() == 2 and found.scores.min() > 0.3
    for number in (1, 2):
        own = two_discs.instances == number
        theirs = found.instances == np.bincount(found.instances[own]).argmax()
        assert (own & theirs).sum() / (own | theirs).sum() > 0.6


def test_small_objects_have_places_of_full_weight_from_the_start() -> None:
    centres, strides = places((64, 64))
    # As of a new network, whose boxes reach over some 15 strides.
    boxes = torch.cat([centres - 7.5 * strides[:, None], centres + 7.5 * strides[:, None]], dim=1)
    truth = torch.tensor([[13.0, 13, 19, 19], [20.0, 20, 60, 60]])
    found = assign(
        torch.full((len(centres), 1), 0.01), boxes, centres, truth, torch.zeros(2).long()
    )
    for i, object_ in enumerate(truth):
        overlap = float(pairwise_iou(object_[None], boxes[found.objects == i]).max())
        assert float(found.weights[found.objects == i].max()) == pytest.approx(overlap, rel=1e-3)
