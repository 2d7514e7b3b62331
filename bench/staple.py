"""STAPLE on five raters of 256x256x128: suffice against SimpleITK, one process, alternating."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk
from scipy import ndimage

from machine import describe_machine
from suffice.raters import staple

SHAPE = (256, 256, 128)
N_RATERS = 5
TASKS = {"binary": 1, "5 labels": 5}


def draw(n_labels: int, seed: int) -> dict[str, np.ndarray]:
    """Smooth structures that fill about half of the volume; raters shift them and err."""
    rng = np.random.default_rng(seed)
    coarse = rng.standard_normal((10, 10, 6))
    field = ndimage.zoom(coarse, np.divide(SHAPE, coarse.shape), order=1)
    edges = np.quantile(field, np.linspace(0.5, 0.95, n_labels))
    truth = np.digitize(field, edges).astype(np.uint8)
    masks = {}
    for rater in range(N_RATERS):
        drawn = np.roll(truth, rng.integers(-3, 4, 3), (0, 1, 2))
        wrong = rng.random(SHAPE) < 0.01 * (rater + 1)
        drawn[wrong] = rng.integers(0, n_labels + 1, int(wrong.sum()))
        masks[f"r{rater}"] = drawn
    return masks


def ours(masks: dict[str, np.ndarray], n_labels: int) -> np.ndarray:
    """The posterior of the structure, or the labels: what SimpleITK gives."""
    found = staple(masks, tuple(range(1, n_labels + 1)))
    return found.probability(1) if n_labels == 1 else found.labels


def theirs(images: list[sitk.Image], n_labels: int) -> np.ndarray:
    if n_labels > 1:
        return sitk.GetArrayFromImage(sitk.MultiLabelSTAPLE(images))
    peer = sitk.STAPLEImageFilter()
    peer.SetForegroundValue(1)
    return sitk.GetArrayFromImage(peer.Execute(images))


def timed(work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def compare(task: str, n_labels: int, repeats: int, seed: int) -> list[dict[str, object]]:
    """Time both in turn; SimpleITK with its own number of threads and with one."""
    masks = draw(n_labels, seed)
    images = [sitk.GetImageFromArray(mask) for mask in masks.values()]
    own_threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    seconds: dict[tuple[str, int], list[float]] = {}
    for _ in range(repeats):
        took, mine = timed(lambda: ours(masks, n_labels))
        seconds.setdefault(("suffice", 1), []).append(took)
        for threads in sorted({own_threads, 1}, reverse=True):
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
            took, other = timed(lambda: theirs(images, n_labels))
            seconds.setdefault(("SimpleITK", threads), []).append(took)
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(own_threads)
    apart = np.abs(mine - other).max() if n_labels == 1 else np.mean(mine != other)
    return [
        {
            "task": task,
            "tool": tool,
            "threads": threads,
            "seconds": round(float(np.median(values)), 4),
            "repeats": len(values),
            "difference": f"{apart:.2g}",
            "simpleitk": sitk.Version.VersionString(),
            "seed": seed,
            **describe_machine(),
        }
        for (tool, threads), values in seconds.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    rows = []
    for task, n_labels in TASKS.items():
        rows += compare(task, n_labels, options.repeats, options.seed)
    table = pd.DataFrame(rows)
    table.to_csv(options.results / "staple.csv", index=False)
    print(table.to_string())


if __name__ == "__main__":
    main()
