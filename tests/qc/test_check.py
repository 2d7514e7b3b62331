from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from suffice.core import Case, Channel, Cohort, Legend, Progress, UsageError
from suffice.io import write_cohort
from suffice.qc import Finding, check_cohort
from suffice.workflows.checking import check


def test_a_sound_cohort_has_no_findings(tiny_cohort: Cohort) -> None:
    told: list[Progress] = []
    findings = check_cohort(tiny_cohort, listener=told.append)
    assert [f for f in findings if f.severity != "note"] == []
    assert told[0].note == "case0" and told[-1].fraction == 1.0


def _volume(folder: Path, name: str, array: np.ndarray, spacing: float = 1.0) -> Path:
    path = folder / f"{name}.nii.gz"
    nib.save(nib.Nifti1Image(array, np.diag([spacing, 1, 1, 1])), path)
    return path


def _volumes(folder: Path, channel: Channel | None = None, n: int = 7) -> Cohort:
    rng = np.random.default_rng(0)
    cases = []
    for i in range(n):
        scan = rng.normal(100, 20, (12, 12, 12)).astype(np.float32)
        cases.append(Case(f"c{i}", f"s{i}", {"image": _volume(folder, f"c{i}", scan)}))
    legend = Legend.from_names({1: "lung"})
    return Cohort("volumes", folder, (channel or Channel(),), legend, tuple(cases))


def test_broken_files_are_findings_and_never_raise(tmp_path: Path, of_kind) -> None:  # type: ignore[no-untyped-def]
    cohort = _volumes(tmp_path)
    (tmp_path / "c0.nii.gz").write_bytes((tmp_path / "c0.nii.gz").read_bytes()[:500])
    (tmp_path / "c1.nii.gz").write_text("not a scan")
    (tmp_path / "c2.nii.gz").unlink()
    holed = np.random.default_rng(1).normal(100, 20, (12, 12, 12)).astype(np.float32)
    holed[3, 4, 5] = np.nan
    _volume(tmp_path, "c3", holed)
    _volume(tmp_path, "c4", np.full((12, 12, 12), 5, np.int16))
    findings = check_cohort(cohort)
    kinds = {(f.kind, f.cases[0]) for f in findings if f.severity == "error"}
    assert kinds == {
        ("unreadable", "c0"),
        ("unreadable", "c1"),
        ("missing-file", "c2"),
        ("nan-voxels", "c3"),
        ("constant-image", "c4"),
    }
    assert "1 voxels" in of_kind(findings, "nan-voxels")[0].message
    assert all(f.message and f.cure for f in findings)


def test_masks_on_other_grids_and_foreign_labels_are_named(tmp_path: Path, of_kind) -> None:  # type: ignore[no-untyped-def]
    cohort = _volumes(tmp_path, n=4)
    mask = np.zeros((12, 12, 12), np.uint8)
    mask[4:8, 4:8, 4:8] = 1
    paths = [
        _volume(tmp_path, "good", mask),
        _volume(tmp_path, "shifted", mask, spacing=1.5),
        _volume(tmp_path, "foreign", mask * 3),
        tmp_path / "absent.nii.gz",
    ]
    cases = [replace(c, masks={"expert": p}) for c, p in zip(cohort.cases, paths, strict=True)]
    findings = check_cohort(replace(cohort, cases=tuple(cases)))
    assert of_kind(findings, "grid-mismatch")[0].cases == ("c1",)
    assert "1.5x1x1" in of_kind(findings, "grid-mismatch")[0].message
    assert of_kind(findings, "label-outside-legend")[0].cases == ("c2",)
    assert of_kind(findings, "missing-file")[0].cases == ("c3",)


def test_scans_unlike_the_rest_stand_out(tmp_path: Path, of_kind) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(5)
    hu = Channel(modality="CT", unit="HU")
    cohort = _volumes(tmp_path, hu, n=9)
    _volume(tmp_path, "c0", rng.normal(1124, 20, (12, 12, 12)).astype(np.float32))
    _volume(tmp_path, "c1", rng.normal(100, 20, (12, 12, 12)).astype(np.float32), spacing=9.0)
    _volume(tmp_path, "c2", rng.normal(100, 20, (12, 12, 99)).astype(np.float32))
    findings = check_cohort(cohort)
    assert of_kind(findings, "intensity-outlier")[0].cases == ("c0",)
    assert of_kind(findings, "intensity-outlier")[0].severity == "warning"
    assert of_kind(findings, "spacing-outlier")[0].cases == ("c1",)
    assert of_kind(findings, "size-outlier")[0].cases == ("c1", "c2")
    arbitrary = replace(cohort, channels=(Channel(),))
    _volume(tmp_path, "c0", rng.normal(1e5, 2e4, (12, 12, 12)).astype(np.float32))
    assert of_kind(check_cohort(arbitrary), "intensity-outlier")[0].severity == "note"


def test_a_ct_without_anything_darker_than_water_is_doubted(tmp_path: Path, of_kind) -> None:  # type: ignore[no-untyped-def]
    cohort = _volumes(tmp_path, Channel(modality="CT", unit="HU"), n=5)
    rng = np.random.default_rng(6)
    for i in range(5):
        _volume(tmp_path, f"c{i}", rng.integers(0, 255, (12, 12, 12)).astype(np.float32))
    (found,) = of_kind(check_cohort(cohort), "not-hounsfield")
    assert found.cases == cohort.names and "cohort.toml" in found.cure
    _volume(tmp_path, "c0", rng.integers(-1000, 255, (12, 12, 12)).astype(np.float32))
    assert not of_kind(check_cohort(cohort), "not-hounsfield")


def test_one_mistake_in_every_file_is_told_once(tmp_path: Path, of_kind) -> None:  # type: ignore[no-untyped-def]
    cohort = _volumes(tmp_path)
    for case in cohort.cases:
        case.images["image"].unlink()
    findings = of_kind(check_cohort(cohort), "missing-file")
    assert len(findings) == 1
    assert findings[0].cases == cohort.names and "6 more" in findings[0].message


def test_report_counts_and_becomes_plain_values(tmp_path: Path) -> None:
    cohort = _volumes(tmp_path, n=3)
    write_cohort(cohort, tmp_path)
    (tmp_path / "c2.nii.gz").unlink()
    report = check(tmp_path)
    assert (report.n_cases, report.n_subjects, report.n_labelled) == (3, 3, 0)
    assert report.count("error") == 1 and not report.is_clean
    assert report.to_dict()["findings"][0]["kind"] == "missing-file"


def test_a_finding_is_of_a_known_kind() -> None:
    with pytest.raises(UsageError, match="Unknown kind"):
        Finding(kind="odd", severity="note", cases=(), message="m", cure="c")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="Unknown severity"):
        Finding(kind="empty-mask", severity="x", cases=(), message="m", cure="c")  # type: ignore[arg-type]
