"""Images and masks: arrays that know where they lie and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from suffice.core.errors import GeometryError, LabelError, UsageError
from suffice.core.grid import Grid
from suffice.core.legend import Legend

Modality = Literal["CT", "MR", "PET", "XR", "OCT", "MIC", "US", "OTHER"]
Unit = Literal["HU", "SUV", "none"]
MODALITIES: tuple[str, ...] = get_args(Modality)
UNITS: tuple[str, ...] = get_args(Unit)


@dataclass(frozen=True, eq=False)
class Image:
    """A scan: ``(C, *spatial)`` intensities on a grid.

    Parameters
    ----------
    array : array of shape (C, X, Y, Z) or (C, Y, X)
        Intensities in ``unit``, integer or floating.
    grid : Grid
        Where the voxels lie; its shape is the array's without the channels.
    modality : {"CT", "MR", "PET", "XR", "OCT", "MIC", "US", "OTHER"}
    unit : {"HU", "SUV", "none"}
    """

    array: npt.NDArray[np.generic]
    grid: Grid
    modality: Modality = "OTHER"
    unit: Unit = "none"

    def __post_init__(self) -> None:
        if self.array.shape[1:] != self.grid.shape or self.array.ndim != self.grid.ndim + 1:
            raise GeometryError(
                "The array does not fit its grid",
                got=self.array.shape,
                expected=("C", *self.grid.shape),
            )
        if self.modality not in MODALITIES:
            raise UsageError("Unknown modality", got=self.modality, expected=MODALITIES)
        if self.unit not in UNITS:
            raise UsageError("Unknown unit", got=self.unit, expected=UNITS)

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return int(self.array.shape[0])


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A mask: integer label values of shape ``spatial`` on a grid, with their legend."""

    array: npt.NDArray[np.generic]
    grid: Grid
    legend: Legend

    def __post_init__(self) -> None:
        if self.array.shape != self.grid.shape:
            raise GeometryError(
                "The mask does not fit its grid", got=self.array.shape, expected=self.grid.shape
            )
        if self.array.dtype.kind not in "iub":
            raise LabelError("A mask holds integers", got=self.array.dtype)
        unknown = self.legend.unknown_values(self.array)
        if unknown:
            raise LabelError(
                "The mask holds values that the legend does not know",
                got=unknown,
                expected=list(self.legend.values),
                cure="Add them to the legend in cohort.toml or mend the mask.",
            )

    @property
    def unlabelled(self) -> npt.NDArray[np.bool_] | None:
        """Voxels that nobody labelled, or ``None`` where there are none."""
        if self.legend.ignore is None:
            return None
        unlabelled: npt.NDArray[np.bool_] = self.array == self.legend.ignore
        return unlabelled if unlabelled.any() else None

    @property
    def drawn(self) -> npt.NDArray[np.generic]:
        """The label values, 0 where nobody labelled: what was drawn of the structures."""
        unlabelled = self.unlabelled
        if unlabelled is None:
            return self.array
        return np.where(unlabelled, 0, self.array).astype(self.array.dtype)
