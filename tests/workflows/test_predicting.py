"""Prediction: a mask of the same name on the scan's own grid, and nothing lost."""

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from highdicom.sr import srread

from suffice.core import Channel, Cohort, FileFormatError, Progress, UsageError
from suffice.io import read_image, read_mask
from suffice.io.objects.seg_read import read_seg
from suffice.workflows.predicting import predict
from suffice.workflows.training import train


@pytest.fixture
def model(tiny_cohort: Cohort, tmp_path: Path, fakes) -> Path:
    return train(tiny_cohort, tmp_path / "model", minutes=1, rungs=fakes.rungs).model


def images_of(cohort: Cohort) -> Path:
    return cohort.root / "images"


def test_masks_lie_on_their_scans(tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes) -> None:
    out = tmp_path / "masks"
    predicted = predict(model, [images_of(tiny_cohort)], out, load=fakes.load)
    assert {path.name for path in predicted.written} == {f"case{i}.nii.gz" for i in range(8)}
    assert predicted.failed == predicted.skipped == ()
    for path in predicted.written:
        mask, scan = nib.load(path), nib.load(images_of(tiny_cohort) / path.name)
        np.testing.assert_array_equal(mask.affine, scan.affine)
        assert mask.get_data_dtype() == np.uint8
        assert set(np.unique(mask.dataobj)) == {0, 1}


def test_masks_that_are_there_are_kept(
    tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes
) -> None:
    out = tmp_path / "masks"
    first, *rest = sorted(images_of(tiny_cohort).iterdir())
    predict(model, [first], out, load=fakes.load)
    before = (out / first.name).stat().st_mtime_ns
    again = predict(model, [images_of(tiny_cohort)], out, load=fakes.load)
    assert [path.name for path in again.skipped] == [first.name]
    assert len(again.written) == len(rest)
    assert (out / first.name).stat().st_mtime_ns == before
    forced = predict(model, [first], out, load=fakes.load, overwrite=True)
    assert forced.written == (out / first.name,)


def test_an_unreadable_scan_stops_no_other(
    tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes
) -> None:
    scans = tmp_path / "scans"
    shutil.copytree(images_of(tiny_cohort), scans)
    (scans / "case3.nii.gz").write_bytes((scans / "case3.nii.gz").read_bytes()[:900])
    predicted = predict(model, [scans], tmp_path / "masks", load=fakes.load)
    assert len(predicted.written) == 7
    assert [item.path.name for item in predicted.failed] == ["case3.nii.gz"]


def test_a_cohort_is_a_source(tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes) -> None:
    predicted = predict(model, [tiny_cohort.root], tmp_path / "masks", load=fakes.load)
    assert [path.name for path in predicted.written] == [f"{n}.nii.gz" for n in tiny_cohort.names]


def test_the_suffix_chooses_the_format(
    tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes
) -> None:
    scan = images_of(tiny_cohort) / "case0.nii.gz"
    predicted = predict(model, [scan], tmp_path / "masks", load=fakes.load, suffix=".nrrd")
    assert [path.name for path in predicted.written] == ["case0.nrrd"]


def test_a_scan_is_never_replaced_by_its_mask(tiny_cohort: Cohort, model: Path, fakes) -> None:
    folder = images_of(tiny_cohort)
    for source in (folder, folder / "case0.nii.gz"):
        with pytest.raises(UsageError, match="where the scans are"):
            predict(model, [source], folder, load=fakes.load, overwrite=True)
    with pytest.raises(UsageError, match="take the place of the scan itself"):
        predict(model, [tiny_cohort.root], folder, load=fakes.load, overwrite=True)


def test_masks_below_the_scans_are_no_scans(
    tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes
) -> None:
    scans = tmp_path / "scans"
    shutil.copytree(images_of(tiny_cohort), scans)
    for _ in range(2):
        predicted = predict(model, [scans], scans / "masks", load=fakes.load)
    assert len(predicted.skipped) == 8
    assert predicted.written == ()


def test_two_scans_of_one_name(tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes) -> None:
    sources = [tiny_cohort.root, images_of(tiny_cohort) / "case0.nii.gz"]
    with pytest.raises(UsageError, match="Two scans are called 'case0'"):
        predict(model, sources, tmp_path / "masks", load=fakes.load)


def test_two_folders_with_scans_of_one_name_in_either_order(
    tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes
) -> None:
    for i, place in enumerate(("a", "b")):
        (tmp_path / place).mkdir()
        shutil.copy(images_of(tiny_cohort) / f"case{i}.nii.gz", tmp_path / place / "x.nii.gz")
    for places in ("ab", "ba"):
        with pytest.raises(UsageError, match=r"Two scans are called 'x'.*one at a time"):
            predict(model, [tmp_path / p for p in places], tmp_path / "masks", load=fakes.load)
    assert not (tmp_path / "masks").exists()


def test_an_empty_source(model: Path, tmp_path: Path, fakes) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="There is no scan to predict"):
        predict(model, [tmp_path / "empty"], tmp_path / "masks", load=fakes.load)


def test_progress_is_told_within_a_scan(
    tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes
) -> None:
    class Telling(type(fakes.load(model))):
        def predict(self, image, *, listener, **options):
            listener(Progress("tiles", 0.5, minutes_left=1.0))
            return super().predict(image, **options)

    def load(folder: Path) -> Telling:
        segmenter = Telling()
        segmenter.threshold_ = fakes.load(folder).threshold_
        return segmenter

    told: list[Progress] = []
    scans = sorted(images_of(tiny_cohort).iterdir())[:2]
    predict(model, scans, tmp_path / "masks", load=load, listener=told.append)
    assert [(p.task, p.fraction, p.note) for p in told] == [
        ("predict", 0.0, "case0"),
        ("predict", 0.25, "case0"),
        ("predict", 0.5, "case1"),
        ("predict", 0.75, "case1"),
        ("predict", 1.0, ""),
    ]


def test_a_scan_that_memory_cannot_hold_stops_no_other(
    tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path, **options: object):
        if path.name == "case3.nii.gz":
            raise MemoryError
        return read_image(path, **options)

    monkeypatch.setattr("suffice.workflows.scans.read_image", read)
    predicted = predict(model, [images_of(tiny_cohort)], tmp_path / "masks", load=fakes.load)
    assert len(predicted.written) == 7
    (failed,) = predicted.failed
    assert "The memory of this machine does not suffice for reading this scan" in failed.reason


def test_a_scan_is_asked_for_in_the_units_of_the_model(
    tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(folder: Path):
        segmenter = fakes.load(folder)
        segmenter.channels_ = (Channel("image", "CT", "HU"),)
        return segmenter

    def read(path: Path, *, unit):
        if path.name == "case3.nii.gz" and "HU" in unit:
            raise FileFormatError("It cannot be given in Hounsfield units")
        return read_image(path, unit=unit)

    monkeypatch.setattr("suffice.workflows.scans.read_image", read)
    predicted = predict(model, [images_of(tiny_cohort)], tmp_path / "masks", load=load)
    # What holds no unit is taken at its word.
    assert len(predicted.written) == 7
    assert ["Hounsfield" in item.reason for item in predicted.failed] == [True]
    kept = predict(model, [images_of(tiny_cohort)], tmp_path / "others", load=fakes.load)
    assert len(kept.written) == 8


def test_brightness_is_matched_before_a_model_sees_a_scan(
    tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes
) -> None:
    dim = tmp_path / "dim"
    dim.mkdir()
    for path in sorted(images_of(tiny_cohort).iterdir())[:2]:
        scan = nib.load(path)
        nib.save(
            nib.Nifti1Image((scan.get_fdata() / 7 - 3).astype(np.float32), scan.affine),
            dim / path.name,
        )
    out = {name: tmp_path / name for name in ("plain", "dim_plain", "matched")}
    scans = images_of(tiny_cohort)
    predict(model, [scans], out["plain"], load=fakes.load)
    predict(model, [dim], out["dim_plain"], load=fakes.load)
    done = predict(model, [dim], out["matched"], match_brightness=scans, load=fakes.load)
    for path in done.written:
        plain, lost, found = (np.asarray(nib.load(p / path.name).dataobj) > 0 for p in out.values())
        assert plain.any() and not lost.any()
        # The balls are not all of one size, which takes some of their rims.
        assert 2 * (found & plain).sum() / (found.sum() + plain.sum()) > 0.75


def test_brightness_with_a_unit_is_not_matched(
    tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes
) -> None:
    def load(folder: Path):
        segmenter = fakes.load(folder)
        segmenter.channels_ = (Channel(modality="CT", unit="HU"),)
        return segmenter

    scans = images_of(tiny_cohort)
    with pytest.raises(UsageError, match="means the same on each scanner: got HU"):
        predict(model, [scans], tmp_path / "m", match_brightness=scans, load=load)


def test_views_need_a_number_that_can_be_had(
    tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes
) -> None:
    with pytest.raises(UsageError, match="1 to 8"):
        predict(model, [images_of(tiny_cohort)], tmp_path / "m", views=9, load=fakes.load)


def test_dicom_series_get_segmentations_that_refer_to_them(
    tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes, hospital_series
) -> None:
    scans = tmp_path / "scans"
    series = hospital_series(scans / "askew")
    shutil.copy(images_of(tiny_cohort) / "case0.nii.gz", scans / "case0.nii.gz")
    out = tmp_path / "masks"
    predicted = predict(
        model, [scans], out, suffix=".seg.dcm", keep_probabilities=True, load=fakes.load
    )
    assert predicted.written == (out / "askew.seg.dcm",)
    (failed,) = predicted.failed
    assert "'case0.nii.gz' is no DICOM series" in failed.reason.replace(str(scans) + "/", "")
    assert predicted.notes[0].startswith("no code is known for ball:")
    drawn = read_mask(out / "askew.seg.dcm", tiny_cohort.legend)
    image = read_image(series)
    np.testing.assert_array_equal(drawn.array, image.array[0] > fakes.load(model).threshold_)
    assert drawn.grid.matches(image.grid)
    shares = read_seg(out / "probabilities" / "askew.seg.dcm")
    assert shares.is_fractional
    again = predict(model, [scans], out, suffix=".seg.dcm", load=fakes.load)
    assert again.skipped == (out / "askew.seg.dcm",)


def test_reports_and_pictures_go_with_the_segmentations(
    tiny_cohort: Cohort, model: Path, tmp_path: Path, fakes, hospital_series
) -> None:
    series, out = hospital_series(tmp_path / "scans" / "askew"), tmp_path / "masks"
    options = {"suffix": ".seg.dcm", "report": True, "overlay": True, "load": fakes.load}
    predict(model, [series], out, **options)
    (group,) = srread(
        out / "reports" / "askew.sr.dcm"
    ).content.get_volumetric_roi_measurement_groups()
    mask = read_mask(out / "askew.seg.dcm", tiny_cohort.legend)
    volume = np.count_nonzero(mask.array) * mask.grid.voxel_volume_ml
    assert group.get_measurements()[0].value == pytest.approx(volume, abs=1e-6)
    assert len(list((out / "overlays" / "askew").iterdir())) == 14
    predict(model, [series], out, overwrite=True, **options)
    assert len(list((out / "overlays" / "askew").iterdir())) == 14


@pytest.mark.parametrize(
    ("suffix", "option"), [(".nii.gz", "overlay"), (None, "report"), (".rtstruct.dcm", "report")]
)
def test_reports_and_pictures_need_dicom_masks(
    suffix: str | None, option: str, model: Path, tmp_path: Path, fakes
) -> None:
    with pytest.raises(UsageError, match="Give --format dicom-seg"):
        predict(model, [tmp_path], tmp_path / "o", suffix=suffix, load=fakes.load, **{option: True})
