"""A segmenter that learns in no time: a threshold between the brightness of two classes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from suffice.core import (
    Budget,
    Case,
    Channel,
    Cohort,
    CohortError,
    Image,
    LabelMap,
    Legend,
    Listener,
    Progress,
    silent,
)
from suffice.files import writing_folder
from suffice.io import read_case_image, read_case_mask, write_cohort
from suffice.segmenters import Prediction


class ThresholdSegmenter:
    """Learns one threshold for a cohort with one structure."""

    rung = "unet"

    def __init__(self) -> None:
        self.threshold_ = 0.0
        self.legend_ = Legend.from_names({1: "ball"})
        self.channels_ = (Channel(),)

    @classmethod
    def refusal(cls, labelled: Cohort) -> CohortError | None:
        return None

    def fit(
        self,
        labelled: Cohort,
        *,
        budget: Budget,
        seed: int,
        workdir: Path,
        listener: Listener = silent,
    ) -> ThresholdSegmenter:
        workdir.mkdir(parents=True, exist_ok=True)
        means = []
        for case in labelled.cases:
            image = read_case_image(labelled, case).array[0]
            ball = read_case_mask(labelled, case).array > 0
            means.append((image[ball].mean() + image[~ball].mean()) / 2)
        listener(Progress("train", 1.0))
        self.threshold_ = float(np.mean(means))
        self.legend_ = labelled.legend
        return self

    def predict(self, image: Image, keep_probabilities: bool = False, **_: Any) -> Prediction:
        array = (image.array[0] > self.threshold_).astype(np.uint8)
        shares = np.stack([1 - array, array]).astype(np.float16)
        kept = shares if keep_probabilities else None
        return Prediction(labels=LabelMap(array, image.grid, self.legend_), probabilities=kept)

    def save(self, folder: Path, overwrite: bool = False) -> None:
        with writing_folder(folder, overwrite=overwrite) as partial:
            text = json.dumps({"threshold": self.threshold_})
            (partial / "model.json").write_text(text, encoding="utf-8")
            (partial / "history.csv").write_text("step,seconds,loss\n1,1,0.5\n", encoding="utf-8")


def load_threshold_segmenter(folder: Path) -> ThresholdSegmenter:
    segmenter = ThresholdSegmenter()
    text = (folder / "model.json").read_text(encoding="utf-8")
    segmenter.threshold_ = json.loads(text)["threshold"]
    return segmenter


@dataclass
class Fakes:
    """What a workflow takes in the place of a network, and the fits that it asked for."""

    rungs: dict[str, type[ThresholdSegmenter]]
    load: Callable[[Path], ThresholdSegmenter]
    fits: list[tuple[str, ...]]


@pytest.fixture
def fakes() -> Fakes:
    return new_fakes()


@pytest.fixture(scope="module")
def shared_fakes() -> Fakes:
    """For a study that several tests look at."""
    return new_fakes()


def new_fakes() -> Fakes:
    fits: list[tuple[str, ...]] = []

    class Recording(ThresholdSegmenter):
        def fit(self, labelled: Cohort, **options: Any) -> ThresholdSegmenter:
            fits.append(labelled.names)
            return super().fit(labelled, **options)

    return Fakes({"unet": Recording}, load_threshold_segmenter, fits)


@pytest.fixture
def hospital_series() -> Callable[[Path], Path]:
    """Write a made-up oblique MR series, a bright ball in noise, as a hospital would send it."""

    def write(folder: Path) -> Path:
        folder.mkdir(parents=True)
        axes = np.stack(np.meshgrid(*[np.arange(n) for n in (14, 20, 16)], indexing="ij"))
        ball = ((axes - np.array([7, 9, 8]).reshape(3, 1, 1, 1)) ** 2).sum(0) <= 25
        noise = np.random.default_rng(0).normal(10, 3, ball.shape)
        turn = (0.8, 0.48, -0.36, 0.0, 0.6, 0.8)
        shared = {name: generate_uid() for name in ("StudyInstanceUID", "SeriesInstanceUID")}
        shared["FrameOfReferenceUID"] = generate_uid()
        for i, plane in enumerate((ball * 100 + noise).clip(0).astype(np.uint16)):
            dataset = pydicom.Dataset()
            dataset.file_meta = pydicom.dataset.FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, generate_uid()
            dataset.Modality, dataset.PatientID, dataset.PatientName = "MR", "MADE-UP-1", "Made^Up"
            for name, uid in shared.items():
                setattr(dataset, name, uid)
            dataset.StudyDate, dataset.InstanceNumber = "20200101", i + 1
            dataset.PixelSpacing, dataset.SliceThickness = [0.9, 1.1], 2.0
            dataset.ImageOrientationPatient = list(turn)
            step = np.cross(turn[:3], turn[3:]) * 2.0 * i
            dataset.ImagePositionPatient = [round(float(v), 4) for v in step + np.array([5, -7, 3])]
            dataset.Rows, dataset.Columns = plane.shape
            dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
            dataset.PhotometricInterpretation = "MONOCHROME2"
            dataset.BitsAllocated = dataset.BitsStored = 16
            dataset.HighBit = 15
            dataset.PixelData = plane.tobytes()
            dataset.save_as(folder / f"{i}.dcm", enforce_file_format=True)
        return folder

    return write


@pytest.fixture
def lesions(tmp_path: Path) -> Cohort:
    """One subject, two visits on one grid, two raters at the first: one lesion grows, one comes."""
    folder = tmp_path / "cohort"
    (folder / "files").mkdir(parents=True)
    rng = np.random.default_rng(0)
    affine = np.diag([1.0, 1.0, 2.0, 1.0])

    def write(name: str, array: np.ndarray) -> Path:
        path = folder / "files" / f"{name}.nii.gz"
        nib.save(nib.Nifti1Image(array, affine), path)
        return path

    cases = []
    for visit, size in ((1, 4), (2, 8)):
        mask = np.zeros((24, 24, 12), np.uint8)
        mask[4 : 4 + size, 4:8, 4:6] = 1
        if visit == 2:
            mask[18:20, 18:20, 8:10] = 1
        scan = (100 * mask + rng.normal(0, 5, mask.shape)).astype(np.float32)
        masks = {"anna": write(f"anna{visit}", mask)}
        if visit == 1:
            wider = mask.copy()
            wider[8, 4:8, 4:6] = 1
            masks["ben"] = write("ben1", wider)
        image = {"image": write(f"scan{visit}", scan)}
        cases.append(Case(f"v{visit}", "P/1", image, masks, str(visit), f"202{visit}-05-01"))
    cohort = Cohort(
        "ms", folder, (Channel(modality="MR"),), Legend.from_names({1: "lesion"}), tuple(cases)
    )
    write_cohort(cohort, folder)
    return cohort
