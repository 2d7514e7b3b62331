"""The chart and the table of the ladder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Picture

from suffice.report import write_report
from suffice.report.ladder import ladder_figure, write_ladder_figure
from suffice.study.ladder import COLUMNS

ROWS = [
    ("threshold", 0.81, 0.77, 0.85, 12, 0.02, 0.5, 0.2, 0.09, 0.07, 0.11, "", ""),
    ("forest", 0.895, 0.87, 0.92, 12, 1.2, 0.9, 0.4, 0.005, -0.01, 0.02, "enough", ""),
    ("unet", 0.90, 0.88, 0.92, 12, 10.0, 2.1, 0.6, 0.0, 0.0, 0.0, "best", ""),
    ("vae", *[np.nan] * 10, "does not apply", "it has <two> structures"),
]


@pytest.fixture
def ladder() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=list(COLUMNS))


def test_the_page_shows_every_kind(make_study, ladder: pd.DataFrame) -> None:
    study = make_study()
    assert 'id="ladder"' not in write_report(study).read_text(encoding="utf-8")
    ladder.to_csv(study / "ladder.csv", index=False)
    text = write_report(study).read_text(encoding="utf-8")
    assert "3 kinds of models learned from the same cases" in text
    assert "forest is enough" in text
    assert "<th>threshold</th>" in text and "−0.010 to 0.020" in text
    assert "does not apply: it has &lt;two&gt; structures" in text


def test_one_kind_alone_is_no_ladder(make_study, ladder: pd.DataFrame) -> None:
    study = make_study()
    ladder[2:3].to_csv(study / "ladder.csv", index=False)
    assert 'id="ladder"' not in write_report(study).read_text(encoding="utf-8")


def test_points_of_equal_minutes_do_not_hide_each_other(ladder: pd.DataFrame) -> None:
    both = pd.concat([ladder, ladder[2:3].assign(rung="unet-plain", verdict="")])
    text = ladder_figure(both)
    assert all(name in text for name in ("threshold", "forest (enough)", "unet (best)"))
    assert ">unet-plain<" in text and "vae" not in text


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_picture_is_written_alike_each_time(
    ladder: pd.DataFrame, tmp_path: Path, suffix: str
) -> None:
    paths = [tmp_path / f"{name}.{suffix}" for name in "ab"]
    for path in paths:
        write_ladder_figure(path, ladder)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    if suffix == "png":
        with Picture.open(paths[0]) as picture:
            assert picture.size[0] > 800


def test_a_ladder_without_a_score_is_an_empty_chart(ladder: pd.DataFrame) -> None:
    assert ladder_figure(ladder[3:]).startswith("<svg")


def test_a_search_has_no_loss_to_draw(make_study) -> None:
    study = make_study()
    for path in (study / "models").glob("*/history.csv"):
        path.write_text("step,seconds,dice\n1,2.0,0.5\n2,4.0,0.7\n", encoding="utf-8")
    text = write_report(study).read_text(encoding="utf-8")
    assert "Training Dice</text>" in text and "Loss</text>" not in text
