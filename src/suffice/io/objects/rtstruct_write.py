"""Write masks as DICOM RTSTRUCT objects: closed contours on the slices of their series."""

from __future__ import annotations

import datetime
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid
from pydicom.valuerep import format_number_as_ds

from suffice.core import GeometryError, Label, LabelMap
from suffice.io.objects.codes import coded
from suffice.io.objects.contours import FloatArray, outlined
from suffice.io.objects.fitting import affine_of
from suffice.io.objects.maker import MANUFACTURER, Maker
from suffice.io.objects.referring import reference_to, reference_to_slice, require_all_labelled
from suffice.io.objects.seg_write import SERIES_NUMBER, rgb_of
from suffice.io.objects.source import Source
from suffice.io.raw import LPS_TO_RAS

_STUDY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)


def write_rtstruct(
    path: Path, mask: LabelMap, source: Source, *, maker: Maker | None = None
) -> None:
    """Write the outline of every structure, half way between voxels inside and outside.

    Read again, the contours give the mask back to the voxel. Holes are reached through keyholes,
    as DICOM asks for.

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
        If the mask lies on another grid, or on a picture.
    LabelError
        If parts of the mask are unlabelled, which contours cannot say.
    """
    source.grid.require_match(mask.grid, "The series", "its mask")
    if source.grid.ndim == 2:
        raise GeometryError(
            "Contours need slices with a place in space",
            got="a picture",
            cure="Write the mask with --format dicom-seg.",
        )
    require_all_labelled(mask, "Contours")
    maker = maker or Maker()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = _head(source)
        dataset.ReferencedFrameOfReferenceSequence = [_frame_of_reference(source)]
        numbered = list(enumerate(mask.legend, start=1))
        dataset.StructureSetROISequence = [_region(n, x, source, maker) for n, x in numbered]
        dataset.ROIContourSequence = [_contours(n, x, mask, source) for n, x in numbered]
        dataset.RTROIObservationsSequence = [_observation(n, x) for n, x in numbered]
        dataset.save_as(path, enforce_file_format=True)


def _head(source: Source) -> Dataset:
    now = datetime.datetime.now()
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = RTStructureSetStorage, generate_uid()
    for name in _STUDY:
        setattr(dataset, name, source.header.get(name))
    dataset.Modality, dataset.SeriesInstanceUID = "RTSTRUCT", generate_uid()
    dataset.SeriesNumber, dataset.InstanceNumber = SERIES_NUMBER + 1, 1
    dataset.Manufacturer = dataset.ManufacturerModelName = MANUFACTURER
    dataset.SoftwareVersions, dataset.OperatorsName = version("suffice"), ""
    dataset.FrameOfReferenceUID = source.header.FrameOfReferenceUID
    dataset.PositionReferenceIndicator = source.header.get("PositionReferenceIndicator") or ""
    dataset.StructureSetLabel = "SEGMENTATION"
    dataset.StructureSetDate = dataset.InstanceCreationDate = now.strftime("%Y%m%d")
    dataset.StructureSetTime = dataset.InstanceCreationTime = now.strftime("%H%M%S")
    dataset.ApprovalStatus = "UNAPPROVED"
    return dataset


def _frame_of_reference(source: Source) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = source.header.SeriesInstanceUID
    series.ContourImageSequence = [reference_to(header) for header in source.headers]
    study = Dataset()
    # Detached Study Management, which is retired and asked for here all the same.
    study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    study.ReferencedSOPInstanceUID = source.header.StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame = Dataset()
    frame.FrameOfReferenceUID = source.header.FrameOfReferenceUID
    frame.RTReferencedStudySequence = [study]
    return frame


def _region(number: int, label: Label, source: Source, maker: Maker) -> Dataset:
    item = Dataset()
    item.ROINumber = number
    item.ReferencedFrameOfReferenceUID = source.header.FrameOfReferenceUID
    item.ROIName = label.name[:64]
    item.ROIGenerationAlgorithm = maker.algorithm_type
    if maker.model is not None:
        item.ROIGenerationDescription = f"suffice {maker.model}"[:64]
    return item


def _contours(number: int, label: Label, mask: LabelMap, source: Source) -> Dataset:
    item = Dataset()
    item.ReferencedROINumber = number
    item.ROIDisplayColor = list(rgb_of(label))
    drawn = mask.array == label.value
    contours = []
    for index in np.flatnonzero(drawn.any(axis=(0, 1))):
        for outline in outlined(drawn[:, :, index].T):
            reference = reference_to_slice(source, int(index))
            contours.append(_contour(outline, int(index), mask, reference))
    if contours:
        item.ContourSequence = contours
    return item


def _contour(outline: FloatArray, index: int, mask: LabelMap, reference: Dataset) -> Dataset:
    affine = LPS_TO_RAS @ affine_of(mask.grid)
    places = np.column_stack([outline[:, 1], outline[:, 0], np.full(len(outline), index)])
    points = places @ affine[:3, :3].T + affine[:3, 3]
    item = Dataset()
    item.ContourImageSequence = [reference]
    item.ContourGeometricType = "CLOSED_PLANAR"
    item.NumberOfContourPoints = len(points)
    item.ContourData = [format_number_as_ds(float(v)) for v in points.ravel()]
    return item


def _observation(number: int, label: Label) -> Dataset:
    item = Dataset()
    item.ObservationNumber = item.ReferencedROINumber = number
    item.RTROIInterpretedType = item.ROIInterpreter = ""
    found = coded(label)
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = found.value, found.scheme
    code.CodeMeaning = found.meaning
    item.RTROIIdentificationCodeSequence = [code]
    return item
