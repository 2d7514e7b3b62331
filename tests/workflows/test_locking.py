"""One run at a time in a folder, and no lock that outlives its process."""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from suffice.core import Cohort, StorageError
from suffice.workflows.locking import LOCK, SILENT_FOR_S, alone_in
from suffice.workflows.running import run
from suffice.workflows.training import train


def write_lock(folder: Path, **holder: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / LOCK).write_text(json.dumps(holder), encoding="utf-8")
    return folder / LOCK


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        alone_in(tmp_path),
        pytest.raises(StorageError, match=f"process {os.getpid()} on"),
        alone_in(tmp_path),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_neither_trainings_nor_studies_share_one(
    tiny_cohort: Cohort, tmp_path: Path, fakes
) -> None:
    options = {"minutes": 1, "rungs": fakes.rungs}
    with alone_in(tmp_path / "m.work"), pytest.raises(StorageError, match="Another run is at work"):
        train(tiny_cohort, tmp_path / "m", **options)
    with alone_in(tmp_path / "s"), pytest.raises(StorageError, match="Another run is at work"):
        run(tiny_cohort, tmp_path / "s", **options, load=fakes.load)
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from suffice.workflows.locking import alone_in\n"
        "with alone_in(Path(sys.argv[1])): os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "work")], check=False)
    assert (tmp_path / "work" / LOCK).exists()
    with alone_in(tmp_path / "work"):
        pass


def test_a_number_that_another_process_has_now_is_no_holder(tmp_path: Path) -> None:
    begun = psutil.Process().create_time() - 60
    write_lock(tmp_path / "a", machine=platform.node(), pid=os.getpid(), started=begun)
    with alone_in(tmp_path / "a"):
        pass


def test_another_machine_holds_it_while_it_is_heard(tmp_path: Path) -> None:
    lock = write_lock(tmp_path / "a", machine="elsewhere", pid=7, started=0.0)
    with (
        pytest.raises(StorageError, match=r"process 7 on elsewhere.*delete"),
        alone_in(lock.parent),
    ):
        pass
    long_ago = time.time() - SILENT_FOR_S - 60
    os.utime(lock, (long_ago, long_ago))
    with alone_in(lock.parent):
        assert json.loads(lock.read_text(encoding="utf-8"))["pid"] == os.getpid()


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match="is no folder"), alone_in(tmp_path / "a"):
        pass
