"""What a reader of one format gives back, before a cohort says what it means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from suffice.core import Grid, Modality, Unit

# DICOM and ITK count towards left and posterior where a Grid counts towards right and anterior.
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Raw:
    """Voxels of one file with what the file itself says of them.

    Parameters
    ----------
    array : array of shape (C, X, Y, Z) or (C, Y, X)
        In the file's own type where nothing had to be scaled.
    grid : Grid
    modality, unit : str or None
        ``None`` where the format does not say.
    """

    array: npt.NDArray[np.generic]
    grid: Grid
    modality: Modality | None = None
    unit: Unit | None = None


class Reader(Protocol):
    """A module that reads one family of formats."""

    def read(self, path: Path) -> Raw:
        """Read intensities."""
        ...

    def read_labels(self, path: Path) -> Raw:
        """Read the values as stored, without colours or display scaling."""
        ...

    def read_grid(self, path: Path) -> Grid:
        """Read where the voxels lie, from the header alone."""
        ...
