"""The masks that nobody drew, the worst first."""

from __future__ import annotations

import pandas as pd

from suffice.report import write_report
from suffice.study.estimates import COLUMNS, QUALITY_COLUMNS

ROWS = [
    ("new-<1>", 0.41, 0.2, None, "first", "posterior: unusual size"),
    ("new-0", 0.88, 0.8, None, "", ""),
]


def section_of(study) -> str:
    text = write_report(study).read_text(encoding="utf-8")
    return text.partition('<section id="quality">')[2].partition("</section>")[0]


def test_the_page_lists_the_worst_masks_first(make_study) -> None:
    study = make_study()
    assert not section_of(study)
    (study / "predictions").mkdir()
    table = pd.DataFrame(ROWS, columns=list(COLUMNS))
    table.to_csv(study / "predictions" / "predictions.csv", index=False)
    text = section_of(study)
    assert text.index("new-&lt;1&gt;") < text.index("new-0")
    assert "At least, 80 %" in text and ">0.20<" in text
    assert "posterior: unusual size" in text and text.count("look at it first") == 1
    assert "1 of them stand" in text


def test_it_says_what_the_predictions_are_worth(make_study) -> None:
    study = make_study()
    rows = [(f"c{i}", f"s{i}", "mean", 0.8, 0.75 + 0.1 * (i % 2), None, None) for i in range(6)]
    parts = [(*row, "held back") for row in rows]
    pd.DataFrame(parts, columns=list(QUALITY_COLUMNS)).to_csv(study / "quality.csv", index=False)
    text = section_of(study)
    assert "On 6 scored cases" in text and "lay 0.050 apart" in text
    assert "A bound of 90 % takes 9 scored subjects; here are 6" in text
