"""How the page says that scored cases were kept apart, and what no mean takes in."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from suffice.metrics import METRICS
from suffice.report import write_report
from suffice.report.folder import Study, read_study
from suffice.report.raters import rater_rows
from suffice.report.scoring import NoMeanRow, no_mean_rows, score_rows, validation_sentences
from suffice.report.words import METRICS as WORDS
from suffice.segmenters import RUNGS
from suffice.segmenters.pooled_unet import POOLED


@pytest.mark.parametrize(
    ("folds", "words"),
    [
        (("0", "", "0", ""), "2 subjects were held out first"),
        (("0", "1", "0", "1"), "divided into 2 parts"),
    ],
)
def test_how_the_score_was_made_is_said(folds: tuple[str, ...], words: str) -> None:
    subjects = ["s1", "s2", "s3", "s4"]
    splits = pd.DataFrame(
        {"case": subjects, "subject": subjects, "part": "train", "fold": list(folds)}
    )
    study = Study(None, None, splits, None, None, None, None, ())
    assert words in " ".join(validation_sentences(study))


def test_that_scans_without_masks_were_learned_from_is_said() -> None:
    subjects = ["s1", "s2"]
    splits = pd.DataFrame(
        {"case": subjects, "subject": subjects, "part": ["train", "unlabelled"], "fold": ""}
    )
    # Those of the code that teaches, which a report does not import.
    rungs = {kind.rung: kind in POOLED for kind in RUNGS.values()}
    assert sum(rungs.values()) == len(POOLED) == 3
    for rung, is_said in rungs.items():
        config = {"rung": rung, "settings": {"unlabelled": "mean-teacher"}}
        study = Study(None, config, splits, None, None, None, None, ())
        assert ("mean-teacher" in " ".join(validation_sentences(study))) == is_said


def test_every_metric_has_its_words() -> None:
    known = {metric.name: metric.better for metric in METRICS.values()}
    assert {name: WORDS[name].better for name in known} == known
    assert all(WORDS[name].meaning for name in known)


def test_what_no_mean_takes_in_is_named_case_by_case(make_study) -> None:
    folder = make_study()
    (row,) = no_mean_rows(read_study(folder))
    assert row == NoMeanRow("posterior", "drawn, not predicted", "HD95 (mm)", "case-11", 1)
    page = write_report(folder).read_text(encoding="utf-8")
    assert "<td>drawn, not predicted</td><td>HD95 (mm)</td>" in page


def test_many_cases_are_counted_and_the_first_ones_named() -> None:
    cases = [f"c{i:02d}" for i in range(25)]
    rows = [(c, c, "cell", "hd95_px", float("inf"), "", "") for c in cases]
    names = ["case", "subject", "label", "metric", "value", "rung", "fold"]
    study = Study(None, None, None, pd.DataFrame(rows, columns=names), None, None, None, ())
    (row,) = no_mean_rows(study)
    assert row.n_cases == 25
    assert row.cases.endswith("c19 and 5 more")


def test_people_stand_beside_the_model(tmp_path: Path) -> None:
    ceiling = pd.DataFrame(
        {
            "rater": ["all", "anna", "ben"],
            "label": ["cell"] * 3,
            "metric": ["dice"] * 3,
            "mean": [0.9, 0.95, 0.85],
            "low": [0.88, 0.9, 0.8],
            "high": [0.92, 0.97, 0.9],
            "n_cases": [7, 7, 6],
        }
    )
    summary = ceiling.iloc[:1].assign(rung="unet", n_subjects=7, n_undefined=0, median=0.9)
    study = Study(tmp_path, None, None, None, summary, None, None, (), ceiling=ceiling)
    (row,) = score_rows(study)
    assert row.people == "0.900 (0.880 to 0.920)"
    assert [(r.rater, r.values, r.n_cases) for r in rater_rows(study)] == [
        ("anna", ("0.950",), "7"),
        ("ben", ("0.850",), "6"),
    ]
    assert rater_rows(replace(study, ceiling=None)) == []
