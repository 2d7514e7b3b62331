from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image as Picture

LABELS = ("anterior", "posterior")
StudyMaker = Callable[..., Path]


def _ellipsoid(shape, spacing, centre_mm, radii_mm):
    axes = [np.arange(n) * s for n, s in zip(shape, spacing, strict=True)]
    mesh = np.meshgrid(*axes, indexing="ij")
    # A picture takes the first two radii alone.
    parts = zip(mesh, centre_mm, radii_mm, strict=False)
    return sum(((m - c) / r) ** 2 for m, c, r in parts) <= 1.0


def _phantom(shape, spacing, rng, shift=0.0):
    """A body of grey values with two neighbouring structures; ``shift`` (mm) moves them."""
    centre = [n * s / 2 for n, s in zip(shape, spacing, strict=True)]
    mask = np.zeros(shape, np.uint8)
    front = [c + o + shift for c, o in zip(centre, (0, 5, 2), strict=False)]
    back = [c + o + shift for c, o in zip(centre, (0, -5, -2), strict=False)]
    mask[_ellipsoid(shape, spacing, back, (5, 8, 5))] = 2
    mask[_ellipsoid(shape, spacing, front, (5, 7, 6))] = 1
    body = _ellipsoid(
        shape, spacing, centre, [0.47 * n * s for n, s in zip(shape, spacing, strict=False)]
    )
    grey = 20 + 60 * body + 40 * (mask == 1) + 30 * (mask == 2) + rng.normal(0, 6, shape)
    return grey, mask


def _write_volume(path: Path, array, affine) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine), path)


def _write_picture(path: Path, array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.fromarray(array).save(path)


def _write_cases(root: Path, names, flat, rng) -> None:
    # Stored left-posterior-superior with thick slices, as many scanners do.
    affine = np.array([[-1.0, 0, 0, 30], [0, -1.0, 0, 40], [0, 0, 2.5, -30], [0, 0, 0, 1]])
    suffix = ".png" if flat else ".nii.gz"
    rows = []
    for i, name in enumerate(names):
        shape, spacing = ((64, 80), (1, 1)) if flat else ((44, 56, 20), (1, 1, 2.5))
        grey, mask = _phantom(shape, spacing, rng)
        _, predicted = _phantom(shape, spacing, rng, shift=0.4 * i)
        places = ("cohort/images", "cohort/labels", "study/validation/unet")
        for place, array in zip(places, (grey, mask, predicted), strict=True):
            path = root / place / f"{name}{suffix}"
            if flat:
                _write_picture(path, np.clip(array, 0, 255).astype(np.uint8))
            else:
                _write_volume(path, array.astype(np.int16), affine)
        rows.append((name, name, "", "", f"images/{name}{suffix}", f"labels/{name}{suffix}"))
    table = pd.DataFrame(rows, columns=["case", "subject", "visit", "date", "image", "mask"])
    table.to_csv(root / "cohort" / "cases.csv", index=False)
    labels = "".join(
        f'\n[[label]]\nvalue = {i}\nname = "{name}"\n' for i, name in enumerate(LABELS, 1)
    )
    modality = "MIC" if flat else "MR"
    (root / "cohort" / "cohort.toml").write_text(
        f'name = "toy"\n[[channel]]\nname = "image"\nmodality = "{modality}"\n{labels}'
    )


def _write_tables(study: Path, names, rng) -> None:
    scores, measures = [], []
    for i, name in enumerate(names):
        for label in LABELS:
            dice = 0.93 - 0.02 * i + (0.01 if label == "anterior" else 0.0)
            values = {"dice": dice, "hd95_mm": 1.0 + 0.2 * i, "nsd": 0.95 - 0.01 * i}
            values["missed"] = 0.0
            if i == len(names) - 1 and label == "posterior":
                values = {"dice": 0.0, "hd95_mm": np.inf, "nsd": 0.0, "missed": 1.0}
            scores += [(name, name, label, m, v, "unet", i % 2) for m, v in values.items()]
            for source in ("drawn", "predicted"):
                measures.append((name, name, "", "", label, source, 2.5 + 0.05 * i))
    columns = ["case", "subject", "label", "metric", "value", "rung", "fold"]
    pd.DataFrame(scores, columns=columns).to_csv(study / "scores.csv", index=False)
    columns = ["case", "subject", "visit", "date", "label", "source", "volume_ml"]
    pd.DataFrame(measures, columns=columns).to_csv(study / "measures.csv", index=False)
    summary = [
        (
            "unet",
            label,
            metric,
            mean,
            mean - spread,
            mean + spread,
            0.95,
            len(names),
            len(names),
            0,
            mean,
        )
        for label in ("mean", *LABELS)
        for metric, mean, spread in (("dice", 0.834, 0.021), ("hd95_mm", 1.62, 0.3))
        if label != "mean" or metric == "dice"
    ]
    columns = ["rung", "label", "metric", "mean", "low", "high", "level"]
    columns += ["n_subjects", "n_cases", "n_undefined", "median"]
    pd.DataFrame(summary, columns=columns).to_csv(study / "summary.csv", index=False)
    splits = [(name, name, "train", i % 2) for i, name in enumerate(names)]
    splits += [(f"new-{i}", f"new-{i}", "unlabelled", "") for i in range(3)]
    columns = ["case", "subject", "part", "fold"]
    pd.DataFrame(splits, columns=columns).to_csv(study / "splits.csv", index=False)
    for place in ("unet", "unet-fold-0", "unet-fold-1"):
        step = np.arange(0, 400, 20)
        history = pd.DataFrame({"step": step, "seconds": step * 0.6, "learning_rate": 0.01})
        history["loss"] = np.exp(-step / 120) + 0.1 + rng.normal(0, 0.01, len(step))
        history["dice"] = 0.9 - 0.8 * np.exp(-step / 90)
        folder = study / "models" / place
        folder.mkdir(parents=True, exist_ok=True)
        history.to_csv(folder / "history.csv", index=False)


def _make_study(root: Path, *, flat: bool = False, names=None) -> Path:
    rng = np.random.default_rng(4)
    names = names or [f"case-{i:02d}" for i in range(12)]
    study = root / "study"
    study.mkdir(parents=True)
    _write_cases(root, names, flat, rng)
    _write_tables(study, names, rng)
    (study / "left_out.csv").write_text(
        "path,reason\nlabels/281.nii.gz,no image of that name\n"
        f"{root}/cohort/images/118.nii.gz,no mask of that name\n"
    )
    (study / "study.toml").write_text(
        'name = "toy"\ncohort = "../cohort"\nrung = "unet"\nseed = 7\nminutes = 10.0\n'
        'created = "2026-01-02"\ndata_hash = "ab12cd34"\n[versions]\nsuffice = "0.1.0"\n'
        f'[machine]\nprocessor = "a processor"\ncores = 2\nscratch = "{root}/scratch/here"\n'
    )
    return study


@pytest.fixture
def make_study(tmp_path: Path) -> StudyMaker:
    """Make a whole study folder of two structures, in 3D or (``flat=True``) in 2D."""

    def make(place: str = "a", **options) -> Path:
        return _make_study(tmp_path / place, **options)

    return make
