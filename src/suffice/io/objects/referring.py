"""How our objects refer to the series below them, and what they ask of a mask."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from suffice.core import LabelError, LabelMap
from suffice.io.objects.source import Source


def reference_to(header: Any, frame: int | None = None) -> Dataset:
    """Refer to a file of the series, or to a frame of it, counted from 1."""
    item = Dataset()
    item.ReferencedSOPClassUID = header.SOPClassUID
    item.ReferencedSOPInstanceUID = header.SOPInstanceUID
    if frame is not None:
        item.ReferencedFrameNumber = frame
    return item


def reference_to_slice(source: Source, index: int) -> Dataset:
    """Refer to a slice of the grid: to its file, or to its frame where one file holds them all."""
    frame = source.frames[index].index + 1 if source.is_multiframe else None
    return reference_to(source.header_of(index), frame)


def require_all_labelled(mask: LabelMap, what: str) -> None:
    """Raise a `LabelError` where parts of a mask are unlabelled: no object of DICOM says so."""
    if mask.unlabelled is not None:
        raise LabelError(
            f"{what} cannot say which voxels nobody labelled (value {mask.legend.ignore})",
            cure="Write the mask as .nii.gz.",
        )
