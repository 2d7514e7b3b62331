"""Scores against a reference that says nothing of some voxels."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.core import Grid, Legend
from suffice.metrics import Panel, score_case

LEGEND = Legend.from_names({1: "one", 2: "two"})
OVERLAP = Panel.of(["dice", "iou", "sensitivity", "specificity", "accuracy"])


def masks(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 3, (12, 10)), rng.integers(0, 3, (12, 10))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), part=st.floats(0.05, 0.95))
def test_what_stands_in_unlabelled_voxels_changes_no_score(seed: int, part: float) -> None:
    predicted, reference = masks(seed)
    unlabelled = np.random.default_rng(seed + 1).random((12, 10)) < part
    others = [
        np.where(unlabelled, other, own)
        for own, other in zip((predicted, reference), masks(seed + 2), strict=True)
    ]
    grid = Grid((12, 10))
    found = [
        score_case(a, b, grid, LEGEND, panel=OVERLAP, unlabelled=unlabelled)
        for a, b in ((predicted, reference), others)
    ]
    assert found[0] == found[1]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 11))
def test_unlabelled_rows_score_as_if_they_were_cut_off(seed: int, n: int) -> None:
    predicted, reference = masks(seed)
    unlabelled = np.zeros((12, 10), bool)
    unlabelled[n:] = True
    whole = score_case(
        predicted, reference, Grid((12, 10)), LEGEND, panel=OVERLAP, unlabelled=unlabelled
    )
    cut = score_case(predicted[:n], reference[:n], Grid((n, 10)), LEGEND, panel=OVERLAP)
    expected = {(s.label, s.metric): round(s.value, 9) for s in cut}
    # Where the cut holds neither, nobody knows whether the structure is there.
    absent = {label for (label, metric), value in expected.items() if metric == "absent" and value}
    expected = {key: value for key, value in expected.items() if key[0] not in absent}
    assert {(s.label, s.metric): round(s.value, 9) for s in whole} == expected


def test_surfaces_sizes_and_objects_of_partial_references_have_no_rows() -> None:
    predicted, reference = masks(0)
    unlabelled = np.zeros((12, 10), bool)
    unlabelled[0, 0] = True
    rows = score_case(
        predicted, reference, Grid((12, 10)), LEGEND, panel=Panel.full(), unlabelled=unlabelled
    )
    kinds = {metric.name: metric.kind for metric in Panel.full().metrics}
    assert {kinds.get(row.metric, "outcome") for row in rows} == {"outcome", "overlap", "whole"}
