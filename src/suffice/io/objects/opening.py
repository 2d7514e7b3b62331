"""Open a DICOM object that holds masks, whatever its kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from suffice.core import Grid, Legend
from suffice.io.objects.fitting import Structure

SEG_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""Segmentation Storage and Label Map Segmentation Storage."""

RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
"""RT Structure Set Storage."""


class Drawn(Protocol):
    """Structures that somebody drew on a series."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def structures(self) -> Sequence[Structure]:
        """What was drawn, by name and number."""

    @property
    def grid(self) -> Grid:
        """Where it lies."""

    @property
    def series(self) -> str:
        """Identifier of the series that it was drawn on."""

    def masks(self) -> Iterator[tuple[Structure, npt.NDArray[np.bool_]]]:
        """Yield each structure with its mask on `grid`."""

    def labels(self) -> npt.NDArray[np.integer]:
        """Make one mask of all; an error where structures overlap."""


def kind_of(path: Path) -> str | None:
    """Say whether a file is a ``SEG`` or an ``RTSTRUCT``; ``None`` where it is neither."""
    from suffice.io.dicom_headers import read_header

    return kind_of_header(read_header(path)) if path.is_file() else None


def kind_of_header(header: Any) -> str | None:
    """Say what kind of drawing a header speaks of."""
    of_class = str(header.get("SOPClassUID", ""))
    if of_class in SEG_CLASSES:
        return "SEG"
    return "RTSTRUCT" if of_class == RTSTRUCT_CLASS else None


def open_drawn(path: Path) -> Drawn:
    """Open an object of which `kind_of` knows the kind."""
    from suffice.io.objects.rtstruct_read import read_rtstruct
    from suffice.io.objects.seg_read import read_seg

    return read_seg(path) if kind_of(path) == "SEG" else read_rtstruct(path)


def in_terms_of(
    values: npt.NDArray[np.integer], structures: Sequence[Structure], legend: Legend
) -> npt.NDArray[np.integer]:
    """Give voxels the legend's values, where it has every structure by name.

    Objects number their structures from 1; masks need not.
    """
    value_of = {label.name: label.value for label in legend}
    if not all(structure.name in value_of for structure in structures):
        return values
    top = max(int(values.max(initial=0)), *(s.value for s in structures), 0)
    table = np.arange(top + 1, dtype=np.min_scalar_type(max(top, *legend.values)))
    for structure in structures:
        table[structure.value] = value_of[structure.name]
    changed: npt.NDArray[np.integer] = table[values]
    return changed
