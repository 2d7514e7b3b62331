from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from suffice.core import FileFormatError
from suffice.io import Scan, find_scans, read_image

PIXELS = np.zeros((3, 4, 5), np.int16)


def save(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(PIXELS, np.eye(4)), path)
    return path


def test_files_keep_their_names(tmp_path: Path):
    path = save(tmp_path / "scan.01.nii.gz")
    assert find_scans([path]) == ([Scan("scan.01", path)], [])


def test_folders_are_searched_and_names_say_where(tmp_path: Path):
    for name in ("b.nii.gz", "one/a.nii.gz", "two/a.nii.gz", ".hidden/c.nii.gz", ".partial-x.nii"):
        save(tmp_path / name)
    scans, left_out = find_scans([tmp_path])
    assert [scan.name for scan in scans] == ["b", "one_a", "two_a"] and not left_out


def test_names_hang_neither_on_other_sources_nor_on_what_can_be_read(tmp_path: Path):
    paths = [save(tmp_path / f"{i}/a.nii.gz") for i in range(2)]
    assert [scan.name for scan in find_scans(paths)[0]] == ["a", "a"]
    for name in ("2/b/c.nii.gz", "2/b_c.nii.gz"):
        save(tmp_path / name)
    both, _ = find_scans([tmp_path / "2"])
    assert len({scan.name for scan in both}) == 2
    both[0].path.write_bytes(b"broken")
    assert find_scans([tmp_path / "2"])[0] == both[1:]


def test_dicom_tree_has_one_scan_a_series(make_series: Callable[..., Path], tmp_path: Path):
    make_series(PIXELS, folder="one")
    make_series(PIXELS, folder="two", SeriesNumber=3)
    make_series(PIXELS, folder="two", SeriesNumber=4)
    scans, left_out = find_scans([tmp_path])
    assert sorted(scan.name for scan in scans) == ["one", "two_series3", "two_series4"]
    assert not left_out
    assert all(read_image(scan.path).array.shape == (1, 5, 4, 3) for scan in scans)


def test_series_folder_itself_gives_its_name(make_series: Callable[..., Path]):
    folder = make_series(PIXELS, folder="thorax")
    assert find_scans([folder]) == ([Scan("thorax", folder)], [])


def test_what_cannot_be_read_is_listed_with_its_reason(
    tmp_path: Path, make_series: Callable[..., Path]
):
    save(tmp_path / "good.nii.gz")
    (tmp_path / "bad.nii.gz").write_text("hello")
    (tmp_path / "notes.txt").write_text("hello")
    make_series(PIXELS, folder="gap", positions=[(0, 0, 0), (0, 0, 1), (0, 0, 3)])
    make_series(PIXELS, folder="drawn", Modality="RTSTRUCT")
    scans, left_out = find_scans([tmp_path])
    assert [scan.name for scan in scans] == ["good"]
    reasons = {item.path.name: item.reason for item in left_out}
    assert set(reasons) == {"bad.nii.gz", "notes.txt", "gap", "drawn"}
    assert "not a whole NIfTI" in reasons["bad.nii.gz"]
    assert "no format" in reasons["notes.txt"]
    assert "unevenly spaced" in reasons["gap"]


def test_voxels_of_a_header_are_no_scan_of_their_own(tmp_path: Path):
    sitk.WriteImage(sitk.GetImageFromArray(PIXELS), str(tmp_path / "a.mhd"))
    scans, left_out = find_scans([tmp_path])
    assert [scan.path.name for scan in scans] == ["a.mhd"] and not left_out


def test_missing_source(tmp_path: Path):
    with pytest.raises(FileFormatError, match="gone' does not exist"):
        find_scans([tmp_path / "gone"])


def test_real_tree(real_data: Callable[[str], Path]):
    scans, left_out = find_scans([real_data("hippocampus_dicom")])
    assert len(scans) == 3 and not left_out
    assert scans[0].name == "Study1_13_HCropVolume"
