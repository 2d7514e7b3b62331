import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from suffice.core import FileFormatError, GeometryError
from suffice.io import read_grid, read_image


def save(path: Path, voxels: np.ndarray, spacing: float = 1.0) -> Path:
    nib.save(nib.Nifti1Image(voxels, np.diag([spacing, spacing, spacing, 1])), path)
    return path


def test_one_file_a_channel(tmp_path: Path):
    one = save(tmp_path / "a.nii", np.ones((2, 3, 4), np.float32))
    two = save(tmp_path / "b.nii", np.full((2, 3, 4, 2), 2, np.float32))
    image = read_image([one, two], modality="MR")
    assert image.array[:, 0, 0, 0].tolist() == [1, 2, 2] and image.modality == "MR"


def test_channels_on_different_grids_name_both_files(tmp_path: Path):
    one = save(tmp_path / "a.nii", np.ones((2, 3, 4), np.float32))
    two = save(tmp_path / "b.nii", np.ones((2, 3, 4), np.float32), spacing=1.1)
    with pytest.raises(GeometryError, match=r"a\.nii' and '.*b\.nii' lie on different grids"):
        read_image([one, two])


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_no_numbers_are_counted(tmp_path: Path, odd: float):
    voxels = np.ones((2, 3, 4), np.float32)
    voxels[0, :, 0] = odd
    path = save(tmp_path / "a.nii.gz", voxels)
    with pytest.raises(
        FileFormatError, match=r"a\.nii\.gz' holds 3 voxels .* not numbers.*Replace"
    ):
        read_image(path)
    assert np.array_equal(read_image(path, allow_nan=True).array[0], voxels, equal_nan=True)


@pytest.mark.parametrize("name", ["gone.nii.gz", "gone", "gone.png"])
def test_missing_file(tmp_path: Path, name: str):
    for read in (read_image, read_grid):
        with pytest.raises(FileFormatError, match=r"gone.*' does not exist\. Check the path"):
            read(tmp_path / name)


def test_unknown_format_lists_the_known_ones(tmp_path: Path):
    (tmp_path / "a.docx").write_text("hello")
    with pytest.raises(FileFormatError, match=r"no format that suffice reads: got \.docx.*\.nii"):
        read_image(tmp_path / "a.docx")
    with pytest.raises(FileFormatError, match="at least one file"):
        read_image([])


def test_what_the_caller_knows_goes_before_what_the_file_says(tmp_path: Path):
    image = read_image(save(tmp_path / "a.nii", np.ones((2, 2, 2), np.int16)))
    assert (image.modality, image.unit) == ("OTHER", "none")
    image = read_image(tmp_path / "a.nii", modality="CT", unit="HU")
    assert (image.modality, image.unit) == ("CT", "HU")


def test_importing_the_package_loads_no_imaging_library():
    code = (
        "import sys, suffice.io;"
        "print([m for m in ('nibabel', 'SimpleITK', 'pydicom', 'skimage', 'tifffile', 'PIL',"
        " 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
