"""Dice, HD95 and NSD of whole label maps: ours, google's surface-distance and MONAI's.

All run in one process on one thread, by turns, from the two label maps to the three numbers of
each label. Ours must equal surface-distance's to a millionth.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

import side
from machine import describe_machine

RESULTS = Path(__file__).parent / "results"
TOLERANCE_MM = 1.0
PACKAGES = {"suffice": "suffice", "surface-distance": "surface-distance", "MONAI": "monai"}
Spacing = tuple[float, ...]
Case = tuple[str, np.ndarray, np.ndarray, Spacing]
Scorer = Callable[[np.ndarray, np.ndarray, Spacing], np.ndarray]


def ball(shape: tuple[int, ...], centre: tuple[float, ...], radii: tuple[float, ...]) -> np.ndarray:
    """How far each voxel lies from a centre, 1 at the radii, squared."""
    cells = np.ogrid[tuple(slice(n) for n in shape)]
    parts = [((c - m) / r) ** 2 for c, m, r in zip(cells, centre, radii, strict=True)]
    return sum(parts)


def waves(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A smooth random field whose bumps are about 16 voxels wide."""
    return ndimage.zoom(rng.normal(size=[n // 16 for n in shape]), 16, order=1)


def organs() -> Case:
    """Four lumpy organs that fill a third of a volume, and a good prediction of them."""
    shape = (256, 256, 128)
    rng = np.random.default_rng(0)
    lumps, errors = waves(rng, shape), waves(rng, shape)
    predicted, reference = np.zeros((2, *shape), dtype=np.uint8)
    for value, (x, y) in enumerate([(64, 64), (64, 192), (192, 64), (192, 192)], start=1):
        away = ball(shape, (x, y, 64), (56, 56, 54)) + 0.08 * lumps
        reference[away < 1] = value
        predicted[away + 0.04 * errors < 1] = value
    return "4 organs in 256x256x128", predicted, reference, (1.0, 1.0, 1.0)


def tissues() -> Case:
    """Four tissues and a background without gaps, all over a smaller volume."""
    shape = (128, 128, 64)
    rng = np.random.default_rng(0)
    fields = np.stack([waves(rng, shape) for _ in range(5)])
    errors = np.stack([waves(rng, shape) for _ in range(5)])
    predicted = (fields + 0.1 * errors).argmax(axis=0).astype(np.uint8)
    reference = fields.argmax(axis=0).astype(np.uint8)
    return "4 tissues throughout 128x128x64", predicted, reference, (1.0, 1.0, 2.0)


def lesions() -> Case:
    """Twenty small lesions, each with a label of its own."""
    shape = (256, 256, 128)
    rng = np.random.default_rng(1)
    predicted, reference = np.zeros((2, *shape), dtype=np.uint8)
    for value in range(1, 21):
        centre = rng.uniform(12, np.array(shape) - 12)
        reference[ball(shape, tuple(centre), (4, 4, 4)) < 1] = value
        predicted[ball(shape, tuple(centre + rng.normal(size=3)), (4, 4, 4)) < 1] = value
    return "20 lesions in 256x256x128", predicted, reference, (1.0, 1.0, 1.0)


def missed() -> Case:
    """A prediction in the wrong corner."""
    shape = (128, 128, 128)
    masks = [ball(shape, centre, (8, 8, 8)) < 1 for centre in ((20, 20, 20), (100, 100, 100))]
    return "1 blob, predicted far away", *(m.astype(np.uint8) for m in masks), (1.0, 1.0, 1.0)


def nested() -> Case:
    """A prediction with a surface that is nowhere near."""
    shape = (128, 128, 128)
    masks = [ball(shape, (64, 64, 64), (r, r, r)) < 1 for r in (60, 40)]
    return "1 ball, predicted 20 too thick", *(m.astype(np.uint8) for m in masks), (1.0, 1.0, 1.0)


def swallowed(predicted: float, drawn: float) -> Case:
    """One ball deep within another, where every point is far from all of the other surface."""
    shape = (128, 128, 128)
    masks = [ball(shape, (64, 64, 64), (r, r, r)) < 1 for r in (predicted, drawn)]
    name = f"1 ball of radius {drawn:g}, predicted {predicted:g}"
    return name, *(m.astype(np.uint8) for m in masks), (1.0, 1.0, 1.0)


def vessel() -> Case:
    """A line of single voxels, predicted a voxel aside."""
    t = np.linspace(0, 1, 2000)
    course = np.stack([20 + 80 * t, 64 + 30 * np.sin(9 * t), 64 + 30 * np.cos(7 * t)]).round()
    predicted, reference = np.zeros((2, 128, 128, 128), dtype=np.uint8)
    reference[tuple(course.astype(int))] = 1
    predicted[tuple(course.astype(int) + 1)] = 1
    return "1 thin vessel in 128x128x128", predicted, reference, (1.0, 1.0, 1.0)


def picture(n: int, radius: float) -> Case:
    """A disc in a picture, predicted a little too large and aside."""
    masks = [
        ball((n, n), centre, (r, r)) < 1
        for centre, r in (((n / 2, n / 2), radius), ((n / 2 + 2, n / 2), radius * 1.05))
    ]
    return f"1 disc in {n}x{n}, radius {radius:g}", *(m.astype(np.uint8) for m in masks), (1.0, 1.0)


def hippocampus(data: Path) -> Iterator[Case]:
    """A drawn hippocampus against itself, moved by a voxel."""
    import nibabel

    files = sorted((data / "hippocampus" / "labels").glob("*.nii*"))
    if files:
        image = nibabel.load(files[0])
        mask = np.asarray(image.dataobj).astype(np.uint8)
        spacing = tuple(float(s) for s in image.header.get_zooms()[:3])
        yield "hippocampus, moved by a voxel", np.roll(mask, 1, axis=1), mask, spacing


def scorers() -> dict[str, Scorer]:
    """Each tool's way from two label maps to Dice, HD95 and NSD of every label."""
    import monai.metrics as monai
    import surface_distance as google
    import torch

    from suffice.core import Grid, Legend
    from suffice.metrics import Panel, score_case

    panel = Panel(names=("dice", "hd95", "nsd"), nsd_tolerance_mm=TOLERANCE_MM)

    def suffice(predicted: np.ndarray, reference: np.ndarray, spacing: Spacing) -> np.ndarray:
        legend = Legend.from_names({v: str(v) for v in range(1, int(reference.max()) + 1)})
        if len(spacing) == 3:
            grid = Grid.from_spacing(reference.shape, spacing)
        else:
            grid = Grid(reference.shape, pixel_spacing_mm=spacing)
        rows = score_case(predicted, reference, grid, legend, panel=panel)
        values = [row.value for row in rows if row.metric in ("dice", "hd95_mm", "nsd")]
        return np.reshape(values, (-1, 3))

    def surface_distance(
        predicted: np.ndarray, reference: np.ndarray, spacing: Spacing
    ) -> np.ndarray:
        values = []
        for value in range(1, int(reference.max()) + 1):
            truth, found = reference == value, predicted == value
            distances = google.compute_surface_distances(truth, found, spacing)
            values += [
                google.compute_dice_coefficient(truth, found),
                google.compute_robust_hausdorff(distances, 95),
                google.compute_surface_dice_at_tolerance(distances, TOLERANCE_MM),
            ]
        return np.reshape(values, (-1, 3))

    def monai_scores(predicted: np.ndarray, reference: np.ndarray, spacing: Spacing) -> np.ndarray:
        values = []
        for value in range(1, int(reference.max()) + 1):
            pair = [torch.from_numpy(mask == value)[None, None] for mask in (predicted, reference)]
            values += [
                float(monai.compute_dice(*pair)),
                float(monai.compute_hausdorff_distance(*pair, percentile=95, spacing=spacing)),
                float(monai.compute_surface_dice(*pair, [TOLERANCE_MM], spacing=spacing)),
            ]
        return np.reshape(values, (-1, 3))

    return {"suffice": suffice, "surface-distance": surface_distance, "MONAI": monai_scores}


def measure(case: Case, ways: dict[str, Scorer], repeats: int) -> list[dict[str, Any]]:
    """Median seconds of each way, and the means of what it found over the labels."""
    name, *arguments = case
    found, runs = {}, {}
    for tool, way in ways.items():
        begun = time.perf_counter()
        found[tool] = way(*arguments)
        # What takes no time is timed over many runs at a stretch.
        runs[tool] = 1 + int(0.1 / (time.perf_counter() - begun))
    np.testing.assert_allclose(found["suffice"], found["surface-distance"], atol=1e-6)
    seconds: dict[str, list[float]] = {tool: [] for tool in ways}
    # The tools take turns, so that a busy spell of the machine meets all of them.
    for _ in range(repeats):
        for tool, way in ways.items():
            begun = time.perf_counter()
            for _ in range(runs[tool]):
                way(*arguments)
            seconds[tool].append((time.perf_counter() - begun) / runs[tool])
    rows = []
    for tool, values in found.items():
        dice, hd95, nsd = values.mean(axis=0).round(4).tolist()
        median = float(f"{np.median(seconds[tool]):.3g}")
        where = {"case": name, "tool": tool, "version": version(PACKAGES[tool])}
        rows.append(where | {"seconds": median, "dice": dice, "hd95_mm": hd95, "nsd": nsd})
    return rows


def write(table: pd.DataFrame, path: Path, names: list[str]) -> None:
    """Write the results, in the order of the cases; what was not measured now stays as it was."""
    if path.is_file():
        before = pd.read_csv(path)
        table = pd.concat([before[~before["case"].isin(table["case"])], table])
    table = table[table["case"].isin(names)]
    table = table.sort_values("case", key=lambda case: case.map(names.index), kind="stable")
    table.to_csv(path, index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only", default="", help="cases whose name holds this; others stay")
    options = parser.parse_args()
    side.limit_threads(1, None)
    warnings.simplefilter("ignore")  # theirs, about names that are on their way out

    cases = [organs(), tissues(), lesions(), missed(), nested(), swallowed(60, 20)]
    cases += [swallowed(20, 60), vessel(), picture(512, 50), picture(64, 5)]
    cases += hippocampus(options.data)
    names = [case[0] for case in cases]
    cases = [case for case in cases if options.only in case[0]]
    ways = scorers()
    common = {"repeats": options.repeats, "threads": 1, **describe_machine()}
    for package in ("numpy", "scipy", "torch"):
        common[package] = version(package)
    rows = [row | common for case in cases for row in measure(case, ways, options.repeats)]
    options.results.mkdir(exist_ok=True)
    write(pd.DataFrame(rows), options.results / "metrics.csv", names)
    print(pd.DataFrame(rows)[["case", "tool", "seconds", "dice", "hd95_mm", "nsd"]].to_string())


if __name__ == "__main__":
    main()
