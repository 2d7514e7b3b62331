"""Differences in words."""

from __future__ import annotations

import math

import numpy as np
import pytest

from suffice.report.comparison import (
    amount,
    difference_sentence,
    p_words,
    ranking_sentence,
    width_sentence,
)
from suffice.study import Paired, rank_methods

ROW = {
    "a": "A",
    "b": "B",
    "label": "mean",
    "metric": "dice",
    "difference": 0.021,
    "low": 0.01,
    "high": 0.033,
    "effect": 0.8,
    "n_subjects": 20,
    "n_better": 15,
    "n_equal": 0,
    "n_worse": 5,
    "n_undefined": 0,
    "test": "permutation",
    "p_holm": 0.003,
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {},
            "'A' is better than 'B' by 2.1 points of Dice (1.0 to 3.3), p = 0.003 after Holm; with "
            "20 subjects.",
        ),
        (
            {"difference": -0.021, "low": -0.033, "high": -0.01, "effect": -0.8},
            "'B' is better than 'A' by 2.1 points of Dice (1.0 to 3.3), p = 0.003 after Holm; with "
            "20 subjects.",
        ),
        (
            {"metric": "hd95_mm", "difference": -1.2, "low": -2.0, "high": -0.4, "label": "liver"},
            "'A' is better than 'B' on 'liver' by 1.20 mm of HD95 (0.40 to 2.00), p = 0.003 after "
            "Holm; with 20 subjects.",
        ),
        (
            {"p_holm": 0.31, "low": -0.01},
            "No difference is shown: 'A' minus 'B' is 2.1 points of Dice (−1.0 to 3.3), p = 0.31 "
            "after Holm; with 20 subjects.",
        ),
        (
            {"difference": 0.021, "low": math.nan, "high": math.nan, "p_holm": 1.0},
            "No difference is shown: 'A' minus 'B' is 2.1 points of Dice, p = 1.00 after Holm; "
            "with 20 subjects.",
        ),
        (
            {"p_holm": math.nan},
            "'A' and 'B' share no subject, so nothing can be said.",
        ),
    ],
)
def test_difference(change, expected):
    assert difference_sentence(ROW | change) == expected


def test_difference_by_rank_names_the_misses():
    row = ROW | {
        "test": "wilcoxon",
        "n_undefined": 2,
        "n_subjects": 18,
        "n_better": 4,
        "n_worse": 16,
    }
    text = difference_sentence(row)
    assert text.startswith("'B' is better than 'A' by Dice: better on 16 of 20 subjects and worse")
    assert "by rank as 2 subjects had a missed or false structure" in text


def test_amounts_and_p():
    assert amount("volume_error_percent", 3.21) == "3.2 % of volume error"
    assert (p_words(0.0009), p_words(0.0499), p_words(0.1)) == ("< 0.001", "= 0.050", "= 0.10")


def test_width_beyond_reach():
    row = {"method": "A", "metric": "dice", "width": 0.1, "n_subjects": 9}
    row |= {"n_for_width": 100_000, "n_for_width_low": 5000, "n_for_width_high": 100_000}
    assert width_sentence(row, 0.0001).endswith("it takes more than 100\u202f000 subjects.")


def test_a_shared_first_rank():
    paired = Paired("liver", "dice", ("A", "B"), ("c",), ("s",), np.full((1, 2), 0.5))
    expected = "'A' and 'B' share the first rank by mean on 'liver'."
    assert ranking_sentence(rank_methods(paired, seed=0)) == expected
