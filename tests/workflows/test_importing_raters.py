"""Masks of several raters, as they are published: polarity, crops, and nothing drawn."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from suffice.io import read_case_image
from suffice.qc import check_cohort
from suffice.workflows.importing import import_cohort

REAL_DATA = Path(__file__).parents[3] / "shared" / "data"


def real(name: str) -> Path:
    path = REAL_DATA / name
    if not path.exists():
        pytest.skip(f"real data '{name}' is not on this machine")
    return path


def picture(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(array.astype(np.uint8)).save(path)


def _two_raters(folder: Path) -> Path:
    """Two images; ben sees nothing in the second and draws a crop of the first."""
    cell = np.zeros((12, 16))
    cell[3:8, 4:9] = 255
    for name in ("a", "b"):
        picture(folder / "raw" / f"{name}.png", np.arange(192).reshape(12, 16))
        picture(folder / "anna" / f"{name}.png", 255 - cell)
    picture(folder / "ben" / "a.png", (255 - cell)[:9, :10])
    picture(folder / "ben" / "b.png", np.full((12, 16), 255))
    return folder


PATTERNS = {
    "pattern": "raw/{case}.png",
    "mask_pattern": ["anna=anna/{case}.png", "ben=ben/{case}.png"],
}


def test_polarity_empty_raters_and_crops_are_said(tmp_path: Path) -> None:
    source = _two_raters(tmp_path / "data")
    report = import_cohort(source, tmp_path / "as-is", **PATTERNS)
    told = " ".join(report.notes)
    assert "3 masks by anna, ben mark most of their border" in told and "--invert-masks" in told
    assert any(f.kind == "inverted-mask" for f in check_cohort(report.cohort))
    report = import_cohort(source, tmp_path / "turned", invert_masks=True, **PATTERNS)
    told = " ".join(report.notes)
    assert "border" not in told
    assert "1 of 2 masks of cases with several raters are empty, e.g. by 'ben' of 'b'" in told
    assert [list(case.masks) for case in report.cohort.cases] == [["anna"], ["anna", "ben"]]
    reasons = {item.path.as_posix(): item.reason for item in report.left_out}
    assert "'a.png' is smaller than 'a.png': got 9x10 pixels" in reasons["ben/a.png"]
    assert not any(f.kind == "inverted-mask" for f in check_cohort(report.cohort))


def test_raters_of_whom_nothing_fits_are_named(tmp_path: Path) -> None:
    source = _two_raters(tmp_path / "data")
    picture(source / "ben" / "b.png", np.zeros((5, 5)))
    report = import_cohort(source, tmp_path / "cohort", **PATTERNS)
    assert "No mask could be taken of the raters ben: see left_out" in report.notes


def test_ten_raters_of_cells(tmp_path: Path) -> None:
    report = import_cohort(
        real("cells_10_raters"),
        tmp_path / "cohort",
        pattern="RawImages/{case}2.png",
        mask_pattern=[
            "CrowdsourcedAnnotations/{rater}/*_{case}2.png",
            "gold=GoldStandard/*_{case}2.png",
        ],
        invert_masks=True,
    )
    assert len(report.cohort) == 4 and report.cohort.raters == ("gold",)
    crops = [item for item in report.left_out if "It may be a crop" in item.reason]
    assert len(crops) == len(report.left_out) == 7 * 4
    assert any("mturk_annotation1-1" in note and "left_out" in note for note in report.notes)


def test_nodules_by_four_raters_as_volumes(tmp_path: Path) -> None:
    report = import_cohort(
        real("lidc_nodules"),
        tmp_path / "cohort",
        pattern="{subject}4/{nodule}/images/slice-{z}.png",
        mask_pattern="{subject}4/{nodule}/mask-{rater}/slice-{z}.png",
    )
    cohort = report.cohort
    assert cohort.raters == ("0", "1", "2", "3") and len(cohort) >= len(cohort.subjects) > 1
    assert all(len(case.masks) == 4 for case in cohort.cases)
    assert any("drew nothing" in note for note in report.notes)
    assert any("--voxel-size" in note for note in report.notes)
    assert read_case_image(cohort, cohort.cases[0]).grid.ndim == 3
