"""Overlays: colour copies of the slices, outlines in the legend's colours, the header says so."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)

from suffice.core import GeometryError, LabelMap, Legend
from suffice.io.objects.maker import Maker
from suffice.io.objects.overlay import outline_of, write_overlay
from suffice.io.objects.source import read_source


@pytest.fixture
def pictures(
    oblique_series: Path, mask_on: Callable[..., LabelMap], tmp_path: Path
) -> tuple[LabelMap, list[pydicom.Dataset]]:
    mask = mask_on(oblique_series)
    grey = np.full(mask.grid.shape, 77, np.uint8)
    write_overlay(tmp_path / "o", grey, mask, read_source(oblique_series), maker=Maker("unet"))
    return mask, [pydicom.dcmread(path) for path in sorted((tmp_path / "o").iterdir())]


def test_outlines_are_burned_in_in_the_colours_of_the_legend(
    pictures: tuple[LabelMap, list[pydicom.Dataset]],
) -> None:
    mask, slices = pictures
    assert len(slices) == mask.grid.shape[2]
    for index, picture in enumerate(slices):
        plane = mask.array[:, :, index].T
        pixels = picture.pixel_array
        rim = outline_of(plane == 2)
        assert (pixels[rim] == (0xE6, 0x9F, 0x00)).all()
        outside = plane == 0
        assert (pixels[outside] == 77).all()
        inside = (plane == 2) & ~rim
        assert (pixels[inside] == 77).all()


def test_the_header_says_that_they_are(
    pictures: tuple[LabelMap, list[pydicom.Dataset]], oblique_series: Path
) -> None:
    _, slices = pictures
    known = {pydicom.dcmread(file).SOPInstanceUID for file in oblique_series.iterdir()}
    assert len({picture.SeriesInstanceUID for picture in slices}) == 1
    assert [picture.InstanceNumber for picture in slices] == list(range(1, 13))
    for picture in slices:
        assert list(picture.ImageType[:2]) == ["DERIVED", "SECONDARY"]
        assert "suffice unet are burned into this copy; not for" in picture.DerivationDescription
        assert picture.SeriesDescription == "outlines burned in, to look at"
        assert picture.SourceImageSequence[0].ReferencedSOPInstanceUID in known


@pytest.mark.parametrize(("told", "expected"), [(["L", "F"], ["L", "F"]), (None, "")])
def test_of_a_radiograph_sides_are_as_its_header_tells(
    make_series: Callable[..., Path], tmp_path: Path, told: list[str] | None, expected: object
) -> None:
    pixels = np.zeros((1, 6, 4), np.uint16)
    chest = make_series(
        pixels,
        Modality="DX",
        SOPClassUID=DigitalXRayImageStorageForPresentation,
        StudyInstanceUID=generate_uid(),
    )
    (file,) = chest.iterdir()
    header = pydicom.dcmread(file)
    del header.ImageOrientationPatient, header.ImagePositionPatient
    header.PatientOrientation = told
    header.save_as(file)
    source = read_source(chest)
    mask = LabelMap(np.ones((6, 4), np.uint8), source.grid, Legend.from_names({1: "lung"}))
    write_overlay(tmp_path / "o", np.zeros((6, 4), np.uint8), mask, source)
    assert pydicom.dcmread(tmp_path / "o" / "0001.dcm").PatientOrientation == expected


def test_of_a_file_of_many_frames_each_picture_has_its_place(tmp_path: Path) -> None:
    source = read_source(_many_frames(tmp_path / "mf.dcm"))
    mask = LabelMap(
        np.ones(source.grid.shape, np.uint8), source.grid, Legend.from_names({1: "lung"})
    )
    write_overlay(tmp_path / "o", np.zeros(source.grid.shape, np.uint8), mask, source)
    picture = pydicom.dcmread(tmp_path / "o" / "0002.dcm")
    assert list(picture.PatientOrientation) == ["P", "F"]
    assert list(picture.PixelSpacing) == [0.5, 0.75]
    assert picture.SourceImageSequence[0].ReferencedFrameNumber == 2


def _many_frames(path: Path) -> Path:
    """A sagittal volume of three frames in one file, places and spacing said frame by frame."""
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = EnhancedMRImageStorage, generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.FrameOfReferenceUID, dataset.Modality = generate_uid(), "MR"
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 6, 4, 3
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation, dataset.PixelData = 0, bytes(2 * 3 * 6 * 4)
    shared, plane, measures = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    plane.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    measures.PixelSpacing, measures.SliceThickness = [0.5, 0.75], 2
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [plane], [measures]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for index in range(3):
        frame, place = pydicom.Dataset(), pydicom.Dataset()
        place.ImagePositionPatient = [-2.0 * index, 0, 0]
        frame.PlanePositionSequence = [place]
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_dciodvfy_finds_no_error(
    pictures: tuple[LabelMap, list[pydicom.Dataset]],
    judged: Callable[[Path], list[str]],
    tmp_path: Path,
) -> None:
    assert judged(tmp_path / "o" / "0003.dcm") == []


def test_a_picture_of_another_size_is_refused(
    oblique_series: Path, mask_on: Callable[..., LabelMap], tmp_path: Path
) -> None:
    mask = mask_on(oblique_series)
    with pytest.raises(GeometryError, match="The picture does not fit"):
        write_overlay(tmp_path, np.zeros((2, 2, 2), np.uint8), mask, read_source(oblique_series))
