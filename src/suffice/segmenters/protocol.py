"""What every model offers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from suffice.core import (
    Budget,
    Channel,
    Cohort,
    CohortError,
    Image,
    LabelMap,
    Legend,
    Listener,
    silent,
)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says about one image, on the image's own grid.

    Parameters
    ----------
    labels : LabelMap
    probabilities : float16 array of shape (K, *spatial) or None
        Of the background and each structure in the order of the legend, where asked for.
    instances : int32 array of shape ``spatial`` or None
        A number for each object, by a model that tells them apart.
    """

    labels: LabelMap
    probabilities: npt.NDArray[np.float16] | None = None
    instances: npt.NDArray[np.int32] | None = None


class Segmenter(Protocol):
    """A model: init only stores, what ``fit`` learns ends in ``_``, ``predict`` is pure.

    Attributes
    ----------
    rung : str
        Name of this kind of model, on the command line, in tables and on the model's card.
    """

    rung: ClassVar[str]

    @classmethod
    def refusal(cls, labelled: Cohort) -> CohortError | None:
        """Say why this kind of model does not apply to a cohort, and the cure; else ``None``.

        Looks at the table of cases alone, so that the ladder can be planned without reading.
        ``fit`` raises what this returns.
        """

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


def refuse_unlabelled(labelled: Cohort, *, partly: bool = False) -> CohortError | None:
    """Refuse cases without a mask, which would be learned as background, and no case at all.

    Parameters
    ----------
    labelled : Cohort
    partly : bool
        Whether a kind of model knows what to do with voxels that nobody labelled.
    """
    bare = len(labelled.unlabelled())
    if labelled.legend.ignore is not None and not partly:
        return CohortError(
            "This kind of model needs masks that label every voxel",
            got=f"masks whose value {labelled.legend.ignore} says nothing",
            cure="Train a 'unet', or take 'ignore' out of cohort.toml if all voxels are labelled.",
        )
    if len(labelled) and not bare:
        return None
    return CohortError(
        "Training needs cases with masks",
        got=f"{len(labelled)} cases, {bare} of them without",
        cure="Pass cohort.labelled().",
    )


def refuse_lone_raters(labelled: Cohort, refused: str, otherwise: str) -> CohortError | None:
    """Refuse cohorts in which nobody drew what somebody else drew, too.

    Parameters
    ----------
    labelled : Cohort
    refused, otherwise : str
        What cannot be had, and what can, in the words of the error.
    """
    bare = refuse_unlabelled(labelled)
    if bare is not None or any(len(case.masks) > 1 for case in labelled.cases):
        return bare
    return CohortError(
        refused,
        got="one rater a case",
        expected="two or more in some cases",
        cure=f"Add a column mask_NAME to cases.csv, or {otherwise}.",
    )
