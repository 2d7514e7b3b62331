"""Faces of files: NIfTI volumes and DICOM series."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from suffice.io import read_image
from suffice.phantoms.head import Head, head
from suffice.phantoms.identified import MR, Person, identified_slice
from suffice.workflows.deidentifying import deidentify


@pytest.fixture(scope="module")
def made() -> Head:
    return head(spacing_mm=5.0)


def write_series(folder: Path, made: Head) -> None:
    """Write a head as axial slices of one person."""
    folder.mkdir(parents=True)
    affine = np.asarray(made.grid.affine)
    for k in range(made.array.shape[2]):
        dataset = identified_slice(Person(1), visit=0, index=k, sop_class=MR).dataset
        pixels = made.array[..., k].T
        dataset.Rows, dataset.Columns = pixels.shape
        dataset.BitsStored, dataset.HighBit = 16, 15
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
        dataset.PixelSpacing, dataset.SliceThickness = [5.0, 5.0], 5.0
        dataset.ImageOrientationPatient = [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0]
        dataset.ImagePositionPatient = [-affine[0, 3], -affine[1, 3], affine[2, 3] + 5.0 * k]
        dataset.PixelData = np.ascontiguousarray(pixels).astype("<u2").tobytes()
        dataset.save_as(folder / f"IM{k:03d}.dcm", enforce_file_format=True)


def test_a_series_loses_its_face_and_keeps_its_brain(tmp_path: Path, made: Head) -> None:
    write_series(tmp_path / "src", made)
    report = deidentify(
        tmp_path / "src", tmp_path / "out", clean=["descriptors", "pixel-data", "faces"]
    )
    assert (report.n_refused, report.leftovers) == (0, ())
    files = sorted(report.folder.rglob("*.dcm"))
    assert len(files) == made.array.shape[2]
    array = read_image(files[0].parent).array[0]
    before = read_image(tmp_path / "src").array[0]
    brain, features = (
        read_image_like(made, array, made.brain),
        read_image_like(made, array, made.features),
    )
    np.testing.assert_array_equal(array[brain], before[brain])
    assert (array[features] == before.min()).mean() > 0.95
    header = pydicom.dcmread(files[-1])
    codes = {
        i.CodeValue for f in files for i in pydicom.dcmread(f).DeidentificationMethodCodeSequence
    }
    assert "113102" in codes and header.PatientIdentityRemoved == "YES"


def read_image_like(made: Head, array: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Turn a mask as the array of the series lies."""
    for flips in [(), (0,), (1,), (0, 1), (2,), (0, 2), (1, 2), (0, 1, 2)]:
        turned = np.flip(made.array, flips)
        if (
            turned.shape == array.shape
            and (turned[made.array.shape[0] // 2] == array[made.array.shape[0] // 2]).mean() > 0.8
        ):
            return np.flip(mask, flips)
    raise AssertionError("the series does not lie along the axes of the phantom")


def test_a_volume_loses_its_face_and_a_mask_stays(tmp_path: Path, made: Head) -> None:
    source = tmp_path / "src"
    source.mkdir()
    image = nib.Nifti1Image(made.array, made.grid.affine)
    nib.save(image, source / "t1.nii.gz")
    nib.save(nib.Nifti1Image(made.brain.astype(np.uint8), made.grid.affine), source / "mask.nii.gz")
    nib.save(nib.Nifti1Image(made.array[..., 36:], made.grid.affine), source / "part.nii.gz")
    report = deidentify(source, tmp_path / "out", clean=["faces"])
    assert (report.n_cleaned, report.n_refused) == (2, 1)
    assert [path.name for path in report.refused] == ["part.nii.gz"]
    array = np.asarray(nib.load(report.folder / "t1.nii.gz").dataobj)
    np.testing.assert_array_equal(array[made.brain], made.array[made.brain])
    assert (array[made.features] == made.array.min()).mean() > 0.99
    mask = np.asarray(nib.load(report.folder / "mask.nii.gz").dataobj)
    np.testing.assert_array_equal(mask, made.brain)
