from pathlib import Path

import pytest

from suffice.core import Progress, StorageError, UsageError
from suffice.io import read_case_image, read_case_mask, read_cohort
from suffice.spirometry import read_spirometry
from suffice.workflows.demo import write_demo_cohort


def test_demo_cohort_is_whole_and_half_labelled(tmp_path: Path) -> None:
    told: list[Progress] = []
    folder = tmp_path / "demo"
    coarse = ((9.0, 9.0, 10.0), (10.0, 10.0, 10.0))
    cohort = write_demo_cohort(folder, n_subjects=4, spacings_mm=coarse, listener=told.append)
    assert [p.name for p in tmp_path.iterdir()] == ["demo"]
    assert read_cohort(folder).names == cohort.names
    assert len(cohort) == 8 and len(cohort.subjects) == 4
    assert {case.subject for case in cohort.labelled().cases} == {"S01", "S02"}
    assert told[-1].fraction == 1.0
    first = cohort.cases[0]
    assert first.date < cohort.cases[1].date
    image, mask = read_case_image(cohort, first), read_case_mask(cohort, first)
    assert (image.modality, image.unit) == ("CT", "HU")
    assert image.grid.matches(mask.grid) and set(range(3)) == set(mask.array.ravel().tolist())
    lungs = [
        (read_case_mask(cohort, c).array > 0).sum() * read_case_mask(cohort, c).grid.voxel_volume_ml
        for c in cohort.cases[:4]
    ]
    # The first person keeps the lungs, the second loses some, and FVC follows.
    assert abs(lungs[1] / lungs[0] - 1) < 0.06 and lungs[3] / lungs[2] < 0.95
    tests = read_spirometry(folder / "spirometry.csv").tests
    assert tests["subject"].tolist() == [case.subject for case in cohort.cases]
    fvc = tests["fvc_l"].tolist()
    assert fvc[3] / fvc[2] < 0.97 and max(fvc) < max(lungs) / 1000
    with pytest.raises(StorageError, match="exists already"):
        write_demo_cohort(folder)


def test_one_subject_is_no_cohort(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2 subjects"):
        write_demo_cohort(tmp_path / "x", n_subjects=1)
