from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from suffice.core import Case, Channel, Cohort, CohortError, FileFormatError, GeometryError, Legend
from suffice.io import read_case_image, read_case_mask

LEGEND = Legend.from_names({1: "one"})


def save(path: Path, value: int, size: int = 4) -> Path:
    nib.save(nib.Nifti1Image(np.full((3, size, 5), value, np.int16), np.eye(4)), path)
    return path


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    images = {"t2": save(tmp_path / "t2.nii", 20), "image": save(tmp_path / "t1.nii", 10)}
    masks = {"anna": save(tmp_path / "anna.nii", 1), "bob": save(tmp_path / "bob.nii", 0)}
    channels = (Channel("image", "CT", "HU"), Channel("t2", "MR"))
    return Cohort("toy", tmp_path, channels, LEGEND, (Case("a", "s", images, masks),))


def test_channels_come_in_the_cohorts_order(cohort: Cohort):
    image = read_case_image(cohort, cohort.cases[0])
    assert image.array[:, 0, 0, 0].tolist() == [10, 20]
    assert (image.modality, image.unit) == ("CT", "HU")


def test_rater_is_the_first_unless_named(cohort: Cohort):
    case = cohort.cases[0]
    assert read_case_mask(cohort, case).array.all()
    assert not read_case_mask(cohort, case, "bob").array.any()


def test_mask_has_the_grid_of_its_image(cohort: Cohort):
    case = cohort.cases[0]
    assert read_case_mask(cohort, case).grid == read_case_image(cohort, case).grid


def test_mask_on_another_grid_is_refused(cohort: Cohort, tmp_path: Path):
    case = replace(cohort.cases[0], masks={"expert": save(tmp_path / "wide.nii", 1, size=6)})
    with pytest.raises(GeometryError, match=r"t1\.nii' and its mask '.*wide\.nii' lie on diff"):
        read_case_mask(cohort, case)


def test_what_is_missing_is_named(cohort: Cohort):
    case = cohort.cases[0]
    with pytest.raises(CohortError, match="Case 'a' has no mask by 'carl': got anna, bob"):
        read_case_mask(cohort, case, "carl")
    with pytest.raises(CohortError, match="Case 'a' has no mask"):
        read_case_mask(cohort, replace(case, masks={}))
    with pytest.raises(CohortError, match="Case 'a' has no file for channel 't2'"):
        read_case_image(cohort, replace(case, images={"image": case.images["image"]}))


def test_each_channel_has_its_own_unit(make_series, tmp_path: Path):
    pixels = np.ones((3, 4, 4), np.int16)
    rescale = {"RescaleSlope": 1, "RescaleIntercept": -1000}
    ct = make_series(pixels, folder="ct", **rescale)
    mr = make_series(pixels, folder="mr", Modality="MR")
    channels = (Channel("image", "CT", "HU"), Channel("t2", "MR"))
    case = Case("a", "s", {"image": ct, "t2": mr})
    cohort = Cohort("toy", tmp_path, channels, LEGEND, (case,))
    assert read_case_image(cohort, case).array[:, 0, 0, 0].tolist() == [-999, 1]
    with pytest.raises(FileFormatError, match="cannot be given in Hounsfield units: got MR by its"):
        read_case_image(cohort, case, unit=("HU", "HU"))
