"""Tiled inference: what a whole image gives, tile by tile, in bounded memory."""

import math
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from suffice.core import ModelError, Progress, UsageError
from suffice.nets import UNet
from suffice.training.inference import predict_labels, predict_probabilities
from suffice.training.tiles import plan_tiles

CPU = torch.device("cpu")


def unet(ndim: int) -> UNet:
    torch.manual_seed(0)
    net = UNet(
        ndim=ndim,
        in_channels=2,
        n_classes=3,
        widths=(8, 16),
        strides=((2,) * ndim,),
        blocks=(1, 1),
    )
    return net.eval()


class Pointwise(nn.Module):
    """Sees one voxel at a time, so tiles cannot change its answer."""

    def forward(self, x: Tensor) -> list[Tensor]:
        value = x[:, :1]
        return [torch.cat([value, -value, 0.3 * value**2], dim=1)]


def run(net: nn.Module, image: np.ndarray, patch: Sequence[int], **options: object) -> np.ndarray:
    return predict_probabilities(
        net,
        image,
        patch_size=patch,
        divisible_by=(2,) * len(patch),
        n_classes=3,
        device=CPU,
        **options,
    )


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def direct(net: nn.Module, image: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return net(torch.from_numpy(image)[None])[0].softmax(1)[0].numpy()


@pytest.mark.parametrize("ndim", [2, 3])
def test_one_patch_is_one_forward(ndim: int) -> None:
    net, image = unet(ndim), noise(2, *(16,) * ndim)
    got = run(net, image, (16,) * ndim)
    assert got.dtype == np.float16
    np.testing.assert_allclose(got, direct(net, image), atol=1e-3)


def test_image_smaller_than_patch_is_padded_with_zeros_around_its_centre() -> None:
    net, image = unet(3), noise(2, 9, 16, 12)
    padded = np.zeros((2, 16, 16, 16), np.float32)
    padded[:, 3:12, :, 2:14] = image
    expected = direct(net, padded)[:, 3:12, :, 2:14]
    np.testing.assert_allclose(run(net, image, (16,) * 3), expected, atol=1e-3)


def test_image_larger_than_patch_is_run_whole_where_allowed() -> None:
    net, image = unet(3), noise(2, 18, 16, 16)
    whole, tiled = (run(net, image, (16,) * 3, max_tile_voxels=n) for n in (18 * 16**2, None))
    np.testing.assert_allclose(whole, direct(net, image), atol=1e-3)
    assert np.abs(whole - tiled).max() > 1e-3


@settings(max_examples=12, deadline=None)
@given(
    shape=st.lists(st.integers(1, 30), min_size=2, max_size=3),
    patch=st.integers(8, 12),
    overlap=st.floats(0, 0.6),
    budget=st.floats(1, 3),
    data=st.data(),
)
def test_tiles_of_any_size_change_nothing_for_a_pointwise_net(
    shape: list[int], patch: int, overlap: float, budget: float, data: st.DataObject
) -> None:
    image = noise(1, *shape)
    axes = data.draw(st.sets(st.integers(0, len(shape) - 1)))
    got = run(
        Pointwise(),
        image,
        (patch,) * len(shape),
        overlap=overlap,
        mirror_axes=sorted(axes),
        max_tile_voxels=round(budget * patch ** len(shape)),
    )
    assert got.shape == (3, *shape)
    np.testing.assert_allclose(got, direct(Pointwise(), image), atol=1e-3)


@settings(max_examples=50, deadline=None)
@given(
    shape=st.lists(st.integers(1, 300), min_size=1, max_size=3),
    patch=st.integers(8, 96),
    divisor=st.sampled_from([1, 2, 8, 16]),
    overlap=st.none() | st.floats(0, 0.9),
    stretch=st.floats(1, 4),
)
def test_plan_covers_the_image_and_keeps_its_bounds(
    shape: list[int], patch: int, divisor: int, overlap: float, stretch: float
) -> None:
    n = len(shape)
    most = round(stretch * patch**n)
    axes = plan_tiles(shape, (patch,) * n, (divisor,) * n, overlap=overlap, max_voxels=most)
    assert math.prod(a.tile for a in axes) <= most
    for a, length in zip(axes, shape, strict=True):
        assert a.tile >= patch and (a.tile - patch) % divisor == 0
        assert a.starts[0] == 0 and a.padded >= a.before + length
        steps = np.diff(a.starts)
        least = min(16, patch // 2) if overlap is None else min(round(overlap * patch), patch - 1)
        assert (steps > 0).all() and (a.tile - steps >= least - 1).all()
        total = np.zeros(a.padded)
        for start, weight in zip(a.starts, a.weights().numpy(), strict=True):
            total[start : start + a.tile] += weight
        np.testing.assert_allclose(total, 1, rtol=1e-5)


def test_mirroring_makes_the_answer_follow_a_mirrored_image() -> None:
    net, image = unet(2), noise(2, 16, 24)
    got = run(net, image, (16, 16), mirror_axes=(0, 1))
    mirrored = run(net, image[:, ::-1, ::-1], (16, 16), mirror_axes=(0, 1))
    np.testing.assert_allclose(mirrored[:, ::-1, ::-1], got, atol=2e-3)
    assert np.abs(run(net, image, (16, 16)) - got).max() > 2e-3


def test_slices_are_run_one_by_one() -> None:
    net, image = unet(2), noise(2, 5, 20, 40)
    got = run(net, image, (16, 16), slicewise=True)
    for s in range(5):
        np.testing.assert_allclose(got[:, s], run(net, image[:, s], (16, 16)), atol=1e-3)


def test_constant_tiles_are_run_once() -> None:
    net = unet(3)
    image = np.zeros((2, 64, 16, 16), np.float32)
    image[:, :16] = noise(2, 16, 16, 16)
    calls: list[int] = []
    net.register_forward_hook(lambda *_: calls.append(1))
    got = run(net, image, (16,) * 3, overlap=0.0, max_tile_voxels=16**3)
    assert len(calls) == 2
    np.testing.assert_array_equal(got[:, 16:32], got[:, 48:])


def test_labels_are_the_most_probable_classes_on_the_grid_asked_for() -> None:
    image = noise(1, 10, 33, 12)
    how = {"patch_size": (8,) * 3, "divisible_by": (2,) * 3, "n_classes": 3, "device": CPU}
    for shape in [(10, 33, 12), (20, 50, 12), (5, 11, 30)]:
        probabilities = predict_probabilities(Pointwise(), image, shape_out=shape, **how)
        labels = predict_labels(Pointwise(), image, shape, **how)
        assert labels.shape == shape and labels.dtype == np.uint8
        sure = np.diff(np.sort(probabilities, axis=0)[-2:], axis=0)[0] > 2e-3
        np.testing.assert_array_equal(labels[sure], probabilities.argmax(0)[sure])


def test_progress_ends_at_one() -> None:
    told: list[Progress] = []
    run(unet(2), noise(2, 40, 16), (16, 16), listener=told.append)
    assert len(told) > 1 and told[-1].fraction == 1.0


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(UsageError, match="number of axes"):
        run(unet(2), noise(2, 8, 8, 8), (16, 16))
    with pytest.raises(UsageError, match="cannot overlap"):
        run(unet(2), noise(2, 8, 8), (16, 16), overlap=1.0)
    with pytest.raises(ModelError, match="another number of classes"):
        predict_labels(
            unet(2),
            noise(2, 8, 8),
            patch_size=(8, 8),
            divisible_by=(2, 2),
            n_classes=5,
            device=CPU,
        )


PEAK = """
import resource, sys
import numpy as np, torch
from torch import nn
from suffice.training.allocator import reuse_freed_memory
from suffice.training.inference import predict_labels

reuse_freed_memory()
torch.set_num_threads(1)


class EightClasses(nn.Module):
    def forward(self, x):
        return [torch.cat([x * k for k in range(8)], dim=1)]


def peak_mb(length):
    plane = np.random.default_rng(0).normal(size=(1, 1, 96, 96)).astype(np.float32)
    image = np.broadcast_to(plane, (1, length, 96, 96))
    predict_labels(
        EightClasses(), image, (length * 3 // 2, 96, 96),
        patch_size=(32, 64, 64), divisible_by=(2, 2, 2), n_classes=8, device=torch.device("cpu"),
    )
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (2**20 if sys.platform == "darwin" else 2**10)


print(peak_mb(60), peak_mb(360))
"""


def test_memory_does_not_grow_with_the_length_of_a_scan() -> None:
    """The probabilities of the 450 planes between the two would take 133 MB, their labels 4."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK], capture_output=True, text=True, check=True, timeout=300
    )
    short, long = map(float, done.stdout.split())
    assert long - short < 30
