"""Read DICOM RTSTRUCT objects: closed contours become masks on the grid of their series."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.core import FileFormatError, GeometryError, Grid, LabelError
from suffice.core.legend import COLOURS
from suffice.io.guard import reading
from suffice.io.objects.contours import FloatArray, filled
from suffice.io.objects.fitting import Structure, affine_of, combined
from suffice.io.raw import LPS_TO_RAS

# Both are filled even-odd; the second says that it means it so.
CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
# How far off the centre of its slice a contour may lie, in slices.
_OFF_SLICE = 0.25


@dataclass(frozen=True, eq=False)
class RtStruct:
    """An RTSTRUCT object: its structures, and the mask of each on the grid of its series.

    Parameters
    ----------
    path : Path
    dataset : Dataset
    grid : Grid
        Of the series that it was drawn on: contours alone have none.
    """

    path: Path
    dataset: Any
    grid: Grid

    @cached_property
    def structures(self) -> tuple[Structure, ...]:
        """The regions of closed contours, numbered from 1 in the object's order."""
        return tuple(
            _structure(roi, i, self.dataset) for i, roi in self._regions if self._fits(roi)
        )

    @cached_property
    def unusable(self) -> dict[str, str]:
        """Why the other regions are no masks, by their names."""
        reasons = {}
        for _, roi in self._regions:
            open_kinds = sorted(self._kinds(roi) - set(CLOSED))
            if open_kinds:
                kinds = ", ".join(open_kinds)
                reasons[_name(roi)] = f"contours of the kind {kinds}, which enclose nothing"
        return reasons

    @property
    def series(self) -> str:
        """Identifier of the series that it was drawn on, empty where it does not say."""
        return series_of_rtstruct(self.dataset)

    def masks(self) -> Iterator[tuple[Structure, npt.NDArray[np.bool_]]]:
        """Yield each structure with its mask."""
        for structure, (_, roi) in zip(
            self.structures, ((i, r) for i, r in self._regions if self._fits(r)), strict=True
        ):
            with reading(self.path, "DICOM RTSTRUCT"):
                yield structure, self._mask(roi)

    def labels(self) -> npt.NDArray[np.integer]:
        """Make one mask of all structures.

        Raises
        ------
        LabelError
            If structures overlap, or are points or open lines.
        """
        if self.unusable:
            name, why = next(iter(self.unusable.items()))
            raise LabelError(
                f"'{name}' in '{self.path.name}' is no mask",
                got=why,
                expected=" or ".join(CLOSED),
                cure="Close its contours where it was drawn, or take it out; `suffice import` "
                "leaves it out and takes the rest.",
            )
        return combined(self.path, self.masks(), self.grid.shape)

    @cached_property
    def _regions(self) -> list[tuple[int, Any]]:
        return list(enumerate(self.dataset.StructureSetROISequence, start=1))

    @cached_property
    def _contours(self) -> dict[int, list[Any]]:
        sequence = self.dataset.get("ROIContourSequence") or []
        return {
            int(item.ReferencedROINumber): list(item.get("ContourSequence") or [])
            for item in sequence
        }

    def _kinds(self, roi: Any) -> set[str]:
        contours = self._contours.get(int(roi.ROINumber), [])
        return {str(item.ContourGeometricType) for item in contours}

    def _fits(self, roi: Any) -> bool:
        return self._kinds(roi) <= set(CLOSED)

    def _mask(self, roi: Any) -> npt.NDArray[np.bool_]:
        columns, rows, _ = self.grid.shape
        by_slice: dict[int, list[FloatArray]] = defaultdict(list)
        for item in self._contours.get(int(roi.ROINumber), []):
            index, vertices = self._on_slice(item, _name(roi))
            by_slice[index].append(vertices)
        mask = np.zeros(self.grid.shape, dtype=bool)
        for index, contours in by_slice.items():
            mask[:, :, index] = filled(contours, (rows, columns)).T
        return mask

    def _on_slice(self, item: Any, name: str) -> tuple[int, FloatArray]:
        """Give the slice of a contour and its vertices there, in rows and columns."""
        points = np.asarray(item.ContourData, dtype=np.float64).reshape(-1, 3)
        if len(points) < 3:
            raise LabelError(
                f"'{name}' in '{self.path.name}' has a contour of {len(points)} points",
                expected="3 or more",
                cure="Draw it anew, or take it out.",
            )
        affine = LPS_TO_RAS @ affine_of(self.grid)
        column, row, place = np.linalg.solve(affine[:3, :3], (points - affine[:3, 3]).T)
        index = round(float(place.mean()))
        off = float(np.abs(place - index).max())
        if off > _OFF_SLICE:
            raise GeometryError(
                f"'{name}' in '{self.path.name}' has a contour between the slices of its series",
                got=f"{off:.2f} slices off the next one",
                cure="It was drawn on another series, or another plane: export it on this one.",
            )
        if not 0 <= index < self.grid.shape[2]:
            raise GeometryError(
                f"'{name}' in '{self.path.name}' is drawn outside its series",
                got=f"slice {index + 1} of {self.grid.shape[2]}",
                cure="The series was cropped, or it belongs to another one.",
            )
        return index, np.column_stack([row, column])


def read_rtstruct(path: Path, series: Path | None = None) -> RtStruct:
    """Open an RTSTRUCT object.

    Parameters
    ----------
    path : Path
    series : Path, optional
        The series that it was drawn on; where not given, it is looked for in the folders beside.

    Raises
    ------
    FileFormatError
        If it is none or damaged, or its series is not found.
    """
    import pydicom

    from suffice.io.dicom import read_grid
    from suffice.io.objects.beside import series_beside

    with reading(path, "DICOM RTSTRUCT"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
        if "StructureSetROISequence" not in dataset:
            raise FileFormatError(f"'{path}' holds no structures", cure="Leave it out.")
        place = series or series_beside(path, series_of_rtstruct(dataset))
    grid = read_grid(place)
    if grid.ndim == 2:
        raise GeometryError(
            f"'{path}' was drawn on pictures without a place in space", cure="Leave it out."
        )
    return RtStruct(path, dataset, grid)


def series_of_rtstruct(dataset: Any) -> str:
    """Find the identifier of the series that contours were drawn on, or an empty text."""
    for frame in dataset.get("ReferencedFrameOfReferenceSequence") or []:
        for study in frame.get("RTReferencedStudySequence") or []:
            for series in study.get("RTReferencedSeriesSequence") or []:
                return str(series.SeriesInstanceUID)
    return ""


def _name(roi: Any) -> str:
    return str(roi.get("ROIName") or f"region-{roi.ROINumber}").strip()


def _structure(roi: Any, value: int, dataset: Any) -> Structure:
    number = int(roi.ROINumber)
    colour = COLOURS[(value - 1) % len(COLOURS)]
    for item in dataset.get("ROIContourSequence") or []:
        if int(item.ReferencedROINumber) == number and item.get("ROIDisplayColor"):
            red, green, blue = (int(v) for v in item.ROIDisplayColor)
            colour = f"#{red:02X}{green:02X}{blue:02X}"
    return Structure(value, _name(roi), colour, _code(dataset, number))


def _code(dataset: Any, number: int) -> str | None:
    for item in dataset.get("RTROIObservationsSequence") or []:
        codes = item.get("RTROIIdentificationCodeSequence")
        if int(item.ReferencedROINumber) == number and codes and codes[0].get("CodeValue"):
            code = codes[0]
            return f"{code.CodingSchemeDesignator}:{code.CodeValue}:{code.CodeMeaning}"
    return None
