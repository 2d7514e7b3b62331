"""Which rung is best, and which is enough."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suffice.core import CohortError, FileFormatError
from suffice.study import Cost, choice_of, ladder_table, read_costs, write_costs


def scores_of(**means: float) -> pd.DataFrame:
    """Twelve subjects, each as much better or worse than the mean by every rung."""
    rng = np.random.default_rng(0)
    easy, wobble = rng.normal(0, 0.02, 12), rng.normal(0, 0.001, (len(means), 12))
    rows = [
        (f"c{i}", f"s{i}", "lung", "dice", mean + easy[i] + wobble[r, i], rung)
        for r, (rung, mean) in enumerate(means.items())
        for i in range(12)
    ]
    return pd.DataFrame(rows, columns=["case", "subject", "label", "metric", "value", "rung"])


def table_of(minutes: dict[str, float], **means: float) -> pd.DataFrame:
    costs = [Cost(rung, str(fold), m, 1.0 + fold) for rung, m in minutes.items() for fold in (0, 1)]
    return ladder_table(scores_of(**means), costs, {"odd": "not for these"}, seed=0)


def test_the_cheapest_that_is_not_clearly_behind_is_enough() -> None:
    minutes = {"threshold": 0.1, "forest": 1.0, "unet": 10.0}
    choice = choice_of(table_of(minutes, threshold=0.80, forest=0.895, unet=0.90))
    assert (choice.best, choice.enough) == ("unet", "forest")
    choice = choice_of(table_of(minutes, threshold=0.80, forest=0.85, unet=0.90))
    assert (choice.best, choice.enough) == ("unet", "unet")


def test_cheap_is_what_took_little_time_not_what_stands_low() -> None:
    minutes = {"threshold": 20.0, "unet": 10.0}
    table = table_of(minutes, threshold=0.9, unet=0.9)
    assert choice_of(table).enough == "unet"


def test_a_wide_interval_is_no_proof_of_being_behind() -> None:
    scores = scores_of(cheap=0.85, dear=0.90)
    rng = np.random.default_rng(1)
    scores.loc[scores["rung"] == "cheap", "value"] += rng.normal(0, 0.2, 12)
    table = ladder_table(scores, [Cost("cheap", "0", 1.0), Cost("dear", "0", 9.0)], {}, seed=0)
    assert choice_of(table).enough == "cheap"


def test_distances_are_paired_and_costs_are_those_seen() -> None:
    table = table_of({"a": 1.0, "b": 2.0}, a=0.80, b=0.90).set_index("rung")
    assert table.loc["a", "behind"] == pytest.approx(0.1, abs=2e-3)
    # Subjects differ by 2 points; that they do so alike makes the paired interval narrow.
    assert table.loc["a", "behind_high"] - table.loc["a", "behind_low"] < 0.005
    assert table.loc["a", "high"] - table.loc["a", "low"] > 0.01
    assert (table.loc["b", "minutes"], table.loc["b", "memory_gb"]) == (2.0, 2.0)
    assert table.loc["odd", ["verdict", "note"]].tolist() == ["does not apply", "not for these"]


def test_without_any_dice_there_is_no_choice() -> None:
    scores = scores_of(a=0.5).assign(metric="absent")
    with pytest.raises(CohortError, match="No kind of model has a Dice"):
        choice_of(ladder_table(scores, [], {}, seed=0))


def test_costs_are_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    assert read_costs(path) == []
    costs = [Cost("unet", "", 1.5, 2.0, 0.25), Cost("001", "0", 0.5, 1.0, 3.0)]
    write_costs(path, costs)
    assert read_costs(path) == costs
    path.write_text("rung,fold\nunet,0\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match="not a table of costs"):
        read_costs(path)
