"""A segmenter that learns in no time: a threshold between the brightness of two classes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suffice.core import (
    Budget,
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
from suffice.io import read_case_image, read_case_mask
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

    def predict(self, image: Image, **_: Any) -> Prediction:
        array = (image.array[0] > self.threshold_).astype(np.uint8)
        return Prediction(labels=LabelMap(array, image.grid, self.legend_), probabilities=None)

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
