"""The benchmark's data sets: where their files lie, and their masks as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
from PIL import Image

CASES = Path(__file__).parent / "cases"
# Interpolation left the chest masks grey; their publisher's threshold.
CHEST_THRESHOLD = 127


@dataclass(frozen=True)
class Dataset:
    """One data set under ``root`` (the folder that holds all of them)."""

    name: str
    folder: str
    labels: dict[str, int]
    channels: tuple[str, ...]
    file_ending: str
    configuration: str
    train: str
    test: str

    def case_names(self, list_name: str) -> list[str]:
        """Names in a committed list (``"develop"``) or in a file of the caller's."""
        path = Path(list_name)
        if not path.is_file():
            path = CASES / f"{self.name}-{list_name}.txt"
        return path.read_text().split()

    def image_path(self, root: Path, case: str) -> Path:
        """The file of a case's scan."""
        folder = root / self.folder
        if self.name == "nuclei":
            return folder / case / "images" / f"{case}.png"
        return folder / "images" / f"{case}{self.file_ending}"

    def truth(self, root: Path, case: str) -> npt.NDArray[np.uint8]:
        """The drawn mask of a case: (X, Y, Z) for volumes, (Y, X) for pictures."""
        folder = root / self.folder
        if self.name == "hippocampus":
            return read_mask(folder / "labels" / f"{case}.nii.gz")
        if self.name == "chest":
            grey = read_mask(folder / "masks" / f"{case}.png")
            return np.asarray(grey > CHEST_THRESHOLD, dtype=np.uint8)
        masks = [read_mask(path) for path in sorted((folder / case / "masks").glob("*.png"))]
        return np.asarray(np.any(masks, axis=0), dtype=np.uint8)


def read_mask(path: Path) -> npt.NDArray[np.uint8]:
    """A mask from a NIfTI file or a picture, one channel of it."""
    if path.name.endswith(".nii.gz"):
        return np.asarray(nibabel.load(path).dataobj).astype(np.uint8)
    array = np.asarray(Image.open(path))
    return np.asarray(array[..., 0] if array.ndim == 3 else array, dtype=np.uint8)


def dice(truth: npt.NDArray[np.uint8], predicted: npt.NDArray[np.uint8], value: int) -> float:
    """Dice of one label; NaN where both masks lack it."""
    if truth.shape != predicted.shape:
        raise ValueError(f"Masks of shapes {truth.shape} and {predicted.shape} cannot be compared")
    a, b = truth == value, predicted == value
    total = int(a.sum()) + int(b.sum())
    return 2.0 * int((a & b).sum()) / total if total else float("nan")


DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            name="hippocampus",
            folder="hippocampus",
            labels={"anterior": 1, "posterior": 2},
            channels=("MR",),
            file_ending=".nii.gz",
            configuration="3d_fullres",
            train="train8",
            test="test20",
        ),
        Dataset(
            name="chest",
            folder="chest_xray_lungs",
            labels={"lung": 1},
            channels=("XR",),
            file_ending=".png",
            configuration="2d",
            train="train12",
            test="test40",
        ),
        Dataset(
            name="nuclei",
            folder="nuclei",
            labels={"nucleus": 1},
            channels=("R", "G", "B"),
            file_ending=".png",
            configuration="2d",
            train="train12",
            test="test40",
        ),
    )
}
