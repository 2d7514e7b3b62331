"""Tables of scores from files to differences, ranks, sentences and a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from suffice.core import FileFormatError, StorageError, UsageError
from suffice.study import read_scores, write_scores
from suffice.workflows.comparing import compare


def write_table(path: Path, *, gain: float = 0.0, rung: str = "", n: int = 12) -> pd.DataFrame:
    """Dice and distances of two structures, from the same seed but for the gain."""
    rng = np.random.default_rng(0)
    noise = np.random.default_rng(int(1000 * abs(gain)))
    rows = [
        {
            "case": f"c{i:02d}",
            "subject": f"s{i // 2}",
            "label": label,
            "metric": metric,
            "value": max(value + sign * gain + noise.normal(0, 0.01), 0),
            "rung": rung,
            "fold": "",
        }
        for i in range(n)
        for label in ("liver", "tumour")
        for metric, value, sign in (
            ("dice", rng.uniform(0.6, 0.8), 1),
            ("hd95_mm", rng.uniform(2, 6), -10),
        )
    ]
    table = pd.DataFrame(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_scores(path, table)
    return table


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    write_table(tmp_path / "unet" / "scores.csv", gain=0.1, n=16)
    write_table(tmp_path / "threshold.csv", n=14)
    return tmp_path / "unet", tmp_path / "threshold.csv"


def test_a_table_against_several_raters_counts_each_case_once(tmp_path):
    """A case against two raters is their mean; before, structures of such a table were refused."""
    table = write_table(tmp_path / "ours.csv", gain=0.05)
    shifted = table.assign(value=table["value"] + 0.02, rater="ben")
    write_scores(tmp_path / "raters.csv", pd.concat([table.assign(rater="anna"), shifted]))
    found = compare([str(tmp_path / "ours.csv"), tmp_path / "raters.csv"], labels=("tumour",))
    row = found.differences.iloc[0]
    assert row["difference"] == pytest.approx(-0.01)
    assert row["n_subjects"] == 6


def test_calibration_is_compared_in_its_own_words(tmp_path):
    for name, worse in (("sure", 0.0), ("unsure", 0.1)):
        rows = [
            {"case": f"c{i}", "subject": f"s{i}", "label": "all", "metric": m, "value": v + worse}
            for i in range(8)
            for m, v in (("brier", 0.1 + i / 100), ("nll", 0.3 + i / 50))
        ]
        write_scores(tmp_path / f"{name}.csv", pd.DataFrame(rows))
    tables = [tmp_path / "sure.csv", tmp_path / "unsure.csv"]
    brier, nll = compare(tables, labels=("all",), metrics=("brier", "nll")).sentences
    assert brier.startswith("'sure' is better than 'unsure' by 10.0 points of Brier score")
    assert "by 0.100 nats of log loss" in nll


def test_folders_and_files_are_compared_and_written(tables, tmp_path):
    out = tmp_path / "out"
    comparison = compare(tables, out, metrics=("dice", "hd95_mm"), labels=("mean", "tumour"))
    assert comparison.differences["a"].unique().tolist() == ["unet"]
    assert len(comparison.differences) == 4
    assert (comparison.differences["p_holm"] >= comparison.differences["p"]).all()
    assert comparison.unpaired["case"].tolist() == ["c14", "c15"]
    assert comparison.family == "p after Holm's correction over the 4 comparisons above"
    written = {path.name for path in out.iterdir()}
    assert written == {
        "scores.csv",
        "differences.csv",
        "ranking.csv",
        "unpaired.csv",
        "comparison.png",
    }
    kept = pd.read_csv(out / "differences.csv")
    np.testing.assert_allclose(kept["p_holm"], comparison.differences["p_holm"])
    picture = np.asarray(Image.open(out / "comparison.png").convert("L"))
    assert picture.shape[1] > 1000 and picture.std() > 20
    with pytest.raises(StorageError, match="exists already"):
        compare(tables, out)


def test_the_same_seed_gives_the_same_answer(tables):
    one, other = (compare(tables, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(one.differences, other.differences)
    pd.testing.assert_frame_equal(one.ranks, other.ranks)
    assert one.sentences == other.sentences


def test_the_sentence_says_who_by_how_much_and_how_sure(tables):
    (sentence,) = compare(tables, names=("new", "old")).sentences
    row = compare(tables, names=("new", "old")).differences.iloc[0]
    low, high = 100 * row["low"], 100 * row["high"]
    assert sentence == (
        f"'new' is better than 'old' by {100 * row['difference']:.1f} points of Dice "
        f"({low:.1f} to {high:.1f}), p = {row['p_holm']:.3f} after Holm; with 7 subjects."
    )


def test_methods_that_do_not_differ_are_not_told_apart(tables, tmp_path):
    write_table(tmp_path / "again" / "scores.csv", gain=0.001)
    (sentence,) = compare((tables[1], tmp_path / "again")).sentences
    assert sentence.startswith("No difference is shown: 'threshold' minus 'again' is")


def test_rungs_of_one_table_are_methods(tmp_path):
    rungs = [
        write_table(tmp_path / "x.csv", gain=gain, rung=rung)
        for rung, gain in {"unet": 0.1, "slow": 0.05, "threshold": 0.0}.items()
    ]
    write_scores(tmp_path / "study" / "scores.csv", pd.concat(rungs))
    comparison = compare([tmp_path / "study"])
    assert comparison.ranks["method"].tolist() == ["unet", "slow", "threshold"]
    assert comparison.sentences[-1].startswith("'unet' ranks first by mean of Dice, and in 100 %")


def test_one_table_plans_its_test_set(tables):
    comparison = compare(tables[:1], width=0.02)
    (row,) = comparison.scores.to_dict("records")
    assert row["n_for_width_low"] <= row["n_for_width"] <= row["n_for_width_high"]
    assert row["width_resampled"] == pytest.approx(0.02, rel=0.25)
    assert comparison.differences.empty and not comparison.rankings
    (sentence,) = comparison.sentences
    assert f"it takes about {row['n_for_width']} subjects" in sentence


def test_a_difference_to_be_seen_takes_more_subjects_in_a_larger_family(tables):
    one = compare(tables, detect=0.01).differences["n_for_difference"]
    four = compare(tables, detect=0.01, metrics=("dice", "hd95_mm")).differences
    assert four["n_for_difference"][0] > one[0]


def test_a_missed_structure_is_told_and_ranked(tables):
    place = tables[1]
    scores = read_scores(place)
    is_one = (scores["case"] == "c03") & (scores["label"] == "tumour")
    scores.loc[is_one & (scores["metric"] == "hd95_mm"), "value"] = np.inf
    write_scores(place, scores)
    comparison = compare(tables, metrics=("hd95_mm",))
    (row,) = comparison.differences.to_dict("records")
    assert (row["test"], row["n_undefined"]) == ("wilcoxon", 1)
    assert "by rank as 1 subject had a missed or false structure" in comparison.sentences[0]
    assert comparison.rankings[0].by == "rank"


def test_what_cannot_be_compared_is_named(tables, tmp_path):
    with pytest.raises(UsageError, match="Each table needs one name"):
        compare(tables, names=("only",))
    with pytest.raises(UsageError, match="Two methods are called 'unet'"):
        compare((tables[0], tables[0]))
    with pytest.raises(FileFormatError, match="not a table of scores"):
        compare((tables[0], tmp_path))
    write_table(tmp_path / "few.csv", n=2)
    with pytest.raises(UsageError, match="Planning needs"):
        compare((tmp_path / "few.csv",), width=0.1)
