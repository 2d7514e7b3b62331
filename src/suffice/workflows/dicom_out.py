"""Write what a model drew on a DICOM series: the mask, volumes and pictures that refer to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from suffice.core import FileFormatError, Image, LabelMap, UsageError
from suffice.files import writing_file, writing_folder
from suffice.io.formats import OBJECTS, stem_of, suffix_of
from suffice.io.objects.maker import Maker
from suffice.io.objects.overlay import write_overlay
from suffice.io.objects.report import write_report
from suffice.io.objects.rtstruct_write import write_rtstruct
from suffice.io.objects.seg_write import write_fractional_seg, write_seg
from suffice.io.objects.source import read_source
from suffice.measure import measure_mask
from suffice.report.window import choose_window

REPORTS = "reports"
OVERLAYS = "overlays"
"""Folders beside the masks, with a report or a folder of pictures of each mask's name."""


@dataclass(frozen=True, slots=True)
class DicomExtras:
    """What goes with a mask that is a DICOM object.

    Parameters
    ----------
    report : bool
        Whether to write volumes as a structured report on the segmentation.
    overlay : bool
        Whether to write copies of the slices with the outlines burned in.
    """

    report: bool = False
    overlay: bool = False

    def require_fit(self, suffix: str | None) -> None:
        """Raise a `UsageError` where masks in a format cannot have them."""
        if self.report and suffix != ".seg.dcm":
            raise UsageError(
                "A structured report refers to a DICOM SEG", cure="Give --format dicom-seg with it."
            )
        if self.overlay and suffix not in OBJECTS:
            raise UsageError(
                "Outlines are burned into copies of DICOM slices",
                cure="Give --format dicom-seg or rtstruct with it.",
            )


def write_objects(
    path: Path,
    mask: LabelMap,
    image: Image,
    series: Path,
    extras: DicomExtras,
    *,
    model: str,
    probabilities: npt.NDArray[np.floating] | None = None,
    folder_of_probabilities: str,
) -> None:
    """Write all that belongs to a mask of a series; the mask comes last.

    Parameters
    ----------
    path : Path
        Of the mask, with a suffix of `OBJECTS`.
    mask : LabelMap
    image : Image
        The scan, whose first channel is shown under outlines.
    series : Path
    extras : DicomExtras
    model : str
        Kind of the model.
    probabilities : floating array of shape (K, *spatial), optional
        To be kept as a fractional SEG.
    folder_of_probabilities : str
    """
    source, maker, name = read_source(series), Maker(model), stem_of(path)
    volumes = volumes_ml(mask) if extras.report else {}
    if probabilities is not None:
        place = path.parent / folder_of_probabilities / f"{name}.seg.dcm"
        with writing_file(place) as partial:
            write_fractional_seg(partial, probabilities, mask.legend, source, maker=maker)
    if extras.overlay:
        window = choose_window(image, mask.array, mask.legend.names)
        with writing_folder(path.parent / OVERLAYS / name, overwrite=True) as folder:
            write_overlay(folder, window.apply(image.array[0]), mask, source, maker=maker)
    write = write_seg if suffix_of(path) == ".seg.dcm" else write_rtstruct
    with writing_file(path) as partial:
        write(partial, mask, source, maker=maker)
        if extras.report:
            with writing_file(path.parent / REPORTS / f"{name}.sr.dcm") as report:
                write_report(report, partial, volumes, source, maker=maker)


def volumes_ml(mask: LabelMap) -> dict[str, float]:
    """Measure the volume of each structure by its name."""
    if mask.grid.ndim == 2:
        raise FileFormatError(
            "A picture has no volumes to report", cure="Leave the structured report out."
        )
    return {m.label: m.value for m in measure_mask(mask) if m.name == "volume_ml"}
