"""Read DICOM SEG objects: every segment a mask of its own, slices that are not stored empty."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.core import FileFormatError, Grid, LabelError
from suffice.core.legend import COLOURS
from suffice.io.dicom_headers import Frame, frames_of, functional
from suffice.io.guard import reading
from suffice.io.objects.fitting import Structure, combined
from suffice.io.objects.stacking import Stack, stacked

# From which share of a fractional segment on a voxel counts as part of it.
HALF = 0.5


@dataclass(frozen=True, eq=False)
class SegObject:
    """A SEG object: its structures, its grid, and the mask of each when asked for.

    Parameters
    ----------
    path : Path
    dataset : highdicom.seg.Segmentation
    """

    path: Path
    dataset: Any

    @cached_property
    def structures(self) -> tuple[Structure, ...]:
        """What the segments say of themselves; the background of a label map is none."""
        items = [item for item in self.dataset.SegmentSequence if int(item.SegmentNumber) > 0]
        return tuple(_structure(item, i) for i, item in enumerate(items))

    @cached_property
    def grid(self) -> Grid:
        """Where its slices lie; those that are missing between others count."""
        if self._stack is not None:
            return self._stack.grid
        dataset = self.dataset
        if dataset.is_tiled:
            shape = int(dataset.TotalPixelMatrixRows), int(dataset.TotalPixelMatrixColumns)
        else:
            shape = int(dataset.Rows), int(dataset.Columns)
        spacing = self._frames[0].spacing_mm
        return Grid(shape, pixel_spacing_mm=(spacing[0], spacing[1]) if spacing else None)

    @property
    def series(self) -> str:
        """Identifier of the series that it was drawn on, empty where it does not say."""
        references = self.dataset.get("ReferencedSeriesSequence") or []
        return str(references[0].get("SeriesInstanceUID", "")) if references else ""

    @property
    def is_fractional(self) -> bool:
        """Whether it holds probabilities or shares."""
        return str(self.dataset.SegmentationType) == "FRACTIONAL"

    @property
    def padding(self) -> int | None:
        """The value of voxels of a label map of which nothing is said."""
        value = self.dataset.get("PixelPaddingValue")
        return int(value) if value is not None and self._is_labelmap else None

    def read(self, structure: Structure) -> npt.NDArray[Any]:
        """Read one segment on `grid`: boolean, or shares from 0 to 1 where it is fractional."""
        with reading(self.path, "DICOM SEG"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self.dataset.is_tiled:
                return self._tiled(structure.value)
            array = np.zeros(self.grid.shape, np.float32 if self.is_fractional else bool)
            for index, number in enumerate(self._numbers):
                if self._is_labelmap or number == structure.value:
                    self._fill(array, index, structure.value)
            return array

    def masks(self) -> Iterator[tuple[Structure, npt.NDArray[np.bool_]]]:
        """Yield each structure with its mask; shares count from one half on."""
        for structure in self.structures:
            values = self.read(structure)
            yield structure, values >= HALF if self.is_fractional else values

    def labels(self) -> npt.NDArray[np.integer]:
        """Make one mask of all segments, their numbers its values.

        Voxels of which a label map says nothing have its padding value.

        Raises
        ------
        LabelError
            If segments overlap.
        """
        labels = combined(self.path, self.masks(), self.grid.shape)
        padding, stack = self.padding, self._stack
        if padding is not None and stack is not None:
            labels = labels.astype(np.result_type(labels, np.min_scalar_type(padding)))
            stored = np.isin(np.arange(stack.grid.shape[2]), stack.slices)
            labels[:, :, ~stored] = padding
        return labels

    def _fill(self, array: npt.NDArray[Any], index: int, number: int) -> None:
        """Put a frame where it lies."""
        frame = self.dataset.get_stored_frame(index, as_index=True)
        if self.is_fractional:
            frame = frame / np.float32(self.dataset.MaximumFractionalValue)
        else:
            frame = frame == number if self._is_labelmap else frame > 0
        if self._stack is None:
            array[...] = np.maximum(array, frame)
        else:
            plane = array[:, :, self._stack.slices[index]]
            np.maximum(plane, frame.T, out=plane)

    def _tiled(self, number: int) -> npt.NDArray[Any]:
        whole = self._all_tiled[..., [int(s.value) for s in self.structures].index(number)]
        return whole if self.is_fractional else whole > 0

    @cached_property
    def _all_tiled(self) -> npt.NDArray[Any]:
        numbers = [structure.value for structure in self.structures]
        whole: npt.NDArray[Any] = self.dataset.get_total_pixel_matrix(
            segment_numbers=numbers, combine_segments=False
        )
        return whole

    @cached_property
    def _frames(self) -> list[Frame]:
        return frames_of(self.path, self.dataset)

    @cached_property
    def _stack(self) -> Stack | None:
        """Where the frames lie in space; ``None`` on slides and projections."""
        if self.dataset.is_tiled:
            return None
        if all(frame.position and frame.orientation for frame in self._frames):
            shape = int(self.dataset.Rows), int(self.dataset.Columns)
            return stacked(self._frames, shape, _gap_hint(self.dataset))
        numbers = self._numbers
        if len(set(numbers)) < len(numbers):
            raise FileFormatError(
                f"'{self.path.name}' lies on several pictures",
                got="several frames of a segment without places in space",
                cure="Split it into an object for each picture.",
            )
        return None

    @cached_property
    def _numbers(self) -> list[int]:
        """The segment of each frame; 0 for those of label maps, which hold all."""
        found = []
        for i in range(len(self._frames)):
            item = functional(self.dataset, i, "SegmentIdentificationSequence")
            found.append(int(item.get("ReferencedSegmentNumber", 0)))
        return found

    @property
    def _is_labelmap(self) -> bool:
        return str(self.dataset.SegmentationType) == "LABELMAP"


def read_seg(path: Path) -> SegObject:
    """Open a SEG object.

    Raises
    ------
    FileFormatError
        If it is none, or damaged.
    GeometryError
        If its slices make no regular grid.
    """
    from highdicom.seg import segread

    with reading(path, "DICOM SEG"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = SegObject(path, segread(path))
        _ = found.structures, found.grid
    if not found.structures:
        raise LabelError(f"'{path}' has no segment", cure="Leave it out.")
    return found


def _structure(item: Any, place: int) -> Structure:
    kinds = item.get("SegmentedPropertyTypeCodeSequence") or []
    code = None
    if kinds and kinds[0].get("CodeValue"):
        code = f"{kinds[0].CodingSchemeDesignator}:{kinds[0].CodeValue}:{kinds[0].CodeMeaning}"
    name = str(item.get("SegmentLabel") or f"segment-{item.SegmentNumber}").strip()
    return Structure(int(item.SegmentNumber), name, _colour(item, place), code)


def _colour(item: Any, place: int) -> str:
    from highdicom.color import CIELabColor

    values = item.get("RecommendedDisplayCIELabValue")
    if not values:
        return COLOURS[place % len(COLOURS)]
    red, green, blue = CIELabColor.from_dicom_value([int(v) for v in values]).to_rgb(clip=True)
    return f"#{red:02X}{green:02X}{blue:02X}"


def _gap_hint(dataset: Any) -> float | None:
    """Say how far slices lie apart by the header, which counts those that are not stored."""
    item = functional(dataset, 0, "PixelMeasuresSequence")
    value = item.get("SpacingBetweenSlices")
    return abs(float(value)) if value else None
