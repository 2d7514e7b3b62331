"""Layouts that are trees of folders: instances, BIDS, DICOM, patterns."""

import errno
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from suffice.core import CohortError, FileFormatError, GeometryError, UsageError
from suffice.io import read_case_instances, read_cohort
from suffice.io.copying import copied
from suffice.io.images import read_image
from suffice.io.layouts.bids import Bids
from suffice.io.layouts.dicom import Dicom
from suffice.io.layouts.fields import compile_pattern
from suffice.io.layouts.instances import Instances
from suffice.io.layouts.names import walk
from suffice.io.layouts.pattern import Pattern
from suffice.io.layouts.stacks import written_stacks
from suffice.io.scans import find_scans
from suffice.workflows.importing import import_cohort


def square(at: int, value: int = 255) -> np.ndarray:
    array = np.zeros((6, 8), np.uint8)
    array[1:4, at : at + 3] = value
    return array


def test_instances_are_joined(save, source: Path) -> None:
    save("a/images/a.png")
    save("a/masks/1.png", square(0))
    save("a/masks/2.png", square(2))
    save("b/images/b.png")
    save("c/masks/1.png")
    assert "1 folders" in (Instances().detect(source) or "")
    draft = Instances().collect(source)
    assert [(item.case.name, bool(item.drawings)) for item in draft.cases] == [
        ("a", True),
        ("b", False),
    ]
    drawing = draft.cases[0].drawings["expert"]
    np.testing.assert_array_equal(drawing.draw((6, 8)), (square(0) | square(2)) > 0)
    with pytest.raises(GeometryError, match=r"'1\.png' has another size than its image"):
        drawing.draw((9, 9))
    assert draft.left_out[0].reason == "has 0 images, expected 1 in images/"


def test_instances_are_kept_apart_in_the_cohort(save, source: Path, tmp_path: Path) -> None:
    save("a/images/a.png")
    save("a/masks/1.png", square(0))
    save("a/masks/2.png", square(2))
    save("b/images/b.png")
    save("b/masks/1.png", square(4))
    cohort = import_cohort(source, tmp_path / "cohort").cohort
    again = read_cohort(tmp_path / "cohort")
    numbers = read_case_instances(again, again.cases[0])
    assert numbers is not None and numbers.dtype == np.int32
    np.testing.assert_array_equal(
        numbers, np.where(square(2) > 0, 2, np.where(square(0) > 0, 1, 0))
    )
    assert [set(case.instance_maps) for case in cohort.cases] == [{"expert"}, {"expert"}]
    bare = replace(again.cases[0], instance_maps={})
    assert read_case_instances(again, bare) is None


def bids(save, source: Path) -> None:
    (source / "dataset_description.json").write_text("{}")
    for sample in ("A", "B"):
        save(f"sub-1/micr/sub-1_sample-{sample}_SEM.png")
        for i, structure in enumerate(("axon", "axonmyelin", "myelin")):
            save(
                f"derivatives/labels/sub-1/micr/sub-1_sample-{sample}_SEM_seg-{structure}-manual.png",
                square(i),
            )
    for place, size in (("sub-1_SEM", [0.2, 0.1]), ("sub-1_sample-B_SEM", [40, 50])):
        unit = "um" if place == "sub-1_SEM" else "nm"
        facts = {"PixelSize": size, "PixelSizeUnits": unit}
        (source / "sub-1" / "micr" / f"{place}.json").write_text(json.dumps(facts))


def test_bids_combines_structures_and_takes_the_pixel_size(save, source: Path) -> None:
    bids(save, source)
    assert "1 folders sub-*" in (Bids().detect(source) or "")
    draft = Bids().collect(source)
    assert draft.labels == {1: "axon", 2: "myelin"} and draft.channels[0].modality == "MIC"
    assert [item.case.subject for item in draft.cases] == ["sub-1", "sub-1"]
    # x before y in the file, rows before columns in ours; the nearer file counts.
    spacings = [item.case.pixel_spacing_mm for item in draft.cases]
    assert spacings == [pytest.approx((1e-4, 2e-4)), pytest.approx((5e-5, 4e-5))]
    expected = np.where(square(2) > 0, 2, square(0) > 0)
    np.testing.assert_array_equal(draft.cases[0].drawings["expert"].draw((6, 8)), expected)
    assert {item.reason for item in draft.left_out} == {
        "the combination of axon and myelin, which are drawn apart"
    }


def test_bids_maps_of_labels_sessions_and_orphans(save, source: Path) -> None:
    (source / "participants.tsv").write_text("participant_id\n")
    save("sub-1/ses-2/anat/sub-1_ses-2_T1w.nii.gz")
    save("sub-1/ses-2/anat/sub-1_ses-2_T2w.nii.gz")
    save("derivatives/d/sub-1/sub-1_ses-2_T1w_dseg.nii.gz")
    save("derivatives/d/sub-1/sub-1_ses-2_space-x_dseg.nii.gz")
    draft = Bids().collect(source)
    t1, t2 = (item.case for item in draft.cases)
    assert (t1.visit, t1.masks["expert"].name) == ("2", "sub-1_ses-2_T1w_dseg.nii.gz")
    assert not t2.masks and draft.labels is None and draft.channels[0].modality == "MR"
    # It could be of either image.
    assert [path.name for path in draft.orphans] == ["sub-1_ses-2_space-x_dseg.nii.gz"]


@pytest.mark.parametrize(("folder", "unit"), [("ct", "HU"), ("anat", "none")])
def test_bids_ct_is_in_hounsfield_units(save, source: Path, folder: str, unit: str) -> None:
    (source / "participants.tsv").write_text("participant_id\n")
    save(f"sub-1/{folder}/sub-1_ct.nii.gz")
    draft = Bids().collect(source)
    assert draft.channels[0].unit == unit
    assert any("--unit none" in note for note in draft.notes) == (unit == "HU")


def test_dicom_numbers_people_and_days(make_series, tmp_path: Path) -> None:
    pixels, rescale = np.ones((3, 4, 4), np.int16), {"RescaleSlope": 1, "RescaleIntercept": 0}
    make_series(
        pixels,
        folder="p1-a",
        PatientID="X",
        StudyDate="20200301",
        StudyInstanceUID="1.1",
        **rescale,
    )
    make_series(
        pixels,
        folder="p1-b",
        PatientID="X",
        StudyDate="20190301",
        StudyInstanceUID="1.2",
        **rescale,
    )
    make_series(
        pixels, folder="p2", PatientID="Y", StudyDate="20190401", StudyInstanceUID="1.3", **rescale
    )
    make_series(
        pixels, folder="p2", PatientID="Y", StudyDate="20190401", StudyInstanceUID="1.3", **rescale
    )
    make_series(pixels[:1], folder="rt", Modality="RTSTRUCT")
    (tmp_path / "junk.dcm").write_text("no")
    draft = Dicom().collect(tmp_path)
    cases = [item.case for item in draft.cases]
    assert [case.name for case in cases] == [
        "subject-001_visit-2_CT",
        "subject-001_visit-1_CT",
        "subject-002_visit-1_CT",
        "subject-002_visit-1_CT-2",
    ]
    assert not any(case.date for case in cases)
    assert cases[0].images["image"].is_dir() and cases[2].images["image"].is_file()
    assert (draft.channels[0].modality, draft.channels[0].unit) == ("CT", "HU")
    reasons = " ".join(item.reason for item in draft.left_out)
    assert "a DICOM object (RTSTRUCT), no scan" in reasons and "junk.dcm" in reasons
    dated = Dicom(keep_dates=True).collect(tmp_path).cases[0].case
    assert dated.date == "2020-03-01"
    assert "SECRET" not in str(draft)


def test_ct_without_rescale_is_not_taken_for_hounsfield_units(make_series, tmp_path: Path) -> None:
    pixels = np.arange(48, dtype=np.int16).reshape(3, 4, 4)
    bare = make_series(pixels, folder="a", PatientID="X")
    draft = Dicom().collect(tmp_path)
    assert draft.channels[0].unit == "none" and "No CT has RescaleSlope" in " ".join(draft.notes)
    make_series(pixels, folder="b", PatientID="Y", RescaleSlope=1, RescaleIntercept=-1024)
    draft = Dicom().collect(tmp_path)
    assert draft.channels[0].unit == "HU"
    assert [item.case.subject for item in draft.cases] == ["subject-001"]
    (left,) = draft.left_out
    assert left.path.parent == bare and "without RescaleSlope" in left.reason
    with pytest.raises(FileFormatError, match="cannot be given in Hounsfield units"):
        read_image(bare, unit="HU")


def test_localizers_are_left_out(make_series, tmp_path: Path) -> None:
    pixels, rescale = np.ones((3, 4, 4), np.int16), {"RescaleSlope": 1, "RescaleIntercept": 0}
    make_series(pixels, folder="p", **rescale)
    kind = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    make_series(np.ones((1, 8, 8), np.int16), folder="p", **kind, **rescale)
    draft = Dicom().collect(tmp_path)
    (case,) = [item.case for item in draft.cases]
    assert read_image(case.images["image"], unit="HU").grid.shape == (4, 4, 3)
    assert "is a localizer" in draft.left_out[0].reason
    scans, left_out = find_scans([tmp_path])
    assert len(scans) == 1 and "is a localizer" in left_out[0].reason


def test_dicom_without_images(tmp_path: Path) -> None:
    assert Dicom().detect(tmp_path) is None
    with pytest.raises(CohortError, match="holds no DICOM images"):
        Dicom().collect(tmp_path)


def test_patterns_name_cases_raters_channels_and_labels(save, source: Path) -> None:
    for channel in ("t1", "t2"):
        save(f"P1/{channel}-03.png")
    save("P2/t1-01.png")
    for rater in ("0", "1"):
        for label in ("core", "rim"):
            save(f"P1/mask-{rater}/{label}/03.png", square(0 if label == "core" else 2))
    save("P9/mask-0/core/03.png")
    save("odd.png")
    pattern = Pattern(
        "{subject}/{channel}-{slice}.png", ["{subject}/mask-{rater}/{label}/{slice}.png"]
    )
    draft = pattern.collect(source)
    case = draft.cases[0]
    assert (case.case.name, case.case.subject) == ("P1_slice-03", "P1")
    assert sorted(case.case.images) == ["t1", "t2"] and sorted(case.drawings) == ["0", "1"]
    assert draft.labels == {1: "core", 2: "rim"}
    expected = np.where(square(2) > 0, 2, square(0) > 0)
    np.testing.assert_array_equal(case.drawings["0"].draw((6, 8)), expected)
    assert [item.reason for item in draft.left_out] == ["no file for the channel 't2'"]
    assert [path.parts[-4] for path in draft.orphans] == ["P9"]
    assert draft.notes == ("1 files match neither pattern, e.g. odd.png",)


@pytest.mark.parametrize("pattern", ["a.png", "{a}/{b.png", "{}.png"])
def test_a_pattern_needs_fields(pattern: str) -> None:
    with pytest.raises(UsageError, match="A pattern needs fields in braces"):
        compile_pattern(pattern)


def test_patterns_of_unlike_fields(save, source: Path) -> None:
    save("a/1.png")
    with pytest.raises(UsageError, match="same fields: got slice in one of them"):
        Pattern("{subject}/{slice}.png", ["{subject}.png"]).collect(source)
    with pytest.raises(CohortError, match=r"No file .* matches .*got 1 others"):
        Pattern("{subject}.nii").collect(source)


def test_several_patterns_of_masks_and_a_rater_named_before_one(save, source: Path) -> None:
    save("raw/B1.png")
    for place in ("Seg_B1", "seg_B1"):
        save(f"experts/anna/{place}.png")
    save("gold/seg_B1.png")
    pattern = Pattern("raw/{case}.png", ["experts/{rater}/*_{case}.png", "gold=gold/*_{case}.png"])
    draft = pattern.collect(source)
    assert {r: p.name for r, p in draft.cases[0].case.masks.items()} == {
        "anna": "Seg_B1.png",
        "gold": "seg_B1.png",
    }
    assert [item.reason for item in draft.left_out] == [
        "a second mask by 'anna' of its case; 'Seg_B1.png' was taken"
    ]
    with pytest.raises(UsageError, match="not both"):
        Pattern("raw/{case}.png", ["gold={rater}/*_{case}.png"]).collect(source)


def test_slices_are_put_together_in_the_order_of_their_numbers(save, source: Path) -> None:
    for z in (2, 10, *range(3, 10)):
        save(f"P1/images/{z}.png", square(0) * z)
        save(f"P1/mask-a/{z}.png", square(0))
    save("P1/mask-b/2.png", square(0))
    save("P1/mask-b/4.png", square(0))
    draft = Pattern("{subject}/images/{z}.png", ["{subject}/mask-{rater}/{z}.png"]).collect(source)
    (item,) = draft.cases
    assert [path.stem for path in item.stacks["image"].paths] == [str(n) for n in range(2, 11)]
    written = written_stacks(item, source / "out", (0.5, 0.5, 2.0)).case.images["image"]
    volume = read_image(written)
    assert volume.grid.unit_spacing == (0.5, 0.5, 2.0)
    np.testing.assert_array_equal(volume.array[0, :, :, 8].T, square(0) * 10)
    np.testing.assert_array_equal(item.drawings["a"].draw(volume.grid.shape)[:, :, 3].T, square(0))
    assert "b" not in item.drawings
    assert "Slice 3 of the stack" in draft.left_out[0].reason


def test_a_walk_ends_where_links_make_a_ring(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "scan.png").touch()
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "self").symlink_to("self")
    assert list(walk(tmp_path)) == [tmp_path / "a" / "b" / "scan.png"]


def test_a_folder_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked").mkdir()
    iterdir = Path.iterdir

    def refusing(folder: Path) -> Iterator[Path]:
        if folder == tmp_path / "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return iterdir(folder)

    monkeypatch.setattr(Path, "iterdir", refusing)
    with pytest.raises(FileFormatError, match=r"locked' cannot be read: got Permission denied"):
        list(walk(tmp_path))


def test_a_copy_of_a_series_takes_none_of_its_neighbours(make_series, tmp_path: Path) -> None:
    pixels = np.ones((3, 4, 4), np.int16)
    for _ in range(2):
        make_series(pixels, folder="p", RescaleSlope=1, RescaleIntercept=0)
    for item in Dicom().collect(tmp_path / "p").cases:
        image = copied(item.case, tmp_path / "cohort").images["image"]
        assert len(list(image.parent.iterdir())) == 3
        assert read_image(image).grid.shape == (4, 4, 3)
