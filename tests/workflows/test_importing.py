"""Import as a user does it: made trees for every kind of dirt, and the real sets."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image as Pillow

from suffice.core import CohortError, Progress, StorageError, Unit, UsageError
from suffice.io import read_case_image, read_case_mask
from suffice.io.left_out import read_left_out
from suffice.workflows.importing import ImportReport, import_cohort

REAL_DATA = Path(__file__).parents[3] / "shared" / "data"


def real(name: str) -> Path:
    path = REAL_DATA / name
    if not path.exists():
        pytest.skip(f"real data '{name}' is not on this machine")
    return path


def volume(path: Path, shape: tuple[int, ...] = (6, 7, 5), *, value: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.zeros(shape, np.uint8)
    array[1:3, 1:3, 1:3] = value
    nib.save(nib.Nifti1Image(array, np.eye(4)), path)
    return path


def picture(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(array.astype(np.uint8)).save(path)
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Six pairs of volumes."""
    for i in range(6):
        volume(tmp_path / "data" / "images" / f"c{i}.nii.gz", value=100 + i)
        volume(tmp_path / "data" / "labels" / f"c{i}.nii.gz", value=1 + i % 2)
    return tmp_path / "data"


def reasons(report: ImportReport) -> dict[str, str]:
    return {item.path.as_posix(): item.reason for item in report.left_out}


def test_dirt_is_named_and_never_stops_an_import(pairs: Path, tmp_path: Path) -> None:
    images, labels = pairs / "images", pairs / "labels"
    volume(images / "big.nii.gz", (64, 64, 64))
    volume(labels / "big.nii.gz", (64, 64, 64))
    volume(labels / "orphan.nii.gz", (64, 64, 64))
    volume(images / "bare.nii.gz")
    volume(images / "shape.nii.gz")
    volume(labels / "shape.nii.gz", (6, 7, 4))
    whole = volume(images / "cut.nii.gz").read_bytes()
    (images / "cut.nii.gz").write_bytes(whole[:-20])
    (images / "text.nii.gz").write_text("hello")
    volume(images / "badmask.nii.gz")
    (labels / "badmask.nii.gz").write_bytes(b"")
    nans = np.full((6, 7, 5), np.nan, np.float32)
    nib.save(nib.Nifti1Image(nans, np.eye(4)), images / "nan.nii.gz")
    picture(images / "flat.png", np.zeros((6, 7)))
    report = import_cohort(pairs, tmp_path / "cohort")
    found = reasons(report)
    assert "a foreign volume: 64x64x64" in found["images/big.nii.gz"]
    assert "without an image of its name; a foreign volume" in found["labels/orphan.nii.gz"]
    assert "different grids" in found["labels/shape.nii.gz"]
    assert "not a whole NIfTI" in found["images/cut.nii.gz"]
    assert "images/text.nii.gz" in found
    assert "kept as an unlabelled case" in found["labels/badmask.nii.gz"]
    assert "not numbers" in found["images/nan.nii.gz"]
    assert found["images/flat.png"] == "a picture in a cohort of volumes"
    assert len(report.cohort.labelled()) == 6
    assert report.cohort.unlabelled().names == ("badmask", "bare", "shape")
    assert any("badmask, bare, shape" in note for note in report.notes)
    assert read_left_out(tmp_path / "cohort" / "left_out.csv") == report.left_out


def test_pictures_of_other_channels_are_left_out(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        grey = np.arange(72).reshape(8, 9)
        picture(tmp_path / "data" / f"{name}.png", grey if name != "b" else np.stack([grey] * 3, 2))
    report = import_cohort(tmp_path / "data", tmp_path / "cohort", pattern="{name}.png")
    assert reasons(report) == {"b.png": "has 3 channels where most have 1"}


def test_files_are_referred_to_or_copied(pairs: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    report = import_cohort(pairs, tmp_path / "a", listener=seen.append)
    assert report.cohort.cases[0].images["image"].resolve().parent == pairs / "images"
    assert seen[-1].fraction == 1.0
    copied = import_cohort(pairs, tmp_path / "b", copy=True).cohort
    pairs.rename(tmp_path / "gone")
    for case in copied.cases:
        assert read_case_image(copied, case).grid == read_case_mask(copied, case).grid


def test_what_the_person_knows_goes_first(pairs: Path, tmp_path: Path) -> None:
    report = import_cohort(
        pairs,
        tmp_path / "cohort",
        modality="CT",
        unit="HU",
        labels={1: "lung", 2: "nodule", 3: "airway"},
        subject_pattern="(c[0-2])|(c)",
    )
    cohort = report.cohort
    assert (cohort.channels[0].modality, cohort.channels[0].unit) == ("CT", "HU")
    assert cohort.legend.names == ("lung", "nodule", "airway")
    assert cohort.subjects == ("c0", "c1", "c2", "c")


@pytest.mark.parametrize(("unit", "expected"), [(None, "HU"), ("none", "none")])
def test_ct_is_in_hounsfield_units_unless_told(
    pairs: Path, tmp_path: Path, unit: Unit | None, expected: str
) -> None:
    report = import_cohort(pairs, tmp_path / "cohort", modality="CT", unit=unit)
    assert report.cohort.channels[0].unit == expected
    assert any("--unit none" in note for note in report.notes) == (unit is None)
    assert read_case_image(report.cohort, report.cohort.cases[0]).unit == expected


def test_ct_in_png_has_no_unit(tmp_path: Path) -> None:
    report = import_cohort(numbered_pictures(tmp_path / "d", "ab"), tmp_path / "c", modality="CT")
    assert report.cohort.channels[0].unit == "none"


def numbered_pictures(folder: Path, names: Sequence[str]) -> Path:
    ramp = np.arange(72).reshape(8, 9)
    for name in names:
        picture(folder / "images" / f"{name}.png", ramp)
        picture(folder / "masks" / f"{name}.png", ramp > 30)
    return folder


def test_slices_stay_with_their_subject(tmp_path: Path) -> None:
    names = [f"{who}_slice{i}" for who in ("case1", "case2") for i in range(3)]
    names += ["vol01-z004", "vol01-z005", "P7_frame12"]
    report = import_cohort(numbered_pictures(tmp_path / "data", names), tmp_path / "cohort")
    assert set(report.cohort.subjects) == {"case1", "case2", "vol01", "P7"}
    (note,) = [note for note in report.notes if "taken for slices" in note]
    assert note.startswith("8 pictures") and "case1_slice0, case1_slice1" in note


def test_slices_in_a_folder_a_subject(tmp_path: Path) -> None:
    for who in ("P1", "P2"):
        numbered_pictures(tmp_path / "data" / who, ["slice_1", "slice_2"])
    cohort = import_cohort(tmp_path / "data", tmp_path / "cohort").cohort
    assert cohort.subjects == ("P1-images", "P2-images")


def test_numbered_pictures_stay_apart_with_a_warning(tmp_path: Path) -> None:
    names = ["a_012", "a_013", "b_img1", "b_img2", "CHNCXR_0334_1", "CHNCXR_0335_1"]
    source = numbered_pictures(tmp_path / "data", names)
    report = import_cohort(source, tmp_path / "cohort")
    assert report.cohort.subjects == tuple(sorted(names))
    (note,) = [note for note in report.notes if "each is a subject of its own" in note]
    assert note.startswith("4 pictures") and "a_012" in note and "--subject" in note
    told = import_cohort(source, tmp_path / "told", subject_pattern="^(.+)_")
    assert "a" in told.cohort.subjects and not any("own" in note for note in told.notes)


def test_numbered_volumes_are_no_slices(pairs: Path, tmp_path: Path) -> None:
    for part in ("images", "labels"):
        for path in sorted((pairs / part).iterdir()):
            path.rename(path.with_name(path.name.replace("c", "c_")))
    report = import_cohort(pairs, tmp_path / "cohort")
    assert len(report.cohort.subjects) == 6
    assert not any("subject" in note for note in report.notes)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("c", "has no group"), ("(", "no regular expression"), ("^(x)", "finds no subject in 'c0'")],
)
def test_wrong_subject_patterns(pairs: Path, tmp_path: Path, pattern: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        import_cohort(pairs, tmp_path / "cohort", subject_pattern=pattern)
    assert not (tmp_path / "cohort").exists()


def test_a_value_beyond_the_names_given_is_said(pairs: Path, tmp_path: Path) -> None:
    report = import_cohort(pairs, tmp_path / "cohort", labels={1: "lung"})
    assert report.cohort.legend.names == ("lung", "label-2")
    assert "Masks hold values without a name: 2" in report.notes


def test_grey_masks_are_thresholded(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 255, 40), (30, 1))
    for i in range(3):
        picture(tmp_path / "data" / "images" / f"{i}.png", ramp)
        picture(tmp_path / "data" / "masks" / f"{i}.png", np.roll(ramp, i, axis=1))
    report = import_cohort(tmp_path / "data", tmp_path / "cohort")
    mask = read_case_mask(report.cohort, report.cohort.cases[0])
    np.testing.assert_array_equal(mask.array, ramp.astype(np.uint8) > 127)
    assert (tmp_path / "cohort" / "masks" / "0.png").exists()
    assert any("thresholded above 127" in note for note in report.notes)


def test_masks_of_0_and_1_among_grey_ones_keep_what_they_mark(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 255, 40), (30, 1))
    for i in range(3):
        picture(tmp_path / "data" / "images" / f"{i}.png", ramp)
        mask = ramp > 200 if i == 2 else ramp
        picture(tmp_path / "data" / "masks" / f"{i}.png", mask)
    cohort = import_cohort(tmp_path / "data", tmp_path / "cohort").cohort
    mask = read_case_mask(cohort, cohort.cases[2])
    np.testing.assert_array_equal(mask.array, ramp > 200)


@pytest.mark.parametrize("invert", [False, True])
def test_masks_of_0_and_255(tmp_path: Path, invert: bool) -> None:
    marked = np.zeros((8, 9))
    marked[2:5, 3:6] = 255
    picture(tmp_path / "data" / "images" / "a.png", marked)
    picture(tmp_path / "data" / "masks" / "a.png", marked)
    report = import_cohort(tmp_path / "data", tmp_path / "cohort", invert_masks=invert)
    mask = read_case_mask(report.cohort, report.cohort.cases[0])
    np.testing.assert_array_equal(mask.array, (marked == 0) if invert else (marked == 255))
    assert report.cohort.legend.values == (1,)


def test_images_alone_make_an_unlabelled_cohort(tmp_path: Path) -> None:
    volume(tmp_path / "data" / "p1.nii.gz")
    report = import_cohort(tmp_path / "data", tmp_path / "cohort", pattern="{subject}.nii.gz")
    assert not report.cohort.labelled().cases
    assert any("No mask marks anything" in note for note in report.notes)


def _text_only(folder: Path) -> None:
    (folder / "a.txt").write_text("a")


@pytest.mark.parametrize("fill", [lambda folder: None, _text_only])
def test_nothing_to_import(tmp_path: Path, fill: Callable[[Path], None]) -> None:
    source = tmp_path / "data"
    source.mkdir()
    fill(source)
    with pytest.raises(CohortError, match="No layout fits"):
        import_cohort(source, tmp_path / "cohort")
    assert not (tmp_path / "cohort").exists()


def test_no_usable_image(tmp_path: Path) -> None:
    for folder in ("images", "labels"):
        (tmp_path / "data" / folder).mkdir(parents=True)
        (tmp_path / "data" / folder / "a.nii.gz").write_text("hello")
    with pytest.raises(CohortError, match="holds no usable image: got 1 left out, first"):
        import_cohort(tmp_path / "data", tmp_path / "cohort")


def test_places_that_cannot_be(pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        import_cohort(tmp_path / "nowhere", tmp_path / "cohort")
    with pytest.raises(UsageError, match="is not a folder"):
        import_cohort(pairs / "images" / "c0.nii.gz", tmp_path / "cohort")
    with pytest.raises(UsageError, match="would lie inside the source"):
        import_cohort(pairs, pairs / "cohort")
    import_cohort(pairs, tmp_path / "ready")
    with pytest.raises(UsageError, match="is a cohort already: got cohort"):
        import_cohort(tmp_path / "ready", tmp_path / "again")
    with pytest.raises(UsageError, match="lies inside the cohort folder"):
        import_cohort(pairs, tmp_path, overwrite=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("dear")
    with pytest.raises(StorageError, match="exists already"):
        import_cohort(pairs, tmp_path / "mine")
    with pytest.raises(StorageError, match="is not a cohort and will not be replaced"):
        import_cohort(pairs, tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "dear"


def test_a_cohort_is_replaced_only_when_asked(pairs: Path, tmp_path: Path) -> None:
    import_cohort(pairs, tmp_path / "cohort")
    with pytest.raises(StorageError, match="exists already"):
        import_cohort(pairs, tmp_path / "cohort")
    (pairs / "labels" / "c0.nii.gz").unlink()
    again = import_cohort(pairs, tmp_path / "cohort", overwrite=True)
    assert len(again.cohort.labelled()) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "tower"}, "There is no layout 'tower'"),
        ({"layout": "pattern"}, "go together"),
        ({"mask_pattern": "{a}.png"}, "go together"),
        ({"layout": "pairs", "pattern": "{a}.png"}, "go together"),
    ],
)
def test_options_that_contradict(
    pairs: Path, tmp_path: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        import_cohort(pairs, tmp_path / "cohort", **options)  # type: ignore[arg-type]


def test_hippocampus(tmp_path: Path) -> None:
    report = import_cohort(real("hippocampus"), tmp_path / "cohort")
    assert len(report.cohort.labelled()) == 80
    assert report.cohort.unlabelled().names == ("hippocampus_118",)
    found = reasons(report)
    assert set(found) == {f"labels/hippocampus_{n}.nii.gz" for n in ("010", "281")}
    assert "foreign volume: 512x512x94" in found["labels/hippocampus_281.nii.gz"]


def test_axons(tmp_path: Path) -> None:
    report = import_cohort(real("axons_bids"), tmp_path / "cohort")
    cohort = report.cohort
    assert report.layout == "bids" and len(cohort) == 10 and len(cohort.subjects) == 8
    assert cohort.legend.names == ("axon", "myelin") and len(report.left_out) == 10
    assert len({case.pixel_spacing_mm for case in cohort.cases}) > 1
    case = cohort.cases[0]
    assert read_case_image(cohort, case).grid.spacing_mm == case.pixel_spacing_mm
    # The combination that was left out says the same as what was made of its parts.
    combined = np.array(Pillow.open(real("axons_bids") / report.left_out[0].path))
    np.testing.assert_array_equal(
        read_case_mask(cohort, case).array > 0, combined > 0, strict=False
    )


def test_tumours_in_coco(tmp_path: Path) -> None:
    report = import_cohort(real("brain_tumour_coco"), tmp_path / "cohort")
    assert len(report.cohort) == 178 and len(report.cohort.subjects) == 110
    assert report.cohort.legend.names == ("object",)
    assert all("category 0" in item.reason for item in report.left_out)


def test_coco_without_outlines(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match=r"Every segmentation .* is empty"):
        import_cohort(real("coco_empty_segmentations"), tmp_path / "cohort")


def test_dicom_of_three_kinds(tmp_path: Path) -> None:
    report = import_cohort(real("sarcoma_STS_008") / "dicom", tmp_path / "cohort")
    assert len(report.cohort) == 3 and report.cohort.subjects == ("subject-001",)
    assert report.left_out == ()
    assert report.cohort.legend.names == ("GTV_Mass_CT", "GTV_Mass_MR_T1", "GTV_Mass_PET")
    drawn = [np.count_nonzero(read_case_mask(report.cohort, c).array) for c in report.cohort.cases]
    assert drawn == [8862, 8862, 388]


def test_segments_that_overlap_are_all_kept(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(real("dicom_seg") / "dcmqi" / "ct-3slice", source / "ct")
    shutil.copy(real("dicom_seg") / "dcmqi" / "partial_overlaps.dcm", source / "seg.dcm")
    report = import_cohort(source, tmp_path / "cohort")
    (case,) = report.cohort.cases
    names = {label.value: label.name for label in report.cohort.legend}
    sizes = {}
    for rater in case.masks:
        array = read_case_mask(report.cohort, case, rater).array
        for value in np.unique(array[array > 0]):
            sizes[names[int(value)]] = (rater, np.count_nonzero(array == value))
    assert sizes == {
        "GREEN": ("expert", 9602),
        "ORANGE": ("expert-overlap-1", 11888),
        "PURPLE": ("expert-overlap-2", 10743),
        "LIGHT_BLUE": ("expert", 6693),
        "DARK_BLUE": ("expert", 4713),
    }
    assert any("Structures overlap in 1 cases" in note for note in report.notes)
    assert report.cohort.legend.labels[1].code == "SCT:51114001:Artery"
