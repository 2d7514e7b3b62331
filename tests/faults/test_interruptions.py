"""A training that is interrupted or killed goes on with the same command."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from suffice.core import Cohort
from suffice.training.checkpoint import TrainingState, load_checkpoint

# The real command line with checkpoints more often than every half minute.
COMMAND = """
import sys
import suffice.training.pacing
from suffice.cli.main import main
suffice.training.pacing.CHECKPOINT_EVERY_S = 0.3
suffice.training.pacing.HISTORY_EVERY_S = 0.1
main()
"""
MINUTES = 0.2
PATIENCE_S = 200.0


def start(*arguments: object) -> subprocess.Popen[str]:
    # A shell starts what runs in its background deaf to Ctrl-C, and its children inherit that.
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def end_in_training(process: subprocess.Popen[str], checkpoint: Path, sent: signal.Signals) -> str:
    """Send a signal once a new checkpoint is there; return standard error."""
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    waited_from = time.monotonic()
    while not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() - waited_from < PATIENCE_S
        time.sleep(0.02)
    process.send_signal(sent)
    return process.communicate(timeout=PATIENCE_S)[1]


def state_in(checkpoint: Path) -> TrainingState:
    state = load_checkpoint(checkpoint)
    assert state is not None
    return state


def test_ctrl_c_and_kill_in_training(tiny_cohort: Cohort, tmp_path: Path) -> None:
    model = tmp_path / "model"
    checkpoint = tmp_path / "model.work" / "checkpoint.pt"
    command = ("train", tiny_cohort.root, "--out", model, "--minutes", MINUTES)

    process = start(*command)
    told = end_in_training(process, checkpoint, signal.SIGINT)
    assert process.returncode == 130
    assert told.splitlines()[-1] == "interrupted: give the same command again to go on."
    interrupted = state_in(checkpoint)
    assert not model.exists()

    process = start(*command)
    end_in_training(process, checkpoint, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    killed = state_in(checkpoint)
    assert killed.step > interrupted.step
    assert killed.history[: len(interrupted.history)] == interrupted.history
    assert not model.exists()

    process = start(*command)
    out, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, told
    assert out == f"{model}\n"
    with (model / "history.csv").open(encoding="utf-8", newline="") as handle:
        seconds = [float(row["seconds"]) for row in csv.DictReader(handle)]
    assert seconds[: len(killed.history)] == [row["seconds"] for row in killed.history]
    # It went on from there; how far is the clock's business, not the test's.
    assert seconds[-1] > killed.history[-1]["seconds"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
