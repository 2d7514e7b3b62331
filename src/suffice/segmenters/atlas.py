"""The atlas rung: labelled scans are registered to a new one and their labels fused."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from suffice.core import Cohort, ModelError
from suffice.segmenters.atlasing import (
    MOST_VOXELS,
    Atlas,
    Way,
    atlases_of,
    brightness,
    compared,
    shares_by_atlases,
)
from suffice.segmenters.label_fusion import Fusion
from suffice.segmenters.registration import Registration
from suffice.segmenters.searched import Arrays, SearchedSegmenter
from suffice.segmenters.searching import FloatArray, Sample, Search, View


@dataclass(frozen=True, kw_only=True)
class AtlasParameters:
    """What an atlas model knows besides its scans.

    Parameters
    ----------
    n_channels : int
        Of the images; their mean is registered where a file has colours, else the first.
    is_colour : bool
    registration : Registration
    fusion : {"majority", "local", "joint"}
    most_atlases : int
        So many of the most similar are used for a scan.
    shapes : tuple of tuple of int
        Of the atlases' grids, in canonical axes.
    spacings : tuple of tuple of float
    """

    n_channels: int
    is_colour: bool
    registration: Registration
    fusion: Fusion
    most_atlases: int
    shapes: tuple[tuple[int, ...], ...]
    spacings: tuple[tuple[float, ...], ...]

    @property
    def way(self) -> Way:
        """How a scan is segmented."""
        return Way(
            registration=self.registration, fusion=self.fusion, most_atlases=self.most_atlases
        )


class AtlasSegmenter(SearchedSegmenter[AtlasParameters]):
    """Labelled scans as atlases: for anatomy that all scans share, in much the same pose.

    The registration and the fusion are chosen on the labelled cases, each segmented by the
    others: ``dice`` in the history says what that gave, and is low where the scans share no
    anatomy, as pictures of cells do. ``seconds_per_image`` says how long it took for each.

    The model holds the labelled scans themselves, sampled down: whoever has the model has them.

    Parameters
    ----------
    most_atlases : int
        So many of the most similar labelled scans are deformed and fused; time grows with them.
    """

    rung: ClassVar[str] = "atlas"
    library: ClassVar[str] = "SimpleITK"
    kind: ClassVar[type] = AtlasParameters
    most_structures: ClassVar[int] = 50
    most_voxels: ClassVar[Mapping[int, int]] = MOST_VOXELS
    array_names: ClassVar[tuple[str, ...]] = ("scans", "classes")

    def __init__(self, *, most_atlases: int = 8) -> None:
        self.most_atlases = most_atlases

    def _search(
        self, samples: list[Sample], labelled: Cohort, search: Search
    ) -> tuple[AtlasParameters, Arrays]:
        n_classes, n_channels = labelled.legend.n_classes, len(samples[0].view.array)
        is_colour = n_channels > len(labelled.channels)
        atlases = atlases_of(samples, self.most_voxels, n_classes, is_colour=is_colour)
        subjects = [s.subject for s in samples]
        found = compared(atlases, subjects, labelled.legend.names, self.most_atlases, search)
        for row in search.history:
            row["seconds_per_image"] = round(found.seconds, 3)
        parameters = AtlasParameters(
            n_channels=n_channels,
            is_colour=is_colour,
            registration=found.way.registration,
            fusion=found.way.fusion,
            most_atlases=self.most_atlases,
            shapes=tuple(a.classes.shape for a in atlases),
            spacings=tuple(a.spacing for a in atlases),
        )
        arrays: Arrays = {
            "scans": np.concatenate([a.scan.astype(np.float16).ravel() for a in atlases]),
            "classes": np.concatenate([a.classes.ravel() for a in atlases]),
        }
        return parameters, arrays

    def _segment(self, view: View) -> tuple[npt.NDArray[np.uint8], FloatArray | None]:
        parameters = self.parameters_
        target = brightness(view.array, parameters.is_colour)
        fused = shares_by_atlases(
            target, view.spacing, self._atlases(), parameters.way, self.legend_.n_classes
        )
        return fused.argmax(axis=0).astype(np.uint8), fused

    def _atlases(self) -> list[Atlas]:
        shapes, spacings = self.parameters_.shapes, self.parameters_.spacings
        ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
        scans, classes = self._arrays["scans"], self._arrays["classes"]
        return [
            Atlas(
                scans[begin:end].reshape(shape).astype(np.float32),
                spacing,
                classes[begin:end].reshape(shape),
            )
            for (begin, end), shape, spacing in zip(
                itertools.pairwise(ends), shapes, spacings, strict=True
            )
        ]

    def save(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write the model folder; ``scans.npy`` in it are the labelled scans themselves.

        They are sampled down and bear no names, but are patients' images all the same: keep the
        folder as you keep the scans, and give it to nobody who may not see them.
        """
        super().save(folder, overwrite=overwrite)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        ModelError
            If a file is missing or damaged.
        """
        segmenter = super().load(folder)
        n_voxels = sum(int(np.prod(shape)) for shape in segmenter.parameters_.shapes)
        sizes = {name: segmenter._arrays[name].size for name in cls.array_names}
        if set(sizes.values()) != {n_voxels}:
            raise ModelError(
                f"The atlases in '{folder}' are damaged",
                got=sizes,
                expected=f"{n_voxels} voxels",
                cure="Take the model folder's own copy back.",
            )
        segmenter.most_atlases = segmenter.parameters_.most_atlases
        return segmenter
