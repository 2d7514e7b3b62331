"""Write masks and probabilities as DICOM SEG objects that refer to their series."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.valuerep import DSfloat

from suffice.core import GeometryError, Grid, Label, LabelMap, Legend
from suffice.core.legend import COLOURS
from suffice.io.objects.codes import as_item, category_of, coded, side_of
from suffice.io.objects.maker import Maker, equipment
from suffice.io.objects.referring import require_all_labelled
from suffice.io.objects.source import Source

SERIES_NUMBER = 300
"""Of what we write; programs that show series in the order of their numbers show it last."""

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
# Probabilities are stored in a byte.
_FULL = 255


def write_seg(path: Path, mask: LabelMap, source: Source, *, maker: Maker | None = None) -> None:
    """Write a mask as a binary SEG, a segment for each structure of the legend.

    Slices in which nothing is drawn are left out, but for the first and the last one, which say
    how far the series reaches.

    Parameters
    ----------
    path : Path
    mask : LabelMap
        On the grid of the series.
    source : Source
    maker : Maker, optional
        Who drew it; a person where not given.

    Raises
    ------
    GeometryError
        If the mask lies on another grid.
    LabelError
        If parts of the mask are unlabelled, which a SEG cannot say.
    """
    source.grid.require_match(mask.grid, "The series", "its mask")
    require_all_labelled(mask, "A DICOM SEG")
    classes = mask.legend.whole.to_classes(mask.array)
    planes = as_planes(classes, source)
    drawn = [i for i, plane in enumerate(planes) if plane.any()]
    kept = sorted({0, *drawn, len(planes) - 1})
    _write(path, planes[kept], kept, source, mask.legend, maker or Maker(), "BINARY")


def write_fractional_seg(
    path: Path,
    probabilities: npt.NDArray[np.floating],
    legend: Legend,
    source: Source,
    *,
    maker: Maker | None = None,
) -> None:
    """Write the probability of every structure as a fractional SEG, in steps of 1/255.

    Parameters
    ----------
    path : Path
    probabilities : floating array of shape (K, X, Y, Z) or (K, Y, X)
        Background first, which is not written: it is what is left of 1.
    legend : Legend
    source : Source
    maker : Maker, optional
        Who drew it; a person where not given.
    """
    if probabilities.shape[1:] != source.grid.shape or len(probabilities) != legend.n_classes:
        raise GeometryError(
            "The probabilities do not fit the series and the legend",
            got=probabilities.shape,
            expected=(legend.n_classes, *source.grid.shape),
        )
    stacked = np.stack(
        [as_planes(p, source) for p in np.clip(probabilities[1:], 0.0, 1.0)], axis=-1
    ).astype(np.float32)
    kept = list(range(len(stacked)))
    _write(path, stacked, kept, source, legend, maker or Maker(), "FRACTIONAL")


def as_planes(array: npt.NDArray[Any], source: Source) -> npt.NDArray[Any]:
    """Turn an array of the grid into planes ``(slices, rows, columns)`` in the headers' order.

    Of a file with many frames, that is the order of its frames.
    """
    planes = array.transpose(2, 1, 0) if source.grid.ndim == 3 else array[None]
    if source.is_multiframe:
        of_file: npt.NDArray[Any] = np.empty_like(planes, order="C")
        of_file[[frame.index for frame in source.frames]] = planes
        return of_file
    return np.ascontiguousarray(planes)


def _write(
    path: Path,
    planes: npt.NDArray[Any],
    kept: list[int],
    source: Source,
    legend: Legend,
    maker: Maker,
    kind: str,
) -> None:
    from highdicom import UID
    from highdicom.seg import Segmentation

    segments = [describe(label, i, maker) for i, label in enumerate(legend, start=1)]
    with warnings.catch_warnings():
        # Headers in the wild break rules that do not matter here.
        warnings.simplefilter("ignore")
        seg = Segmentation(
            **_placed(planes, kept, source),
            segmentation_type=kind,
            segment_descriptions=segments,
            series_instance_uid=UID(),
            series_number=SERIES_NUMBER,
            sop_instance_uid=UID(),
            instance_number=1,
            max_fractional_value=_FULL,
            content_label="SEGMENTATION",
            content_description="Masks" if kind == "BINARY" else "Probabilities",
            omit_empty_frames=False,
            **equipment(),
        )
        seg.SeriesDescription = f"{maker.model or 'drawn'} {kind.lower()} segmentation"
        _say_gap(seg, source)
        if source.grid.ndim == 2:
            seg.PatientOrientation = source.header.get("PatientOrientation") or ""
        seg.save_as(path, enforce_file_format=True)


def _placed(planes: npt.NDArray[Any], kept: list[int], source: Source) -> dict[str, Any]:
    """Give planes with what says where they lie, copied from the headers to the digit."""
    from highdicom import PixelMeasuresSequence

    placed: dict[str, Any] = {"pixel_array": planes}
    if source.grid.ndim == 3:
        first = source.frames[0]
        row_mm, column_mm = first.spacing_mm or (1.0, 1.0)
        placed["pixel_measures"] = PixelMeasuresSequence(
            pixel_spacing=(row_mm, column_mm),
            slice_thickness=first.thickness_mm or _gap_mm(source.grid),
            spacing_between_slices=_gap_mm(source.grid),
        )
    if not source.is_multiframe:
        rest = [header for i, header in enumerate(source.headers) if i not in set(kept)]
        placed["source_images"] = [source.headers[i] for i in kept]
        placed["further_source_images"] = rest or None
        return placed
    placed["source_images"] = [source.header]
    if len(kept) < len(source.frames):
        # What goes with one file must have its frames, all of them.
        whole = np.zeros((len(source.frames), *planes.shape[1:]), planes.dtype)
        whole[kept] = planes
        placed["pixel_array"] = whole
    return placed


def _say_gap(seg: Any, source: Source) -> None:
    """Say how far the slices of the series lie apart, also where some of them are left out.

    highdicom writes the distance of those that are there.
    """
    if source.grid.ndim == 2 or source.is_multiframe:
        return
    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    gap = DSfloat(_gap_mm(source.grid), auto_format=True)
    if "DimensionOrganizationType" in seg and not np.isclose(measures.SpacingBetweenSlices, gap):
        # Which would say that no slice is missing between others.
        del seg.DimensionOrganizationType
    measures.SpacingBetweenSlices = gap


def _gap_mm(grid: Grid) -> float:
    """Distance between neighbouring slices along their normal, which a shear makes no longer."""
    affine = grid.affine
    if affine is None:
        raise GeometryError("A picture has no slices")
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    return float(abs(affine[:3, 2] @ normal) / np.linalg.norm(normal))


def describe(label: Label, number: int, maker: Maker) -> Any:
    """Describe the segment of one structure: name, codes, colour and who drew it."""
    from highdicom import UID
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentDescription
    from highdicom.sr import CodedConcept

    found = coded(label)
    item = SegmentDescription(
        segment_number=number,
        segment_label=label.name[:64],
        segmented_property_category=category_of(found),
        segmented_property_type=as_item(found),
        algorithm_type=maker.algorithm_type,
        algorithm_identification=maker.algorithm,
        tracking_uid=UID(),
        tracking_id=label.name[:64],
        display_color=CIELabColor.from_rgb(*rgb_of(label)),
    )
    side = side_of(found)
    if side is not None:
        kind = item.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = [CodedConcept.from_code(side)]
    return item


def rgb_of(label: Label) -> tuple[int, int, int]:
    """Read a colour such as ``#E69F00``; one of the palette where it is written otherwise."""
    colour = label.colour if _HEX.fullmatch(label.colour) else COLOURS[label.value % len(COLOURS)]
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue
