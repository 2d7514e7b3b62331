"""DICOM SEG: exact both ways, as other programs read it, and nothing lost by overlaps."""

import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.uid import DigitalXRayImageStorageForPresentation, generate_uid

from suffice.core import FileFormatError, GeometryError, Grid, LabelError, LabelMap, Legend
from suffice.io import read_image, read_mask, read_mask_array, write_mask
from suffice.io.objects.fitting import placed_on
from suffice.io.objects.maker import Maker
from suffice.io.objects.seg_read import read_seg
from suffice.io.objects.seg_write import write_fractional_seg
from suffice.io.objects.source import read_source

MaskOn = Callable[..., LabelMap]


def test_a_mask_comes_back_on_its_grid(
    oblique_series: Path, mask_on: MaskOn, tmp_path: Path
) -> None:
    mask = mask_on(oblique_series)
    path = tmp_path / "scan.seg.dcm"
    write_mask(path, mask, like=oblique_series, model="unet")
    back = read_mask(path, mask.legend)
    np.testing.assert_array_equal(back.array, mask.array)
    assert back.grid.matches(mask.grid)


def test_an_empty_mask_comes_back_too(
    oblique_series: Path, mask_on: MaskOn, tmp_path: Path
) -> None:
    mask = mask_on(oblique_series)
    empty = LabelMap(np.zeros_like(mask.array), mask.grid, mask.legend)
    write_mask(tmp_path / "a.seg.dcm", empty, like=oblique_series)
    back = read_mask(tmp_path / "a.seg.dcm", mask.legend)
    assert not back.array.any()
    assert back.grid.matches(mask.grid)


def test_a_single_drawn_slice_lies_where_it_was_drawn(
    oblique_series: Path, mask_on: MaskOn, tmp_path: Path
) -> None:
    mask = mask_on(oblique_series)
    array = np.zeros_like(mask.array)
    array[3:6, 4:9, 4] = 7
    write_mask(tmp_path / "a.seg.dcm", LabelMap(array, mask.grid, mask.legend), like=oblique_series)
    back = read_mask(tmp_path / "a.seg.dcm", mask.legend)
    np.testing.assert_array_equal(back.array, array)
    assert back.grid.matches(mask.grid)


def test_a_tilted_gantry_is_no_hindrance(make_series: Callable[..., Path], tmp_path: Path) -> None:
    series = make_series(
        np.zeros((5, 6, 4), np.int16),
        step=(0, 0.7, 2.4),
        StudyInstanceUID=generate_uid(),
        FrameOfReferenceUID=generate_uid(),
    )
    grid = read_image(series).grid
    array = (np.arange(grid.shape[0] * 30).reshape(grid.shape) % 7 == 0).astype(np.uint8)
    array[:, :, 1] = 0
    mask = LabelMap(array, grid, Legend.from_names({1: "liver"}))
    write_mask(tmp_path / "a.seg.dcm", mask, like=series)
    back = read_mask(tmp_path / "a.seg.dcm", mask.legend)
    np.testing.assert_array_equal(back.array, mask.array)
    assert back.grid.matches(grid)


def test_it_refers_to_patient_study_series_and_slices(
    oblique_series: Path, mask_on: MaskOn, tmp_path: Path
) -> None:
    path = tmp_path / "scan.seg.dcm"
    write_mask(path, mask_on(oblique_series), like=oblique_series, model="unet")
    slices = [pydicom.dcmread(file) for file in oblique_series.iterdir()]
    seg = pydicom.dcmread(path)
    for name in ("PatientID", "PatientName", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert seg[name].value == slices[0][name].value
    (series,) = seg.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == slices[0].SeriesInstanceUID
    instances = {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence}
    assert instances == {item.SOPInstanceUID for item in slices}
    place_of = {item.SOPInstanceUID: item.ImagePositionPatient for item in slices}
    for frame in seg.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        place = frame.PlanePositionSequence[0].ImagePositionPatient
        expected = place_of[source.ReferencedSOPInstanceUID]
        # As exact as 16 characters, which DICOM gives a number, can be.
        np.testing.assert_allclose(place, expected, rtol=0, atol=1e-9)
    # Nothing is stored of slices in which nothing is drawn, but for the ends.
    assert len(seg.PerFrameFunctionalGroupsSequence) == 3 * 9


def test_segments_say_what_they_are(oblique_series: Path, mask_on: MaskOn, tmp_path: Path) -> None:
    path = tmp_path / "scan.seg.dcm"
    write_mask(path, mask_on(oblique_series), like=oblique_series, model="unet")
    first, second, third = pydicom.dcmread(path).SegmentSequence
    kind = first.SegmentedPropertyTypeCodeSequence[0]
    assert (kind.CodeValue, kind.CodingSchemeDesignator) == ("64033007", "SCT")
    assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Left"
    assert second.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Hippocampus"
    assert third.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Tissue"
    assert first.SegmentAlgorithmType == "AUTOMATIC"
    assert first.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName == "suffice unet"
    structures = read_seg(path).structures
    assert [s.name for s in structures] == ["left kidney", "anterior", "odd thing"]
    assert structures[0].colour == "#E69F00"
    assert structures[1].code == "SCT:5366008:Hippocampus"
    write_mask(tmp_path / "drawn.seg.dcm", mask_on(oblique_series), like=oblique_series)
    drawn = pydicom.dcmread(tmp_path / "drawn.seg.dcm").SegmentSequence[0]
    assert drawn.SegmentAlgorithmType == "MANUAL"


def test_probabilities_are_kept_in_steps_of_a_byte(
    oblique_series: Path, mask_on: MaskOn, tmp_path: Path
) -> None:
    mask = mask_on(oblique_series)
    values = np.random.default_rng(0).random((4, *mask.grid.shape)).astype(np.float32)
    values /= values.sum(axis=0)
    path = tmp_path / "p.seg.dcm"
    source = read_source(oblique_series)
    write_fractional_seg(path, values, mask.legend, source, maker=Maker("unet"))
    seg = read_seg(path)
    assert seg.is_fractional
    assert seg.grid.matches(mask.grid)
    for structure, expected in zip(seg.structures, values[1:], strict=True):
        assert np.abs(seg.read(structure) - expected).max() <= 0.5 / 255 + 1e-6
    with pytest.raises(GeometryError, match="do not fit the series and the legend"):
        write_fractional_seg(path, values[:2], mask.legend, source)


def test_highdicom_reads_what_was_drawn(
    oblique_series: Path, mask_on: MaskOn, tmp_path: Path
) -> None:
    mask = mask_on(oblique_series)
    path = tmp_path / "scan.seg.dcm"
    write_mask(path, mask, like=oblique_series)
    volume = highdicom.seg.segread(path).get_volume(combine_segments=True)
    numbers = volume.array.transpose(2, 1, 0)
    table = np.array([0, *mask.legend.values])
    # It sorts slices the other way.
    np.testing.assert_array_equal(table[numbers][..., ::-1], mask.array)


def test_dcmqi_reads_what_was_drawn(oblique_series: Path, mask_on: MaskOn, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("segimage2itkimage")
    if not program.exists():
        pytest.skip("dcmqi has no wheel for this machine")
    mask = mask_on(oblique_series)
    path = tmp_path / "scan.seg.dcm"
    write_mask(path, mask, like=oblique_series)
    arguments = ["--inputDICOM", path, "--outputDirectory", tmp_path, "-t", "nrrd"]
    subprocess.run([program, *arguments], check=True, capture_output=True, timeout=60)
    for number, value in enumerate(mask.legend.values, start=1):
        array, grid = read_mask_array(tmp_path / f"{number}.nrrd")
        np.testing.assert_array_equal(
            placed_on(mask.grid, grid, array > 0, path), mask.array == value
        )


@pytest.mark.parametrize("model", ["unet", None])
def test_dciodvfy_finds_no_error(
    model: str | None,
    oblique_series: Path,
    mask_on: MaskOn,
    judged: Callable[[Path], list[str]],
    tmp_path: Path,
) -> None:
    mask = mask_on(oblique_series)
    write_mask(tmp_path / "a.seg.dcm", mask, like=oblique_series, model=model)
    assert judged(tmp_path / "a.seg.dcm") == []
    values = np.full((4, *mask.grid.shape), 0.25, dtype=np.float32)
    source = read_source(oblique_series)
    write_fractional_seg(tmp_path / "f.seg.dcm", values, mask.legend, source, maker=Maker(model))
    assert judged(tmp_path / "f.seg.dcm") == []


def test_names_of_patients_and_structures_may_be_in_any_script(
    make_series: Callable[..., Path], tmp_path: Path
) -> None:
    series = make_series(
        np.zeros((3, 4, 5), np.int16),
        StudyInstanceUID=generate_uid(),
        FrameOfReferenceUID=generate_uid(),
        SpecificCharacterSet="ISO_IR 100",
        PatientName="Müller^Jörg",
    )
    legend = Legend.from_names({1: "腎臓"})
    image = read_image(series)
    mask = LabelMap(np.ones(image.grid.shape, np.uint8), image.grid, legend)
    write_mask(tmp_path / "a.seg.dcm", mask, like=series)
    seg = pydicom.dcmread(tmp_path / "a.seg.dcm")
    assert str(seg.PatientName) == "Müller^Jörg"
    assert read_seg(tmp_path / "a.seg.dcm").structures[0].name == "腎臓"


def test_what_is_longer_than_dicom_allows_is_cut(
    oblique_series: Path, mask_on: MaskOn, judged: Callable[[Path], list[str]], tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for file in oblique_series.iterdir():
            header = pydicom.dcmread(file)
            header.StudyID = "a study of many words"
            header.save_as(file)
    write_mask(tmp_path / "a.seg.dcm", mask_on(oblique_series), like=oblique_series)
    assert pydicom.dcmread(tmp_path / "a.seg.dcm").StudyID == "a study of many"
    assert judged(tmp_path / "a.seg.dcm") == []


def test_a_picture_has_a_mask_of_one_frame(
    make_series: Callable[..., Path], judged: Callable[[Path], list[str]], tmp_path: Path
) -> None:
    picture = make_series(
        np.zeros((1, 6, 4), np.uint16),
        Modality="DX",
        SOPClassUID=DigitalXRayImageStorageForPresentation,
        StudyInstanceUID=generate_uid(),
        FrameOfReferenceUID=generate_uid(),
        positions=[(0, 0, 0)],
    )
    grid = read_image(picture).grid
    array = np.arange(24).reshape(6, 4) % 3 == 0
    mask = LabelMap(array.astype(np.uint8), grid, Legend.from_names({1: "lung"}))
    path = tmp_path / "a.seg.dcm"
    write_mask(path, mask, like=picture)
    np.testing.assert_array_equal(read_mask(path, mask.legend).array, mask.array)
    assert judged(path) == []


def test_what_cannot_be_written_is_named(
    oblique_series: Path, mask_on: MaskOn, tmp_path: Path
) -> None:
    mask = mask_on(oblique_series)
    path = tmp_path / "a.seg.dcm"
    with pytest.raises(FileFormatError, match="would refer to no series"):
        write_mask(path, mask)
    scan = tmp_path / "scan.nii.gz"
    write_mask(scan, mask)
    with pytest.raises(FileFormatError, match="is no DICOM series, which a DICOM object has to"):
        write_mask(path, mask, like=scan)
    moved = LabelMap(mask.array, Grid.from_spacing(mask.grid.shape, (1, 1, 1)), mask.legend)
    with pytest.raises(GeometryError, match="lie on different grids"):
        write_mask(path, moved, like=oblique_series)
    ignoring = LabelMap(mask.array, mask.grid, Legend(mask.legend.labels[1:], ignore=2))
    with pytest.raises(LabelError, match="cannot say which voxels nobody labelled"):
        write_mask(path, ignoring, like=oblique_series)
    for file in oblique_series.iterdir():
        header = pydicom.dcmread(file)
        del header.FrameOfReferenceUID
        header.save_as(file)
    with pytest.raises(FileFormatError, match="no FrameOfReferenceUID"):
        write_mask(path, mask, like=oblique_series)
    assert list(tmp_path.glob("*.dcm")) == []


def test_a_damaged_object_is_one_line(
    oblique_series: Path, mask_on: MaskOn, tmp_path: Path
) -> None:
    path = tmp_path / "a.seg.dcm"
    write_mask(path, mask_on(oblique_series), like=oblique_series)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(FileFormatError, match="is not a whole DICOM SEG file"):
        read_mask_array(path)


DCMQI = [
    ("liver.dcm", ["liver_seg.nrrd"]),
    ("partial_overlaps.dcm", [f"partial_overlaps-{i}.nrrd" for i in (1, 2, 3)]),
    ("23x38x3/seg/label.seg", ["23x38x3/nrrd/label.nrrd"]),
    ("24x38x3/seg/label.seg", ["24x38x3/nrrd/label.nrrd"]),
    ("sparse-labelmap-noppv.dcm", ["sparse_labelmap_noppv_seg.nrrd"]),
    ("sparse-labelmap-ppv5.dcm", ["sparse_labelmap_ppv5_seg.nrrd"]),
]


@pytest.mark.parametrize(("name", "references"), DCMQI)
def test_objects_of_dcmqi_read_as_their_nrrd(
    name: str, references: list[str], real_data: Callable[[str], Path]
) -> None:
    folder = real_data("dicom_seg") / "dcmqi"
    seg = read_seg(folder / name)
    known = [read_mask_array(folder / reference) for reference in references]
    for structure, mask in seg.masks():
        # Segments that overlap are in several files, each in one of them.
        holding = [(a == structure.value, g) for a, g in known if (a == structure.value).any()]
        ((expected, grid),) = holding
        np.testing.assert_array_equal(placed_on(grid, seg.grid, mask, seg.path), expected)
    if len(known) == 1:
        array, grid = known[0]
        np.testing.assert_array_equal(placed_on(grid, seg.grid, seg.labels(), seg.path), array)
    else:
        with pytest.raises(LabelError, match="3017 voxels of both"):
            seg.labels()


def test_every_object_of_highdicom_opens(real_data: Callable[[str], Path]) -> None:
    # Of objects on slides one a kind: the library takes seconds for each.
    slow = "dots|numbers|palette"
    folder = real_data("dicom_seg") / "highdicom"
    paths = sorted(p for p in folder.glob("seg_*.dcm") if not re.search(slow, p.name))
    assert len(paths) == 8
    for path in paths:
        seg = read_seg(path)
        masks = [mask for _, mask in seg.masks()]
        assert all(mask.shape == seg.grid.shape for mask in masks)
        assert any(mask.any() for mask in masks)


def test_parts_lie_where_they_belong_on_the_whole() -> None:
    whole = Grid.from_spacing((6, 7, 8), (1.0, 2.0, 3.0))
    array = np.zeros(whole.shape, np.uint8)
    array[2:4, 3:6, 1:7] = 1
    part = whole.with_shape((4, 5, 6), (1, 2, 1))
    crop = array[1:5, 2:7, 1:7]
    np.testing.assert_array_equal(placed_on(whole, part, crop, Path("a.dcm")), array)
    turned = Grid(
        (6, 5, 4),
        affine=part.affine[:, [2, 1, 0, 3]]
        @ np.array([[-1, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
    )
    again = placed_on(whole, turned, crop.transpose(2, 1, 0)[::-1], Path("a.dcm"))
    np.testing.assert_array_equal(again, array)
    with pytest.raises(GeometryError, match="is drawn outside its series"):
        placed_on(whole.with_shape((3, 7, 8)), part, crop, Path("a.dcm"))
    with pytest.raises(GeometryError, match="does not lie on the voxels"):
        placed_on(Grid.from_spacing((6, 7, 8), (1.0, 2.0, 2.0)), part, crop, Path("a.dcm"))
