"""How the page says that scored cases were kept apart."""

import pandas as pd
import pytest

from suffice.report.folder import Study
from suffice.report.scoring import validation_sentences


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
