from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from suffice.report.folder import Study
from suffice.report.headline import make_headline
from suffice.study import Caution


def _study(*rows, rung="unet"):
    columns = ["rung", "label", "metric", "mean", "low", "high", "level", "n_subjects"]
    summary = pd.DataFrame([(rung, *row) for row in rows], columns=columns)
    return Study(None, None, None, None, summary, None, None, ())


def test_mean_over_structures_is_the_headline():
    study = _study(
        ("anterior", "dice", 0.85, 0.8, 0.9, 0.95, 20),
        ("mean", "dice", 0.83, 0.81, 0.846, 0.95, 20),
    )
    headline = make_headline(study)
    assert headline.sentence == (
        "Dice 0.83 (95 % interval 0.81 to 0.85) on 20 subjects that the model never saw"
    )
    assert headline.cautions == ()


def test_structures_are_listed_where_no_mean_is_given():
    study = _study(
        ("lung", "dice", 0.95, 0.94, 0.96, 0.9, 15), ("airway", "dice", 0.7, 0.66, 0.74, 0.9, 15)
    )
    assert make_headline(study).sentence == (
        "Dice on 15 subjects that the model never saw: lung 0.95 (90 % interval 0.94 to 0.96)"
        " and airway 0.70 (90 % interval 0.66 to 0.74)"
    )


@pytest.mark.parametrize(
    ("row", "caution"),
    [
        ((0.83, 0.81, 0.85, 0.95, 4), "Only 4 subjects"),
        ((0.83, 0.70, 0.90, 0.95, 40), "0.20 wide"),
        ((0.31, 0.30, 0.33, 0.95, 40), "below 0.5 is poor"),
    ],
)
def test_what_the_score_cannot_carry_is_said(row, caution):
    (found,) = make_headline(_study(("mean", "dice", *row))).cautions
    assert caution in found


def test_copies_under_several_subjects_come_first():
    study = _study(("mean", "dice", 0.83, 0.81, 0.85, 0.95, 4))
    copies = Caution("near-duplicate", ("a", "b", "c", "d"), "They are alike", "Look at them.")
    first, second = make_headline(replace(study, cautions=(copies, copies))).cautions
    assert first.startswith("2 groups of scans with masks look like copies")
    assert "“a”, “b” and “c”" in first
    assert second.startswith("Only 4 subjects")


def test_one_subject_has_no_interval():
    headline = make_headline(_study(("mean", "dice", 0.8, np.nan, np.nan, 0.95, 1)))
    assert headline.sentence == "Dice 0.80 (no interval) on 1 subject that the model never saw"


def test_without_dice_there_is_no_headline():
    assert make_headline(_study(("mean", "dice", np.nan, np.nan, np.nan, 0.95, 0))) is None
    assert make_headline(_study(("mean", "nsd", 0.9, 0.8, 0.95, 0.95, 9))) is None
