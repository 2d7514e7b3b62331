"""RTSTRUCT: real contours give the masks that go with them; what is drawn comes back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from suffice.core import FileFormatError, GeometryError, Grid, LabelError, LabelMap, Legend
from suffice.io import read_image, read_mask, read_mask_array, write_mask
from suffice.io.objects.rtstruct_read import read_rtstruct

MaskOn = Callable[..., LabelMap]


@pytest.fixture
def drawn(oblique_series: Path, mask_on: MaskOn) -> tuple[LabelMap, Path]:
    """A mask with a hole on an oblique series, and its RTSTRUCT in the folder beside."""
    mask = mask_on(oblique_series)
    path = oblique_series.parent / "contours" / "a.rtstruct.dcm"
    write_mask(path, mask, like=oblique_series, model="unet")
    return mask, path


def changed(path: Path, change: Callable[[Any], None]) -> Path:
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)
    return path


def first_contour(dataset: Any) -> Any:
    return dataset.ROIContourSequence[0].ContourSequence[0]


def test_a_mask_comes_back_to_the_voxel(drawn: tuple[LabelMap, Path]) -> None:
    mask, path = drawn
    back = read_mask(path, mask.legend)
    np.testing.assert_array_equal(back.array, mask.array)
    assert back.grid.matches(mask.grid)


def test_a_hole_is_reached_through_a_keyhole(drawn: tuple[LabelMap, Path]) -> None:
    mask, path = drawn
    assert mask.array[5, 6, 4] == 0
    dataset = pydicom.dcmread(path)
    contours = dataset.ROIContourSequence[0].ContourSequence
    assert {item.ContourGeometricType for item in contours} == {"CLOSED_PLANAR"}
    # One contour a slice, the one with the hole too.
    assert len(contours) == 4


def test_it_refers_to_the_slices_and_says_what_was_drawn(
    drawn: tuple[LabelMap, Path], oblique_series: Path
) -> None:
    _, path = drawn
    slices = {f.SOPInstanceUID: f for f in map(pydicom.dcmread, oblique_series.iterdir())}
    dataset = pydicom.dcmread(path)
    for item in dataset.ROIContourSequence[0].ContourSequence:
        image = slices[item.ContourImageSequence[0].ReferencedSOPInstanceUID]
        points = np.array(item.ContourData, dtype=float).reshape(-1, 3)
        normal = np.cross(image.ImageOrientationPatient[:3], image.ImageOrientationPatient[3:])
        off = (points - np.array(image.ImagePositionPatient, dtype=float)) @ normal
        assert np.abs(off).max() < 1e-6
    assert [roi.ROIName for roi in dataset.StructureSetROISequence] == [
        "left kidney",
        "anterior",
        "odd thing",
    ]
    assert dataset.StructureSetROISequence[0].ROIGenerationAlgorithm == "AUTOMATIC"
    structures = read_rtstruct(path).structures
    assert structures[0].colour == "#E69F00"
    assert structures[1].code == "SCT:5366008:Hippocampus"


def test_dciodvfy_finds_no_error(
    drawn: tuple[LabelMap, Path], judged: Callable[[Path], list[str]]
) -> None:
    assert judged(drawn[1]) == []


def test_an_empty_structure_has_no_contours(
    oblique_series: Path, mask_on: MaskOn, judged: Callable[[Path], list[str]]
) -> None:
    mask = mask_on(oblique_series)
    path = oblique_series.parent / "a.rtstruct.dcm"
    empty = LabelMap(np.zeros_like(mask.array), mask.grid, mask.legend)
    write_mask(path, empty, like=oblique_series)
    assert not read_mask_array(path)[0].any()
    assert judged(path) == []


@pytest.mark.parametrize("kind", ["POINT", "OPEN_PLANAR", "OPEN_NONPLANAR"])
def test_what_encloses_nothing_is_named(kind: str, drawn: tuple[LabelMap, Path]) -> None:
    _, path = drawn

    def open_up(dataset: Any) -> None:
        first_contour(dataset).ContourGeometricType = kind

    changed(path, open_up)
    with pytest.raises(LabelError, match=f"'left kidney' in 'a.rtstruct.dcm' is no mask.*{kind}"):
        read_mask_array(path)
    found = read_rtstruct(path)
    assert [s.name for s in found.structures] == ["anterior", "odd thing"]
    assert list(found.unusable) == ["left kidney"]
    assert [mask.any() for _, mask in found.masks()] == [True, True]


def test_contours_elsewhere_are_named(drawn: tuple[LabelMap, Path]) -> None:
    _, path = drawn
    original = path.read_bytes()

    def moved(by: Any) -> Callable[[Any], None]:
        def move(dataset: Any) -> None:
            item = first_contour(dataset)
            points = np.array(item.ContourData, dtype=float).reshape(-1, 3) + by
            item.ContourData = [f"{v:.8f}" for v in points.ravel()]

        return move

    row, column = np.array((0.8, 0.48, -0.36)), np.array((0.0, 0.6, 0.8))
    normal = np.cross(row, column)
    changed(path, moved(normal * 1.2))
    with pytest.raises(GeometryError, match="between the slices of its series"):
        read_mask_array(path)
    path.write_bytes(original)
    changed(path, moved(normal * -25))
    with pytest.raises(GeometryError, match="is drawn outside its series"):
        read_mask_array(path)
    path.write_bytes(original)

    def two_points(dataset: Any) -> None:
        first_contour(dataset).ContourData = first_contour(dataset).ContourData[:6]

    changed(path, two_points)
    with pytest.raises(LabelError, match="has a contour of 2 points"):
        read_mask_array(path)


def test_structures_that_overlap_are_an_error(drawn: tuple[LabelMap, Path]) -> None:
    _, path = drawn

    def repeat(dataset: Any) -> None:
        dataset.ROIContourSequence[1].ContourSequence += dataset.ROIContourSequence[0][
            "ContourSequence"
        ].value[:1]

    changed(path, repeat)
    with pytest.raises(LabelError, match="structures that overlap: 'left kidney' and 'anterior'"):
        read_mask_array(path)


def test_its_series_must_be_beside_it(
    drawn: tuple[LabelMap, Path], oblique_series: Path, tmp_path: Path
) -> None:
    mask, path = drawn
    far = tmp_path / "far" / "away" / "a.rtstruct.dcm"
    far.parent.mkdir(parents=True)
    far.write_bytes(path.read_bytes())
    with pytest.raises(FileFormatError, match="was drawn on is not beside it"):
        read_mask_array(far)
    labels = read_rtstruct(far, oblique_series).labels()
    assert np.array_equal(labels > 0, mask.array > 0)

    def forget(dataset: Any) -> None:
        del dataset.ReferencedFrameOfReferenceSequence

    with pytest.raises(FileFormatError, match="does not say which series"):
        read_rtstruct(changed(far, forget))


def test_what_contours_cannot_say_is_named(
    oblique_series: Path, mask_on: MaskOn, make_series: Callable[..., Path], tmp_path: Path
) -> None:
    mask = mask_on(oblique_series)
    path = tmp_path / "a.rtstruct.dcm"
    ignoring = LabelMap(mask.array, mask.grid, Legend(mask.legend.labels[1:], ignore=2))
    with pytest.raises(LabelError, match="Contours cannot say which voxels nobody labelled"):
        write_mask(path, ignoring, like=oblique_series)
    moved = LabelMap(mask.array, Grid.from_spacing(mask.grid.shape, (1, 1, 1)), mask.legend)
    with pytest.raises(GeometryError, match="lie on different grids"):
        write_mask(path, moved, like=oblique_series)
    picture = make_series(
        np.zeros((1, 6, 4), np.uint16), folder="dx", Modality="DX", StudyInstanceUID=generate_uid()
    )
    grid = read_image(picture).grid
    flat = LabelMap(np.ones(grid.shape, np.uint8), grid, Legend.from_names({1: "lung"}))
    with pytest.raises(GeometryError, match="need slices with a place in space"):
        write_mask(path, flat, like=picture)
    assert not path.exists()


@pytest.mark.parametrize("kind", ["CT", "MR_T1", "PET"])
def test_real_contours_give_the_shipped_masks_and_come_back(
    kind: str,
    real_data: Callable[[str], Path],
    judged: Callable[[Path], list[str]],
    tmp_path: Path,
) -> None:
    folder = real_data("sarcoma_STS_008")
    array, grid = read_mask_array(folder / "dicom" / kind / "mask" / "RS.dcm")
    shipped = np.asarray(nib.load(folder / "nifti" / f"{kind}_mask.nii.gz").dataobj)
    # Their files count rows from the other end.
    flips = [s for s in (shipped, shipped[:, ::-1]) if s.shape == array.shape]
    assert any(np.array_equal(array, flip) for flip in flips)
    mask = LabelMap(array, grid, Legend.from_names({1: "GTV"}))
    series = folder / "dicom" / kind / "image"
    path = tmp_path / "a.rtstruct.dcm"
    write_mask(path, mask, like=series)
    np.testing.assert_array_equal(read_rtstruct(path, series).labels(), array)
    assert judged(path) == []
