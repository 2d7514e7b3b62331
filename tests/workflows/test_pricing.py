"""Prices as people give them: a log of annotation, rates, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from suffice.core import FileFormatError, UsageError
from suffice.workflows.annotation_log import read_annotation_log
from suffice.workflows.pricing import UNPRICED, read_prices


def log(tmp_path: Path, text: str) -> Path:
    place = tmp_path / "log.csv"
    place.write_text(text, encoding="utf-8")
    return place


def test_sittings_of_a_case_are_added_in_the_order_of_their_start(tmp_path: Path) -> None:
    text = (
        "case,start,end,who\n"
        "b,2026-05-05 09:00,2026-05-05 09:30,anna\n"
        "a,2026-05-04T09:30,2026-05-04T10:15,anna\n"
        "c,2026-05-05T23:50+02:00,2026-05-06T00:10+02:00,ben\n"
        "a,2026-05-06 08:00:00,2026-05-06 08:05:30,anna\n"
    )
    assert read_annotation_log(log(tmp_path, text)) == (50.5, 30.0, 20.0)


def test_minutes_may_be_logged_themselves(tmp_path: Path) -> None:
    text = "case,minutes\n007,12\nNA, 30.5 \n007,3\n"
    assert read_annotation_log(log(tmp_path, text)) == (15.0, 30.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("case\na\n", "not a table of times of annotation"),
        ("case,start\na,2026-05-04\n", "not a table of times of annotation"),
        ("case,minutes\na,5\nb,long\n", "cannot be read: got line 3, minutes 'long'"),
        ("case,minutes\na,5\nb,-2\n", "took no time: got line 3, -2 minutes"),
        (
            "case,start,end\na,2026-05-04 09:00,yesterday\n",
            "cannot be read: got line 2, end 'yesterday'",
        ),
        (
            "case,start,end\na,2026-05-05 09:00,2026-05-05 09:10\n"
            "b,2026-05-04 09:10,2026-05-04 09:00\n",
            "took no time: got line 3, -10 minutes",
        ),
    ],
)
def test_logs_that_cannot_be_read_are_refused_by_line(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(FileFormatError, match=words):
        read_annotation_log(log(tmp_path, text))


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"nowhere\.csv"):
        read_annotation_log(tmp_path / "nowhere.csv")


def test_what_is_known_becomes_plain_values(tmp_path: Path) -> None:
    place = log(tmp_path, "case,minutes\na,40\nb,50\nc,45\n")
    found = read_prices(annotation_log=place, rate_expert=80, currency="GBP", value_a_point=50)
    assert found.time is not None and found.time.median == 45
    written = json.loads(json.dumps(found.to_json()))
    assert (written["rate_expert"], written["rate_compute"]) == (80, 0)
    assert written["minutes_a_case"]["n_cases"] == 3
    assert read_prices() == UNPRICED


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"minutes_a_case": 4, "annotation_log": Path("x")}, "not both"),
        ({"rate_expert": 80}, "nobody knows how many a case takes"),
        ({"minutes_a_case": 4, "rate_compute": 2}, "but not one of drawing"),
        ({"minutes_a_case": 4, "value_a_point": 3}, "an hour of drawing has a price"),
        ({"minutes_a_case": 0}, "more than 0 minutes"),
        ({"n_next": 0}, "1 or more"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_prices(**given)
