from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from suffice.core import FileFormatError, Image
from suffice.io import read_image

PIXELS = np.arange(3 * 32 * 33, dtype=np.int16).reshape(3, 32, 33)

Maker = Callable[..., Path]


def only(folder: Path) -> Path:
    return next(folder.iterdir())


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.uint8])
@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]
)
def test_stored_values_keep_their_type(make_series: Maker, dtype: type, syntax: str):
    pixels = (PIXELS - (100 if dtype == np.int16 else 0)).astype(dtype)
    image = read_image(make_series(pixels, syntax=syntax))
    assert image.array.dtype == dtype and np.array_equal(image.array[0], pixels.transpose())


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_series_are_decoded(make_series: Maker, syntax: str):
    folder = make_series(PIXELS)
    for file in folder.iterdir():
        dataset = pydicom.dcmread(file)
        dataset.compress(syntax)
        dataset.save_as(file)
    assert np.array_equal(read_image(folder).array[0], PIXELS.transpose())


def test_compression_that_pydicom_cannot_decode_goes_through_itk(
    make_series: Maker, monkeypatch: pytest.MonkeyPatch
):
    def none_installed(*_: object, **__: object) -> None:
        raise RuntimeError("no decoder")

    folder = make_series(PIXELS, RescaleSlope=1, RescaleIntercept=-1000)
    monkeypatch.setattr("suffice.io.dicom_pixels.iter_pixels", none_installed)
    assert np.array_equal(read_image(folder).array[0], PIXELS.transpose() - 1000)


@pytest.mark.parametrize(
    ("dtype", "intercept", "expected"),
    [
        (np.int16, -1024, np.int16),
        (np.uint16, -1024, np.int16),
        (np.uint8, -1024, np.int16),
        (np.uint16, 70000, np.int32),
    ],
)
def test_whole_intercepts_make_whole_hounsfield_units(
    make_series: Maker, dtype: type, intercept: int, expected: type
):
    folder = make_series(PIXELS.astype(dtype), RescaleSlope=1, RescaleIntercept=intercept)
    image = read_image(folder)
    assert image.array.dtype == expected and image.unit == "HU" and image.modality == "CT"
    assert np.array_equal(image.array[0], PIXELS.astype(dtype).transpose().astype(int) + intercept)


def test_large_unsigned_values_do_not_wrap(make_series: Maker):
    image = read_image(
        make_series(PIXELS.astype(np.uint16) + 40000, RescaleSlope=1, RescaleIntercept=-1)
    )
    assert image.array.dtype == np.int32 and image.array.min() == 39999


def test_each_slice_has_its_own_slope(make_series: Maker):
    slopes = ("0.5", "2", "3.25")
    image = read_image(make_series(PIXELS, RescaleSlope=slopes, RescaleIntercept="-1.5"))
    expected = PIXELS * np.array(slopes, float)[:, None, None] - 1.5
    assert image.array.dtype == np.float32
    assert np.allclose(image.array[0], expected.transpose())


def test_bits_above_the_stored_ones_are_cleared(make_series: Maker):
    marked = PIXELS.astype(np.uint16) | 0x8000
    image = read_image(make_series(marked, BitsStored=12, HighBit=11))
    assert np.array_equal(image.array[0], PIXELS.transpose())


def test_signed_values_of_twelve_bits_keep_their_sign(make_series: Maker):
    values = PIXELS % 2000 - 50
    stored = values.astype(np.uint16) & 0x0FFF
    image = read_image(make_series(stored, BitsStored=12, HighBit=11, PixelRepresentation=1))
    assert np.array_equal(image.array[0], values.transpose())


def radiograph(make_series: Maker, **elements: object) -> Image:
    settings = {"Modality": "DX", "ImagePositionPatient": None} | elements
    return read_image(only(make_series(PIXELS[:1].astype(np.uint16), **settings)))


def test_monochrome1_is_inverted(make_series: Maker):
    plain = radiograph(make_series, folder="plain", BitsStored=12, HighBit=11)
    dark = radiograph(
        make_series, BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME1"
    )
    assert np.array_equal(plain.array[0], PIXELS[0])
    assert np.array_equal(dark.array[0], 4095 - PIXELS[0])
    assert plain.modality == "XR" and plain.grid.pixel_spacing_mm == (0.5, 0.75)


def test_monochrome1_leaves_hounsfield_units_alone(make_series: Maker):
    folder = make_series(PIXELS, PhotometricInterpretation="MONOCHROME1")
    assert np.array_equal(read_image(folder).array[0], PIXELS.transpose())


def test_spacing_at_the_detector_serves_a_radiograph(make_series: Maker):
    image = radiograph(make_series, PixelSpacing=None, ImagerPixelSpacing=[0.1, 0.2])
    assert image.grid.pixel_spacing_mm == (0.1, 0.2)


def test_ultrasound_in_colour_with_its_regions_spacing(make_series: Maker):
    region = pydicom.Dataset()
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.02, 0.03
    colour = np.random.default_rng(0).integers(0, 255, (1, 8, 9, 3)).astype(np.uint8)
    folder = make_series(
        colour,
        Modality="US",
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="RGB",
        PixelSpacing=None,
        ImagePositionPatient=None,
        SequenceOfUltrasoundRegions=[region],
    )
    image = read_image(folder)
    assert np.array_equal(image.array, np.moveaxis(colour[0], -1, 0)) and image.modality == "US"
    assert np.allclose(image.grid.spacing_mm, (0.3, 0.2))


@pytest.mark.parametrize("kept", [0, 100, 140, 600, 800, 2000])
def test_damaged_slice_is_refused_without_a_name(make_series: Maker, kept: int):
    folder = make_series(PIXELS)
    file = sorted(folder.iterdir())[1]
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(
        FileFormatError, match=r"'.*dcm'.*(empty|not a whole DICOM|2 finite numbers)"
    ) as caught:
        read_image(folder)
    assert "ecret" not in str(caught.value) and "\n" not in str(caught.value)


def test_text_named_dcm_is_refused(tmp_path: Path):
    (tmp_path / "a.dcm").write_text("hello " * 100)
    with pytest.raises(FileFormatError, match="not a whole DICOM"):
        read_image(tmp_path / "a.dcm")


def test_folder_without_images_is_refused(tmp_path: Path):
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(FileFormatError, match=r"no DICOM images.*Name the folder"):
        read_image(tmp_path)


def enhanced(path: Path, pixels: np.ndarray, order: list[int]) -> Path:
    """Write an enhanced multi-frame CT whose frames are stored in ``order``."""
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = pydicom.uid.EnhancedCTImageStorage
    dataset.SOPInstanceUID = pydicom.uid.generate_uid()
    dataset.SeriesInstanceUID = pydicom.uid.generate_uid()
    dataset.Modality = "CT"
    dataset.NumberOfFrames = len(pixels)
    dataset.Rows, dataset.Columns = pixels.shape[1:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    shared = pydicom.Dataset()
    shared.PixelMeasuresSequence = [pydicom.Dataset()]
    shared.PixelMeasuresSequence[0].PixelSpacing = [0.5, 0.75]
    shared.PlaneOrientationSequence = [pydicom.Dataset()]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelValueTransformationSequence = [pydicom.Dataset()]
    shared.PixelValueTransformationSequence[0].RescaleIntercept = -1024
    shared.PixelValueTransformationSequence[0].RescaleSlope = 1
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for place in order:
        frame = pydicom.Dataset()
        frame.PlanePositionSequence = [pydicom.Dataset()]
        frame.PlanePositionSequence[0].ImagePositionPatient = [1, 2, 3 + 2.5 * place]
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.PixelData = pixels[order].tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_enhanced_frames_are_sorted_and_scaled(tmp_path: Path):
    image = read_image(enhanced(tmp_path / "e.dcm", PIXELS, [2, 0, 1]))
    assert np.array_equal(image.array[0], PIXELS.transpose() - 1024)
    assert image.grid.spacing_mm == (0.75, 0.5, 2.5) and image.unit == "HU"
    assert np.allclose(image.grid.affine[:3, 3], (-1, -2, 3))


def test_real_enhanced_file_equals_its_classic_series(real_data: Callable[[str], Path]):
    folder = real_data("dicom_seg") / "dcmqi" / "23x38x3"
    one, many = read_image(folder / "multiframe" / "mf.dcm"), read_image(folder / "image")
    assert one.grid.matches(many.grid) and np.array_equal(one.array, many.array)


def test_segmentation_object_is_no_scan(real_data: Callable[[str], Path]):
    with pytest.raises(FileFormatError, match="without a scan: got SEG"):
        read_image(real_data("dicom_seg") / "dcmqi" / "liver.dcm")


def test_real_radiograph(real_data: Callable[[str], Path]):
    path = real_data("dicom_seg") / "highdicom" / "dx_image.dcm"
    image = read_image(path)
    assert np.array_equal(image.array[0], sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0])
    assert np.allclose(image.grid.spacing_mm, (1.2, 1.2012))
