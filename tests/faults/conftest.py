"""Faults of disks and folders, made in earnest where the machine allows it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest

from suffice.cli.main import app
from suffice.core import Cohort
from suffice.io import read_cohort


class Ended(NamedTuple):
    """How a command ended: its status, standard output and standard error."""

    code: int
    out: str
    err: str


class Cli(Protocol):
    def __call__(self, *arguments: object) -> Ended: ...


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command of the command line in this process."""

    def run(*arguments: object) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            app([str(argument) for argument in arguments])
        code = ended.value.code
        captured = capsys.readouterr()
        return Ended(code if isinstance(code, int) else int(bool(code)), captured.out, captured.err)

    return run


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB that is already full but for a few."""
    yield from _mounted(tmp_path / "full", "size=64k")


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody may write to, root included."""
    if os.geteuid() != 0:
        folder = tmp_path / "read-only"
        folder.mkdir(mode=0o555)
        yield folder
    else:
        yield from _mounted(tmp_path / "read-only", "ro,size=64k")


def _mounted(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def broken(tiny_cohort: Cohort, tmp_path: Path) -> Cohort:
    """A copy of the tiny cohort whose files a test may break."""
    folder = tmp_path / "cohort"
    shutil.copytree(tiny_cohort.root, folder)
    return read_cohort(folder)
