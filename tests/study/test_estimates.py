"""Tables of predicted Dice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suffice.core import FileFormatError
from suffice.quality import HeldBack, Likeness, Quality
from suffice.study.estimates import (
    compare_estimates,
    estimate_errors,
    estimate_masks,
    read_estimates,
    worst_first,
    write_estimates,
)


def both(unsure: float) -> dict[str, dict[str, float]]:
    return {"a": {"unsure": unsure}, "b": {"unsure": unsure}}


@pytest.fixture
def quality() -> Quality:
    rng = np.random.default_rng(0)
    unsure = rng.uniform(0.02, 0.2, 12)
    held = [
        HeldBack(f"c{i}", f"s{i}", {"a": 1 - 2 * u, "b": 0.9 - 2 * u}, both(u))
        for i, u in enumerate(float(u) for u in unsure)
    ]
    return Quality(Likeness(()), tuple(held))


def test_the_worst_come_first(quality: Quality, tmp_path: Path) -> None:
    doubts = {f"case{i}": both(u) for i, u in enumerate((0.05, 0.18, 0.1, 0.9))}
    table = write_estimates(tmp_path, doubts, quality)
    assert list(table["case"]) == ["case3", "case1", "case2", "case0"]
    assert list(table["look"]) == ["first", "first", "", ""]
    assert table["notes"][0] == "a: the model is unsure; b: the model is unsure"
    by_label = read_estimates(tmp_path)
    pd.testing.assert_frame_equal(by_label, estimate_masks(doubts, quality))
    means = by_label[by_label["label"] != "mean"].groupby("case")["predicted_dice"].mean()
    found = table.set_index("case")["predicted_dice"]
    np.testing.assert_allclose(found[means.index], means, atol=1e-4)


def test_nothing_is_said_of_what_may_be_absent(quality: Quality) -> None:
    table = estimate_masks({"empty": {"a": {}, "b": {}}}, quality)
    assert table["predicted_dice"].isna().all()
    assert worst_first(table, quality)["look"].tolist() == ["first"]


def test_estimates_meet_the_truth() -> None:
    estimates = pd.DataFrame(
        {
            "case": ["x", "x", "x", "y", "y", "y"],
            "label": ["a", "b", "mean"] * 2,
            "predicted_dice": [0.9, 0.7, 0.8, 0.8, np.nan, 0.8],
            "dice_lower_80": [0.85, 0.65, 0.75, 0.9, np.nan, 0.7],
            "dice_lower_90": np.nan,
            "notes": "",
        }
    )
    scores = pd.DataFrame(
        {
            "case": ["x", "x", "x", "y"],
            "subject": ["p", "p", "p", "q"],
            "label": ["a", "b", "a", "a"],
            "metric": ["dice", "dice", "nsd", "dice"],
            "value": [0.8, 0.7, 0.1, 0.7],
        }
    )
    compared = compare_estimates(estimates, scores)
    assert compared[["case", "label"]].to_numpy().tolist() == [
        *(["x", label] for label in ("a", "b", "mean")),
        *(["y", label] for label in ("a", "mean")),
    ]
    errors = estimate_errors(compared).set_index("label")
    assert errors["n_cases"].to_dict() == {"a": 2, "b": 1, "mean": 2}
    assert errors.loc["a", "mean_absolute_error"] == pytest.approx(0.1)
    assert errors.loc["mean", "mean_absolute_error"] == pytest.approx((0.05 + 0.1) / 2)
    assert errors["held_80"].to_dict() == {"a": 0.0, "b": 1.0, "mean": 1.0}
    assert errors["held_90"].isna().all() and errors["correlation"].isna().all()


def test_ranks_that_agree_correlate() -> None:
    dice = np.linspace(0.5, 0.9, 5)
    table = pd.DataFrame({"label": "a", "dice": dice, "predicted_dice": dice**2})
    table = table.assign(dice_lower_80=0.0, dice_lower_90=0.0)
    assert estimate_errors(table)["correlation"].tolist() == [1.0]


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    assert read_estimates(tmp_path) is None
    (tmp_path / "predictions_by_label.csv").write_text("case,label\nx,y\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match="is not a table of estimates"):
        read_estimates(tmp_path)
