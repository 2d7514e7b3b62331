"""`suffice enough` as a person calls it, on tiny balls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from suffice.cli.main import app
from suffice.core import Cohort
from suffice.study import engine
from suffice.study.engine import Engine, LocalEngine


@pytest.mark.slow
def test_enough_answers_in_words_and_values(
    tiny_cohort: Cohort,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def here(name: str, **options: object) -> Engine:
        assert name == "local" and options["workers"] == 2
        return LocalEngine(0)

    monkeypatch.setattr(engine, "engine_named", here)
    command = ["enough", str(tiny_cohort.root), "--target", "dice=0.99", "--target", "ball:nsd=0.5"]
    command += ["--minutes", "30", "--rungs", "threshold", "--draws", "2", "--workers", "2"]
    command += ["--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as ended:
        app(command)
    words = capsys.readouterr().out
    assert not ended.value.code
    assert "Dice 0.99 with threshold takes " in words
    assert "NSD 0.5 of ball with threshold takes " in words
    assert "6 labelled cases; 8 trainings" in words
    assert "Dice with threshold: " in words and "6 more cases are expected to bring" in words
    assert "minutes to draw" not in words
    # What is known of prices adds to the answer, and trains nothing again.
    log = tmp_path / "log.csv"
    log.write_text("case,minutes\na,40\nb,50\nc,60\n", encoding="utf-8")
    priced = ["--annotation-log", str(log), "--rate-expert", "80", "--currency", "CHF"]
    with pytest.raises(SystemExit):
        app([*command, *priced])
    words = capsys.readouterr().out
    assert "A case takes 50 minutes to draw (median of 3 in the log" in words
    assert "hours of drawing" in words and " CHF" in words and "; 8 trainings" in words
    with pytest.raises(SystemExit):
        app([*command, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["given"] == 6 and found["n_trainings"] == 8
    assert found == json.loads((tmp_path / "out" / "forecast.json").read_text())


def test_ways_without_what_they_need_are_named_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["enough", str(tmp_path / "nowhere"), "--target", "dice=0.9", "--minutes", "30"]
    with pytest.raises(SystemExit) as ended:
        app([*command, "--out", str(tmp_path / "out"), "--ways", "transfer"])
    assert ended.value.code
    assert "A transfer starts from trained weights" in capsys.readouterr().err
