"""Objects beside a series are its masks: together, by raters, or left out with the reason."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from suffice.core import LabelMap, Legend
from suffice.io import read_grid, write_mask
from suffice.io.layouts.dicom import Dicom

SIZE = (6, 7, 5)


@pytest.fixture
def series(make_series: Callable[..., Path]) -> Callable[[str], Path]:
    """Write a CT into a folder."""

    def make(folder: str) -> Path:
        return make_series(
            np.zeros(SIZE[::-1], np.int16),
            folder=folder,
            StudyInstanceUID=generate_uid(),
            FrameOfReferenceUID=generate_uid(),
            RescaleSlope=1,
            RescaleIntercept=0,
        )

    return make


def draw(series: Path, path: Path, boxes: dict[str, tuple[slice, ...]]) -> np.ndarray:
    array = np.zeros(SIZE, np.uint8)
    for value, box in enumerate(boxes.values(), start=1):
        array[box] = value
    legend = Legend.from_names(dict(enumerate(boxes, start=1)))
    write_mask(path, LabelMap(array, read_grid(series), legend), like=series)
    return array


BOX, OTHER = np.s_[1:3, 1:4, 1:3], np.s_[3:6, 4:7, 2:5]


def drawings_of(source: Path, n: int = 0) -> dict[str, np.ndarray]:
    item = Dicom().collect(source).cases[n]
    return {rater: drawing.draw(SIZE) for rater, drawing in item.drawings.items()}


def test_a_structure_has_one_value_in_all_of_a_tree(
    series: Callable[[str], Path], tmp_path: Path
) -> None:
    a, b = series("a"), series("b")
    draw(a, a / "x.seg.dcm", {"liver": BOX, "spleen": OTHER})
    draw(b, tmp_path / "c" / "y.rtstruct.dcm", {"spleen": BOX})
    draft = Dicom().collect(tmp_path)
    assert draft.labels == {1: "liver", 2: "spleen"}
    assert draft.codes[2] == "SCT:78961009:Spleen"
    assert set(np.unique(drawings_of(tmp_path, 0)["expert"])) == {0, 1, 2}
    (second,) = drawings_of(tmp_path, 1).values()
    assert (second[BOX] == 2).all()
    assert np.count_nonzero(second) == 12
    assert draft.left_out == ()


def test_objects_of_other_structures_make_one_mask(
    series: Callable[[str], Path], tmp_path: Path
) -> None:
    place = series("a")
    draw(place, tmp_path / "o" / "1.seg.dcm", {"liver": BOX})
    draw(place, tmp_path / "o" / "2.rtstruct.dcm", {"spleen": OTHER})
    drawn = drawings_of(tmp_path)
    assert list(drawn) == ["expert"]
    assert (drawn["expert"][BOX] == 1).all()
    assert (drawn["expert"][OTHER] == 2).all()


def test_objects_of_the_same_structure_are_by_raters(
    series: Callable[[str], Path], tmp_path: Path
) -> None:
    place = series("a")
    draw(place, tmp_path / "o" / "1.seg.dcm", {"liver": BOX})
    draw(place, tmp_path / "o" / "2.seg.dcm", {"liver": OTHER})
    drawn = drawings_of(tmp_path)
    assert list(drawn) == ["object-1", "object-2"]
    assert (drawn["object-2"][OTHER] == 1).all()


def test_what_overlaps_is_in_masks_of_its_own(
    series: Callable[[str], Path], tmp_path: Path
) -> None:
    place = series("a")
    draw(place, tmp_path / "o" / "1.seg.dcm", {"liver": BOX})
    draw(place, tmp_path / "o" / "2.seg.dcm", {"lesion": np.s_[2:4, 2:5, 1:3]})
    drawn = drawings_of(tmp_path)
    assert list(drawn) == ["expert", "expert-overlap-1"]
    assert np.count_nonzero(drawn["expert"] == 1) == 12
    assert np.count_nonzero(drawn["expert-overlap-1"] == 2) == 12
    notes = " ".join(Dicom().collect(tmp_path).notes)
    assert "Structures overlap in 1 cases, first 'subject-001_visit-1_CT'" in notes


def test_what_is_no_mask_is_left_out_with_the_reason(
    series: Callable[[str], Path], tmp_path: Path
) -> None:
    place, gone = series("a"), series("b")
    objects = tmp_path / "o"
    draw(place, objects / "point.rtstruct.dcm", {"liver": BOX, "isocentre": OTHER})
    dataset: Any = pydicom.dcmread(objects / "point.rtstruct.dcm")
    dataset.ROIContourSequence[1].ContourSequence[0].ContourGeometricType = "POINT"
    dataset.save_as(objects / "point.rtstruct.dcm")
    draw(gone, objects / "gone.seg.dcm", {"liver": BOX})
    shutil.rmtree(gone)
    draw(place, objects / "cut.seg.dcm", {"liver": BOX})
    whole = (objects / "cut.seg.dcm").read_bytes()
    (objects / "cut.seg.dcm").write_bytes(whole[:-20])
    draft = Dicom().collect(tmp_path)
    reasons = {item.path.name: item.reason for item in draft.left_out}
    assert reasons["gone.seg.dcm"] == "the series that it was drawn on is not there"
    assert "'isocentre' is no mask: contours of the kind POINT" in reasons["point.rtstruct.dcm"]
    assert "is not a whole DICOM SEG file" in reasons["cut.seg.dcm"]
    assert list(drawings_of(tmp_path)) == ["expert"]
    assert draft.labels == {1: "liver"}
