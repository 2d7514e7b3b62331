"""The benchmark's cases in the layout that nnU-Net reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from PIL import Image

from datasets import Dataset

DATASET_ID = 901


def write_raw(dataset: Dataset, root: Path, train: list[str], test: list[str], raw: Path) -> Path:
    """Write ``DatasetNNN_Name`` into ``raw`` and return its path."""
    folder = raw / f"Dataset{DATASET_ID}_{dataset.name}"
    for part in ("imagesTr", "labelsTr", "imagesTs"):
        (folder / part).mkdir(parents=True)
    for case in train:
        _write_image(dataset, root, case, folder / "imagesTr")
        target = folder / "labelsTr" / f"{case}{dataset.file_ending}"
        if dataset.file_ending == ".png":
            Image.fromarray(dataset.truth(root, case)).save(target)
        else:
            shutil.copyfile(root / dataset.folder / "labels" / target.name, target)
    for case in test:
        _write_image(dataset, root, case, folder / "imagesTs")
    description = {
        "channel_names": dict(enumerate(dataset.channels)),
        "labels": {"background": 0, **dataset.labels},
        "numTraining": len(train),
        "file_ending": dataset.file_ending,
    }
    if dataset.file_ending == ".png":
        description["overwrite_image_reader_writer"] = "NaturalImage2DIO"
    (folder / "dataset.json").write_text(json.dumps(description, indent=2))
    return folder


def _write_image(dataset: Dataset, root: Path, case: str, folder: Path) -> None:
    source = dataset.image_path(root, case)
    target = folder / f"{case}_0000{dataset.file_ending}"
    if dataset.file_ending == ".png":
        mode = "RGB" if len(dataset.channels) == 3 else "L"
        Image.open(source).convert(mode).save(target)
    else:
        shutil.copyfile(source, target)
