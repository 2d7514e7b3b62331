"""A de-identification that is killed goes on, and leaves nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pydicom

from suffice.phantoms.identified import Person, identified_slice

COMMAND = "from suffice.cli.main import main; main()"
N_FILES, PATIENCE_S = 20, 200.0


def start(source: Path, out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "deidentify", str(source), "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_killed_in_the_middle_the_same_command_goes_on(tmp_path: Path) -> None:
    source, out = tmp_path / "src", tmp_path / "out"
    source.mkdir()
    for index in range(N_FILES):
        made = identified_slice(Person(0), visit=0, index=index)
        made.dataset.save_as(source / f"IM{index:04d}.dcm", enforce_file_format=True)
    process = start(source, out)
    waited = time.monotonic()
    while len(list(out.glob("*.dcm"))) < 3 and process.poll() is None:
        assert time.monotonic() - waited < PATIENCE_S
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=PATIENCE_S)
    (out / ".partial-12345678.1-IM0009.dcm").write_bytes(b"half")
    for path in out.glob("*.dcm"):
        if not path.name.startswith(".partial"):
            assert pydicom.dcmread(path).PatientIdentityRemoved == "YES"
    again = start(source, out)
    _, errors = again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0, errors
    assert len(list(out.glob("*.dcm"))) == N_FILES
    assert [path.name for path in out.rglob(".*")] == []
