"""The score from which on an object counts: the lowest that is as good as the best."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch

from suffice.nets.yolo import Yolo, YoloShape
from suffice.segmenters import yolo_scores
from suffice.segmenters.yolo_scores import choose_score
from suffice.training.instances import StoredInstances
from suffice.training.instances.inference import FoundObjects

CPU = torch.device("cpu")


def silent(progress: object) -> None:
    """Say nothing."""


class Seen:
    """Two true objects of scores 0.9 and 0.5, and a false one of 0.3."""

    scores: ClassVar[dict[int, float]] = {1: 0.9, 2: 0.5, 3: 0.3}

    def drawn(self, shape_out: tuple[int, int], least_score: float) -> FoundObjects:
        sure = [n for n, score in self.scores.items() if score >= least_score]
        numbers = np.zeros(shape_out, np.int32)
        for n in sure:
            numbers[n * 4 : n * 4 + 3, 2:8] = n
        shares = np.zeros((1, *shape_out), np.float32)
        scores = np.array([self.scores[n] for n in sure])
        return FoundObjects(numbers, scores, np.zeros(len(sure), np.int64), shares)


@pytest.fixture
def picture() -> StoredInstances:
    truth = Seen().drawn((32, 32), 0.4).instances
    image = np.zeros((1, 32, 32), np.float16)
    return StoredInstances("p", image, truth, np.zeros(2, np.uint8), np.zeros((2, 2), np.int32))


def test_the_score_that_leaves_false_objects_out(
    picture: StoredInstances, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yolo_scores, "see_objects", lambda *arguments, **options: Seen())
    network = Yolo(YoloShape(in_channels=1, n_classes=1))
    chosen = choose_score(network, [picture] * 3, device=CPU, seconds=60, listener=silent)
    assert chosen.least_score == 0.35 and chosen.quality == 1.0 and chosen.n_pictures == 3
    assert "0.35 on: panoptic quality 1.000 on 3 training pictures" in chosen.account
    rows = chosen.added_to([{"step": 1.0}, {"step": 2.0}])
    assert np.isnan(rows[0]["least_score"]) and rows[1]["least_score"] == 0.35
    # However short the time, one picture is looked at.
    hasty = choose_score(network, [picture] * 3, device=CPU, seconds=0, listener=silent)
    assert hasty.n_pictures == 1 and hasty.least_score == 0.35


def test_a_network_that_finds_nothing_keeps_the_usual_score(picture: StoredInstances) -> None:
    torch.manual_seed(0)
    network = Yolo(YoloShape(in_channels=1, n_classes=1))
    chosen = choose_score(network, [picture], device=CPU, seconds=60, listener=silent)
    assert chosen.least_score == 0.25 and chosen.quality == 0.0
    empty = StoredInstances(
        "e", picture.image, np.zeros((32, 32), np.int32), np.zeros(0, np.uint8), picture.centres
    )
    chosen = choose_score(network, [empty], device=CPU, seconds=60, listener=silent)
    assert chosen.least_score == 0.25 and "none to choose by" in chosen.account
