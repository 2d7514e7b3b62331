"""Standard output carries data, standard error the rest."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from suffice.cli import console
from suffice.core import Progress


@dataclass
class Answer:
    path: Path
    scores: np.ndarray
    low: float


def test_json_holds_plain_values(capsys: pytest.CaptureFixture[str]) -> None:
    console.answer_json(Answer(Path("a/b"), np.array([1, 2]), float("nan")))
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"path": "a/b", "scores": [1, 2], "low": None}
    assert captured.err == ""


def test_a_table_is_aligned_and_leaves_unknown_numbers_empty(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console.answer_table(["label", "mean", "n"], [["lung", 0.98765, 3], ["rib", float("nan"), 1]])
    assert capsys.readouterr().out.splitlines() == [
        "label  mean   n",
        "lung   0.988  3",
        "rib           1",
    ]


def test_progress_is_a_few_lines_where_no_terminal_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with console.showing_progress() as listener:
        for i in range(101):
            listener(Progress("train", i / 100, minutes_left=1 - i / 100, values={"loss": 0.5}))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "train: 0%, 1.0 min left, loss 0.5",
        "train: 100%, 0.0 min left, loss 0.5",
    ]
