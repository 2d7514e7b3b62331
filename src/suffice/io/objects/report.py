"""Write volumes as a DICOM structured report (TID 1500) on a SEG object and its series."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from suffice.core import GeometryError
from suffice.io.objects.maker import MANUFACTURER, Maker, equipment
from suffice.io.objects.seg_write import SERIES_NUMBER
from suffice.io.objects.source import Source


def write_report(
    path: Path,
    seg: Path,
    volumes_ml: Mapping[str, float],
    source: Source,
    *,
    maker: Maker | None = None,
) -> None:
    """Write the volume of every structure, in millilitres (UCUM ``mL``).

    Each group of the report refers to its segment in the SEG object and to the series below it,
    and has the segment's code and tracking identifier.

    Parameters
    ----------
    path : Path
    seg : Path
        A SEG object of `write_seg` that lies on ``source``.
    volumes_ml : mapping of str to float
        By the names of its segments; what is not in it is not reported.
    source : Source
    maker : Maker, optional
        Who drew the mask; a person where not given.

    Raises
    ------
    GeometryError
        If the series is a picture, whose structures have no volume.
    """
    from highdicom import UID
    from highdicom.seg import segread
    from highdicom.sr import Comprehensive3DSR

    if source.grid.ndim == 2:
        raise GeometryError(
            "A picture has no volumes to report", cure="Leave the structured report out."
        )
    with warnings.catch_warnings():
        # Headers in the wild break rules that do not matter here.
        warnings.simplefilter("ignore")
        drawn = segread(seg)
        groups = [
            _group(drawn, item, volumes_ml[str(item.SegmentLabel)], source, maker or Maker())
            for item in drawn.SegmentSequence
            if str(item.SegmentLabel) in volumes_ml
        ]
        report = Comprehensive3DSR(
            evidence=[drawn, *source.headers],
            content=_measurement_report(groups)[0],
            series_number=SERIES_NUMBER + 2,
            series_instance_uid=UID(),
            sop_instance_uid=UID(),
            instance_number=1,
            series_description="volumes",
            # Nobody has looked at it yet.
            is_complete=True,
            is_verified=False,
            is_final=False,
            **equipment(),
        )
        report.save_as(path, enforce_file_format=True)


def _measurement_report(groups: list[Any]) -> Any:
    from highdicom import UID
    from highdicom.sr import (
        CodedConcept,
        DeviceObserverIdentifyingAttributes,
        MeasurementReport,
        ObservationContext,
        ObserverContext,
    )
    from pydicom.sr.codedict import codes

    program = DeviceObserverIdentifyingAttributes(
        uid=UID(), name=MANUFACTURER, manufacturer_name=MANUFACTURER, model_name=MANUFACTURER
    )
    context = ObserverContext(
        observer_type=codes.DCM.Device, observer_identifying_attributes=program
    )
    return MeasurementReport(
        observation_context=ObservationContext(observer_device_context=context),
        procedure_reported=CodedConcept("363679005", "SCT", "Imaging procedure"),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )


def _group(drawn: Any, item: Any, volume_ml: float, source: Source, maker: Maker) -> Any:
    from highdicom.sr import (
        AlgorithmIdentification,
        CodedConcept,
        FindingSite,
        Measurement,
        ReferencedSegment,
        SourceSeriesForSegmentation,
        TrackingIdentifier,
        VolumetricROIMeasurementsAndQualitativeEvaluations,
    )
    from pydicom.sr.codedict import codes

    algorithm = None
    if maker.model is not None:
        algorithm = AlgorithmIdentification(f"suffice {maker.model}", version("suffice"))
    kind = item.SegmentedPropertyTypeCodeSequence[0]
    category = item.SegmentedPropertyCategoryCodeSequence[0]
    finding = CodedConcept(kind.CodeValue, kind.CodingSchemeDesignator, kind.CodeMeaning)
    sides = kind.get("SegmentedPropertyTypeModifierCodeSequence") or []
    return VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=item.TrackingUID, identifier=item.TrackingID),
        referenced_segment=ReferencedSegment(
            sop_class_uid=drawn.SOPClassUID,
            sop_instance_uid=drawn.SOPInstanceUID,
            segment_number=int(item.SegmentNumber),
            source_series=SourceSeriesForSegmentation(source.header.SeriesInstanceUID),
        ),
        finding_category=CodedConcept.from_dataset(category),
        finding_type=finding,
        finding_sites=[
            FindingSite(anatomic_location=finding, laterality=CodedConcept.from_dataset(side))
            for side in sides
        ],
        algorithm_id=algorithm,
        measurements=[
            Measurement(
                name=codes.SCT.Volume,
                value=round(volume_ml, 6),
                unit=CodedConcept("mL", "UCUM", "milliliter"),
            )
        ],
    )
