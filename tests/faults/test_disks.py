"""Disks that are full and folders that cannot be written: told, and nothing half-written."""

import contextlib
import shutil
from pathlib import Path

import pytest

from suffice.core import Cohort


def fill(folder: Path) -> None:
    with contextlib.suppress(OSError), (folder / "ballast").open("wb", buffering=0) as handle:
        while handle.write(bytes(512)):
            pass


def leftovers(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "ballast")
    return [path.name for path in files if path.stat().st_size]


@pytest.fixture
def source(tiny_cohort: Cohort, tmp_path: Path, command: str) -> Path:
    """A cohort, or for an import its folders of scans and masks alone."""
    if command != "import":
        return tiny_cohort.root
    for name in ("images", "masks"):
        shutil.copytree(tiny_cohort.root / name, tmp_path / "raw" / name)
    return tmp_path / "raw"


@pytest.mark.parametrize("command", ["train", "run", "import", "deidentify"])
def test_a_full_disk(source: Path, full_disk: Path, cli, command: str) -> None:
    fill(full_disk)
    minutes = [] if command in ("import", "deidentify") else ["--minutes", "0.05"]
    ended = cli(command, source, "--out", full_disk / "out", *minutes)
    assert ended.code == 1
    line = ended.err.splitlines()[-1]
    assert line.startswith("error: Cannot write")
    assert "No space left" in line and "Free some space" in line
    assert leftovers(full_disk) == []


@pytest.mark.parametrize("command", ["train", "run", "import", "deidentify"])
def test_a_folder_that_may_not_be_written(
    source: Path, read_only_folder: Path, cli, command: str
) -> None:
    minutes = [] if command in ("import", "deidentify") else ["--minutes", "0.05"]
    ended = cli(command, source, "--out", read_only_folder / "out", *minutes)
    assert ended.code == 1
    line = ended.err.splitlines()[-1]
    assert line.startswith("error: Cannot write")
    assert "choose a folder that you may write to" in line


def test_a_place_below_a_file(tiny_cohort: Cohort, tmp_path: Path, cli) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    out = tmp_path / "file" / "model"
    ended = cli("train", tiny_cohort.root, "--out", out, "--minutes", "0.05")
    assert ended.code == 1
    assert "Cannot write" in ended.err.splitlines()[-1]
