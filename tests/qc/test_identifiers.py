"""A warning where a cohort still says whose its scans are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np

from suffice.core import Case, Cohort
from suffice.phantoms.identified import CT, Person, identified_slice
from suffice.qc.identifiers import identifiers
from suffice.workflows.deidentifying import deidentify


def test_a_cohort_without_names_raises_no_warning(tiny_cohort: Cohort) -> None:
    assert list(identifiers(tiny_cohort)) == []


def test_what_names_someone_is_told_by_kind_and_case(tmp_path: Path, tiny_cohort: Cohort) -> None:
    named = tmp_path / "MILLER^ANN_20230415.nii.gz"
    image = nib.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.eye(4))
    image.header["descrip"] = b"TE=2;DATE=20230415"
    nib.save(image, named)
    case = Case("odd", "12345678", {"image": named})
    cohort = replace(tiny_cohort, cases=(*tiny_cohort.cases, case))
    found = list(identifiers(cohort))
    assert {f.cases for f in found} == {("odd",)}
    assert {f.message for f in found} == {
        "1 cases seem to hold a date in descrip",
        "1 cases seem to hold a date in the name of the file",
        "1 cases seem to hold a name in the name of the file",
        "1 cases seem to hold a long number in the name",
    }
    assert not any("MILLER" in f.message or "2023" in f.message for f in found)


def test_a_series_warns_until_it_is_deidentified(tmp_path: Path, tiny_cohort: Cohort) -> None:
    source = tmp_path / "src" / "series"
    source.mkdir(parents=True)
    made = identified_slice(Person(0), visit=0, index=0, sop_class=CT)
    made.dataset.save_as(source / "IM0001.dcm", enforce_file_format=True)
    before = replace(tiny_cohort, cases=(Case("a", "a", {"image": source}),))
    assert "1 cases seem to hold PatientName" in [f.message for f in identifiers(before)]
    report = deidentify(tmp_path / "src", tmp_path / "out")
    after = replace(tiny_cohort, cases=(Case("a", "a", {"image": report.folder / "series"}),))
    assert list(identifiers(after)) == []
