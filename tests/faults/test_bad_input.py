"""Bad input: one line that names the file or option and the cure."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from suffice.core import Cohort
from suffice.io import write_cohort


@dataclass
class Fault:
    """How a file of a case is broken, and the words that must tell it."""

    spoil: Callable[[Path, Path], None]
    words: tuple[str, ...]


def truncate(image: Path, mask: Path) -> None:
    image.write_bytes(image.read_bytes()[:2000])


def write_prose(image: Path, mask: Path) -> None:
    image.write_text("This is not a scan.", encoding="utf-8")


def shift_mask(image: Path, mask: Path) -> None:
    drawn = nib.load(mask)
    affine = drawn.affine.copy()
    affine[0, 3] += 7
    nib.save(nib.Nifti1Image(np.asarray(drawn.dataobj), affine), mask)


def put_nan(image: Path, mask: Path) -> None:
    scan = nib.load(image)
    array = np.asarray(scan.dataobj).copy()
    array[3, 3, 3] = np.nan
    nib.save(nib.Nifti1Image(array, scan.affine), image)


def add_label(image: Path, mask: Path) -> None:
    drawn = nib.load(mask)
    array = np.asarray(drawn.dataobj).copy()
    array[0, 0, 0] = 9
    nib.save(nib.Nifti1Image(array, drawn.affine), mask)


FAULTS = {
    "truncated": Fault(truncate, ("images/case2.nii.gz",)),
    "text": Fault(write_prose, ("images/case2.nii.gz",)),
    "other grid": Fault(shift_mask, ("masks/case2.nii.gz", "different grids", "Resample")),
    "NaN": Fault(put_nan, ("images/case2.nii.gz", "1 ")),
    "label": Fault(add_label, ("masks/case2.nii.gz", "got [9]", "cohort.toml")),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_broken_file_stops_a_training_with_its_name(
    fault: Fault, broken: Cohort, tmp_path: Path, cli
) -> None:
    case = broken.cases[2]
    fault.spoil(case.images["image"], case.masks["expert"])
    ended = cli("train", broken.root, "--out", tmp_path / "model", "--minutes", "0.05")
    assert ended.code == 1
    assert ended.out == ""
    line = ended.err.splitlines()[-1]
    assert line.startswith("error: ")
    assert "unexpected" not in line and line.endswith(".")
    assert all(word in line for word in fault.words)
    assert not (tmp_path / "model").exists()
    # A check names the same case as an error, and goes on to the others.
    ended = cli("check", broken.root)
    assert ended.code == 1
    errors = [line for line in ended.out.splitlines() if line.startswith("error")]
    assert len(errors) == 1
    assert "case2" in errors[0]


def test_a_cohort_of_one_subject_cannot_be_scored(broken: Cohort, tmp_path: Path, cli) -> None:
    alone = broken.subset(["case0", "case7"])
    write_cohort(alone, broken.root, overwrite=True)
    ended = cli("run", broken.root, "--out", tmp_path / "study", "--minutes", "0.05")
    assert ended.code == 1
    assert ended.err.splitlines()[-1] == (
        "error: Cohort 'tiny' cannot be split by subject: got 1 labelled subject, expected at "
        "least 2. Draw masks for another subject; files of one subject never test each other."
    )


@pytest.mark.parametrize("command", ["train", "run", "plan"])
def test_zero_minutes(broken: Cohort, tmp_path: Path, cli, command: str) -> None:
    out = [] if command == "plan" else ["--out", tmp_path / "out"]
    ended = cli(command, broken.root, "--minutes", "0", *out)
    assert ended.code == 1
    assert ended.err == (
        "error: A budget must be a positive number of minutes: got 0.0. Give --minutes 10, or "
        "less for a quick look.\n"
    )
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_cohort(tmp_path: Path, cli) -> None:
    ended = cli("train", tmp_path, "--out", tmp_path / "model", "--minutes", "1")
    assert ended.code == 1
    assert "is not a cohort" in ended.err and "suffice import" in ended.err
    assert ended.err.count("\n") == 1


def test_a_folder_that_is_no_model(tiny_cohort: Cohort, tmp_path: Path, cli) -> None:
    ended = cli("predict", tmp_path, tiny_cohort.root, "--out", tmp_path / "masks")
    assert ended.code == 1
    assert ended.err.startswith("error: ") and ended.err.count("\n") == 1
    assert not (tmp_path / "masks").exists()


def test_wrong_usage_is_told_apart(tmp_path: Path, cli) -> None:
    assert cli("train", tmp_path).code == 2
    assert cli("segment", tmp_path).code == 2
    assert cli("train", tmp_path, "--out", tmp_path / "m", "--minutes", "soon").code == 2
