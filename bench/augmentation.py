"""Augmentation of a 128^3 patch and its mask: ours, MONAI's, TorchIO's and batchgeneratorsv2's.

All run in one process on one thread, by turns, each from the patch to the moved patch and mask,
drawing anew every time. Start it on a core of its own: ``taskset -c 1 python augmentation.py``.
Seconds are those of the processor, which other processes do not count in, and of the clock.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

import side
from machine import describe_machine

RESULTS = Path(__file__).parent / "results"
N = 128
PACKAGES = {
    "suffice": "suffice",
    "MONAI": "monai",
    "TorchIO": "torchio",
    "batchgeneratorsv2": "batchgeneratorsv2",
}
APPLIED = {
    "suffice": "rotation, scaling, shear, elastic (5 control points an axis) and flip in one "
    "pass, soft mask of 3 classes; bias field, gamma, Gaussian noise",
    "MONAI": "Rand3DElasticd (with rotation, scaling and shear; linear, mask nearest), "
    "RandFlipd, RandBiasFieldd, RandAdjustContrastd, RandGaussianNoised",
    "TorchIO": "RandomAffineElasticDeformation (rotation, scaling; linear, mask nearest), "
    "RandomFlip, RandomBiasField, RandomGamma, RandomNoise",
}
DEFAULTS = {
    "suffice": "the same changes with the same probabilities, in one pass; soft mask of 3 classes",
    "batchgeneratorsv2": "the 3D training transforms of nnU-Net 2.8 without those of deep "
    "supervision; mask nearest",
}
Way = Callable[[], Any]


def patch() -> tuple[np.ndarray, np.ndarray]:
    """A smooth patch of unit spread, (1, 128, 128, 128), and a mask of two structures."""
    rng = np.random.default_rng(0)
    image = ndimage.zoom(rng.normal(size=(17, 17, 17)), N / 17, order=1)
    image = (image - image.mean()) / image.std() + 0.1 * rng.normal(size=image.shape)
    lumps = ndimage.zoom(rng.normal(size=(5, 5, 5)), N / 5, order=1)
    mask = (lumps > 0.6).astype(np.uint8) + (lumps > 1.2)
    return image[None].astype(np.float32), mask.astype(np.uint8)


def ours(image: np.ndarray, mask: np.ndarray, augmentation: Any, device: str, n: int = 1) -> Way:
    """Our way: a batch of ``n`` patches."""
    import torch

    from suffice.augment import augment_batch

    images = torch.from_numpy(image)[None].repeat(n, 1, 1, 1, 1).to(device)
    masks = torch.from_numpy(mask)[None].repeat(n, 1, 1, 1).to(device)
    generator = torch.Generator().manual_seed(0)
    return lambda: augment_batch(images, masks, 3, augmentation, (1.0, 1.0, 1.0), generator)


def everything() -> Any:
    """Affine, elastic, flip, bias field, gamma and noise, each of them every time."""
    from suffice.augment import Augmentation, BiasField, Gamma, GaussianNoise, SpatialRanges

    return Augmentation(
        spatial=SpatialRanges(
            probability=1, rotation_deg=20, scale=1.2, shear=0.1, bend=3,
            flip_axes=(0,), flip_probability=1,
        ),
        intensity=(
            BiasField(probability=1), Gamma(probability=1), GaussianNoise(probability=1)
        ),
    )  # fmt: skip


def like_nnunet() -> Any:
    """What nnU-Net does by default, with its probabilities."""
    from suffice.augment import (
        Augmentation,
        Blur,
        Contrast,
        Gamma,
        GaussianNoise,
        LowResolution,
        SpatialRanges,
    )

    return Augmentation(
        spatial=SpatialRanges(
            probability=0.2, rotation_deg=30, scale=1.4, stretch=1, shear=0, bend=0,
            flip_axes=(0, 1, 2),
        ),
        intensity=(
            GaussianNoise(probability=0.1, largest=0.1),
            Blur(probability=0.1),
            Contrast(probability=0.15, largest=1.25),
            Contrast(probability=0.15, largest=1.25),
            LowResolution(probability=0.125),
            Gamma(probability=0.1, inverted=1),
            Gamma(probability=0.3, inverted=0),
        ),
    )  # fmt: skip


def monai_way(image: np.ndarray, mask: np.ndarray) -> Way:
    """MONAI's dictionary transforms, elastic and affine motion in one of them."""
    import monai.transforms as mt
    import torch

    turn, both = (np.deg2rad(20),) * 3, ["image", "mask"]
    steps = mt.Compose(
        [
            mt.Rand3DElasticd(
                both, prob=1, sigma_range=(5, 8), magnitude_range=(50, 150), rotate_range=turn,
                shear_range=(0.1,) * 3, scale_range=(0.2,) * 3, mode=["bilinear", "nearest"],
            ),
            mt.RandFlipd(both, prob=1, spatial_axis=0),
            mt.RandBiasFieldd("image", prob=1),
            mt.RandAdjustContrastd("image", prob=1, gamma=(0.67, 1.5)),
            mt.RandGaussianNoised("image", prob=1, std=0.15),
        ]
    )  # fmt: skip
    steps.set_random_state(0)
    pair = {"image": torch.from_numpy(image), "mask": torch.from_numpy(mask)[None]}
    return lambda: steps(dict(pair))


def torchio_way(image: np.ndarray, mask: np.ndarray) -> Way:
    """TorchIO's transforms, elastic and affine motion in one of them."""
    import torch
    import torchio as tio

    steps = tio.Compose(
        [
            tio.RandomAffineElasticDeformation(
                affine_kwargs={"scales": 0.2, "degrees": 20},
                elastic_kwargs={"num_control_points": 7, "max_displacement": 7.5},
            ),
            tio.RandomFlip(axes=(0,), flip_probability=1),
            tio.RandomBiasField(),
            tio.RandomGamma(),
            tio.RandomNoise(std=(0, 0.15)),
        ]
    )
    subject = tio.Subject(
        image=tio.ScalarImage(tensor=torch.from_numpy(image)),
        mask=tio.LabelMap(tensor=torch.from_numpy(mask)[None]),
    )
    return lambda: steps(subject)


def batchgenerators_way(image: np.ndarray, mask: np.ndarray) -> Way:
    """nnU-Net's own training transforms."""
    import torch
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    angle = (-30 / 180 * np.pi, 30 / 180 * np.pi)
    steps = nnUNetTrainer.get_training_transforms((N,) * 3, angle, None, (0, 1, 2), False)
    picture, labels = torch.from_numpy(image), torch.from_numpy(mask.astype(np.int16))[None]
    return lambda: steps(image=picture.clone(), segmentation=labels.clone())


def by_turns(
    ways: dict[str, Way], repeats: int, unmeasured: int
) -> dict[str, list[tuple[float, float]]]:
    """Seconds of processor and clock; in turns, so that a busy spell of the machine meets all."""
    seconds: dict[str, list[tuple[float, float]]] = {tool: [] for tool in ways}
    for turn in range(unmeasured + repeats):
        for tool, way in ways.items():
            begun, clock = time.process_time(), time.perf_counter()
            way()
            # The first turns load, allocate and, in nnU-Net's blur, find the fastest way.
            if turn >= unmeasured:
                took = time.process_time() - begun, time.perf_counter() - clock
                seconds[tool].append(took)
    return seconds


def rows_of(
    task: str, ways: dict[str, Way], applied: dict[str, str], repeats: int, statistic: str
) -> list[dict[str, Any]]:
    """One row for each tool."""
    reduce = {"median": np.median, "mean": np.mean}[statistic]
    rounded = "{:.3g}".format
    return [
        {
            "task": task,
            "tool": tool,
            "version": version(PACKAGES[tool]),
            "seconds": rounded(reduce([processor for processor, _ in values])),
            "fastest": rounded(min(processor for processor, _ in values)),
            "clock": rounded(reduce([clock for _, clock in values])),
            "statistic": statistic,
            "repeats": repeats,
            "applied": applied[tool],
        }
        for tool, values in by_turns(ways, repeats, 2 + repeats // 5).items()
    ]


def on_gpu(image: np.ndarray, mask: np.ndarray) -> list[dict[str, Any]]:
    """A batch of two patches, everything applied, where there is a GPU."""
    import torch

    if not torch.cuda.is_available():
        return []
    way = ours(image, mask, everything(), "cuda", n=2)

    def synchronised() -> None:
        way()
        torch.cuda.synchronize()

    task = f"everything, 2 patches on {torch.cuda.get_device_name()}"
    return rows_of(task, {"suffice": synchronised}, APPLIED, 20, "median")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--draws", type=int, default=100, help="of nnU-Net's defaults")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    side.limit_threads(1, None)
    warnings.simplefilter("ignore")  # theirs, about names that are on their way out
    np.random.seed(0)  # noqa: NPY002 (batchgeneratorsv2 draws from it)

    image, mask = patch()
    ways = {
        "suffice": ours(image, mask, everything(), "cpu"),
        "MONAI": monai_way(image, mask),
        "TorchIO": torchio_way(image, mask),
    }
    rows = rows_of("everything", ways, APPLIED, options.repeats, "median")
    ways = {
        "suffice": ours(image, mask, like_nnunet(), "cpu"),
        "batchgeneratorsv2": batchgenerators_way(image, mask),
    }
    rows += rows_of("nnU-Net's defaults", ways, DEFAULTS, options.draws, "mean")
    rows += on_gpu(image, mask)
    common = {"threads": 1, "torch": version("torch"), **describe_machine()}
    options.results.mkdir(exist_ok=True)
    table = pd.DataFrame([row | common for row in rows])
    table.to_csv(options.results / "augmentation.csv", index=False)
    print(table[["task", "tool", "version", "seconds", "fastest", "clock"]].to_string())


if __name__ == "__main__":
    main()
