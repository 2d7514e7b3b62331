"""Structured reports: volumes with their units, on the segments and slices that they are of."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from highdicom.sr import srread
from pydicom.sr.codedict import codes

from suffice.core import GeometryError, Grid, LabelMap
from suffice.io import write_mask
from suffice.io.objects.maker import Maker
from suffice.io.objects.report import write_report
from suffice.io.objects.source import Source, read_source

VOLUMES = {"left kidney": 12.345678, "anterior": 0.0, "odd thing": 1e-4}


@pytest.fixture
def report(oblique_series: Path, mask_on: Callable[..., LabelMap], tmp_path: Path) -> Path:
    seg = tmp_path / "a.seg.dcm"
    write_mask(seg, mask_on(oblique_series), like=oblique_series, model="unet")
    path = tmp_path / "a.sr.dcm"
    write_report(path, seg, VOLUMES, read_source(oblique_series), maker=Maker("unet"))
    return path


def test_volumes_are_read_back_by_highdicom(report: Path, oblique_series: Path) -> None:
    groups = srread(report).content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 3
    seg = pydicom.dcmread(report.with_name("a.seg.dcm"))
    slices = [pydicom.dcmread(file) for file in oblique_series.iterdir()]
    for group, segment in zip(groups, seg.SegmentSequence, strict=True):
        (measurement,) = group.get_measurements()
        assert measurement.name == codes.SCT.Volume
        assert measurement.value == pytest.approx(VOLUMES[segment.SegmentLabel], abs=1e-6)
        assert (measurement.unit.value, measurement.unit.scheme_designator) == ("mL", "UCUM")
        assert group.tracking_uid == segment.TrackingUID
        assert group.finding_type.value == segment.SegmentedPropertyTypeCodeSequence[0].CodeValue
        of = group.referenced_segment
        assert of.referenced_sop_instance_uid == seg.SOPInstanceUID
        below = of.source_series_for_segmentation
        assert below.value == slices[0].SeriesInstanceUID
    (site,) = groups[0].finding_sites
    assert site.laterality == codes.SCT.Left
    assert groups[1].finding_sites == []


def test_it_names_the_patient_and_nobody_as_its_reader(report: Path) -> None:
    dataset = pydicom.dcmread(report)
    assert dataset.PatientID == "SECRET-ID"
    assert dataset.VerificationFlag == "UNVERIFIED"
    assert len(dataset.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence) == 2


def test_dciodvfy_finds_no_error(report: Path, judged: Callable[[Path], list[str]]) -> None:
    assert judged(report) == []


def test_dcmqi_reads_the_volumes(report: Path, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("tid1500reader")
    if not program.exists():
        pytest.skip("dcmqi has no wheel for this machine")
    found = tmp_path / "found.json"
    arguments = ["--inputDICOM", report, "--outputMetadata", found]
    subprocess.run([program, *arguments], check=True, capture_output=True, timeout=60)
    told = json.loads(found.read_text(encoding="utf-8"))["Measurements"]
    values = [float(group["measurementItems"][0]["value"]) for group in told]
    np.testing.assert_allclose(values, list(VOLUMES.values()), atol=1e-6)


def test_a_picture_has_no_volumes(report: Path, oblique_series: Path, tmp_path: Path) -> None:
    source = read_source(oblique_series)
    flat = Source(source.headers[:1], source.frames[:1], Grid((4, 5)))
    with pytest.raises(GeometryError, match="A picture has no volumes"):
        write_report(tmp_path / "b.sr.dcm", report.with_name("a.seg.dcm"), {}, flat)
