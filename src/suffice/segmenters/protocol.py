"""What every model offers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from suffice.core import Budget, Channel, Cohort, Image, LabelMap, Legend, Listener, silent


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says about one image, on the image's own grid.

    Parameters
    ----------
    labels : LabelMap
    probabilities : float16 array of shape (K, *spatial) or None
        Of the background and each structure in the order of the legend, where asked for.
    """

    labels: LabelMap
    probabilities: npt.NDArray[np.float16] | None = None


class Segmenter(Protocol):
    """A model: init only stores, what ``fit`` learns ends in ``_``, ``predict`` is pure."""

    @property
    def legend_(self) -> Legend:
        """The structures that the model knows."""

    @property
    def channels_(self) -> tuple[Channel, ...]:
        """The channels that the model was trained on, in order."""

    @property
    def history_(self) -> list[dict[str, float]]:
        """Rows of the training's history."""

    def fit(
        self,
        labelled: Cohort,
        *,
        budget: Budget,
        seed: int,
        workdir: Path,
        listener: Listener = silent,
    ) -> Self:
        """Learn from labelled cases within the budget; goes on where a kill left ``workdir``."""

    def predict(
        self,
        image: Image,
        *,
        mirror: bool = False,
        keep_probabilities: bool = False,
        listener: Listener = silent,
    ) -> Prediction:
        """Segment an image on its own grid."""

    def save(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write the model as a folder, whole or not at all."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
