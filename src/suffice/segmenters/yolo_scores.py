"""From which score on an object counts: chosen on the pictures that a YOLO was trained on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from suffice.core import Listener, Progress
from suffice.metrics import InstanceOverlaps, Panoptic, panoptic_quality
from suffice.nets.yolo import Yolo
from suffice.training.instances import StoredInstances
from suffice.training.instances.inference import see_objects

SCORES = tuple(round(0.05 * i, 2) for i in range(1, 19))
MOST_PICTURES = 16
# The lowest score within this of the best quality: of new pictures the network is less sure.
_NEAR = 0.01
_USUAL = 0.25


@dataclass(frozen=True)
class ChosenScore:
    """A score and what it reached.

    Parameters
    ----------
    least_score : float
    quality : float
        Panoptic quality at that score, the mean of the structures, or not a number.
    n_pictures : int
    """

    least_score: float
    quality: float
    n_pictures: int

    @property
    def account(self) -> str:
        """What a person should know of the choice."""
        if not self.n_pictures or np.isnan(self.quality):
            return f"objects from a score of {self.least_score:g} on: there was none to choose by"
        reached = f"panoptic quality {self.quality:.3f} on {self.n_pictures} training pictures"
        return f"objects from a score of {self.least_score:g} on: {reached}"

    def added_to(self, history: Sequence[dict[str, float]]) -> list[dict[str, float]]:
        """Say it in the last row of a history; other rows have no number there."""
        none = {"least_score": float("nan"), "quality": float("nan")}
        chosen = {"least_score": self.least_score, "quality": self.quality}
        return [row | (chosen if i == len(history) - 1 else none) for i, row in enumerate(history)]


def choose_score(
    network: Yolo,
    cases: Sequence[StoredInstances],
    *,
    device: torch.device,
    seconds: float,
    listener: Listener,
) -> ChosenScore:
    """Draw the objects of training pictures from several scores on, and keep what fits best.

    Parameters
    ----------
    network : Yolo
    cases : sequence of StoredInstances
        At most 16 are looked at, evenly spread, and no more than there is time for.
    device : torch.device
    seconds : float
    listener : callable
    """
    started = time.monotonic()
    network = network.to(device).eval()
    spread = np.unique(np.linspace(0, len(cases) - 1, min(len(cases), MOST_PICTURES)).astype(int))
    sums: dict[float, list[Panoptic]] = {}
    n_pictures = 0
    for i in spread:
        if n_pictures and time.monotonic() - started > seconds:
            break
        listener(Progress("scores", n_pictures / len(spread), note=cases[i].name))
        for score, counts in _qualities(network, cases[i], device).items():
            before = sums.get(score)
            sums[score] = (
                counts if before is None else [a + b for a, b in zip(before, counts, strict=True)]
            )
        n_pictures += 1
    network.to("cpu")
    return _best(sums, n_pictures)


def _best(sums: dict[float, list[Panoptic]], n_pictures: int) -> ChosenScore:
    qualities = {
        score: float(np.mean([k.quality for k in counts if k.n_reference]))
        for score, counts in sums.items()
        if any(k.n_reference for k in counts)
    }
    best = max(qualities.values(), default=0.0)
    if best <= 0:
        return ChosenScore(_USUAL, float("nan") if not qualities else 0.0, n_pictures)
    near = min(score for score, quality in qualities.items() if quality >= best - _NEAR)
    return ChosenScore(near, qualities[near], n_pictures)


def _qualities(
    network: Yolo, case: StoredInstances, device: torch.device
) -> dict[float, list[Panoptic]]:
    """Counts of each structure from each score on."""
    image = np.asarray(case.image, dtype=np.float32)
    seen = see_objects(network, image, least_score=SCORES[0], device=device)
    truth = np.asarray(case.instances)
    kinds = range(network.shape.n_classes)
    drawn_as = [_of_kind(truth, case.classes, k) for k in kinds]
    out = {}
    for score in SCORES:
        found = seen.drawn((truth.shape[0], truth.shape[1]), score)
        out[score] = [
            panoptic_quality(
                InstanceOverlaps.of(_of_kind(found.instances, found.classes, k), drawn_as[k])
            )
            for k in kinds
        ]
    return out


def _of_kind(
    numbers: npt.NDArray[np.int32], classes: npt.NDArray[np.integer], kind: int
) -> npt.NDArray[np.int32]:
    """Leave out the objects of other structures."""
    is_kind = np.concatenate([[False], np.asarray(classes) == kind])
    return np.where(is_kind[numbers], numbers, 0).astype(np.int32)
