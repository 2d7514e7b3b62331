"""Which of the masks that nobody drew to look at first, and what such estimates are worth."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from suffice.quality import LEVELS, MEAN, least_subjects
from suffice.report.folder import Study
from suffice.report.words import MISSING, count, number, percent
from suffice.study.estimates import FIRST, LOWER, estimate_errors

_MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class QualityRow:
    """One predicted mask in words."""

    case: str
    dice: str
    low: str
    look: str
    notes: str


def quality_level(study: Study) -> float:
    """Level of the bound that is shown: the highest that the scored subjects allow."""
    table = study.estimates
    known = [k for k in LEVELS if table is not None and table[LOWER[k]].notna().any()]
    return max(known, default=LEVELS[0])


def quality_rows(study: Study) -> list[QualityRow]:
    """List the predicted masks, the worst first; at most 200 of them."""
    if study.estimates is None:
        return []
    column = LOWER[quality_level(study)]
    return [
        QualityRow(
            case=str(row["case"]),
            dice=number(float(row["predicted_dice"])),
            low=number(float(row[column])),
            look="look at it first" if row["look"] == FIRST else "",
            notes=str(row["notes"]) or MISSING,
        )
        for _, row in study.estimates.head(_MOST_ROWS).iterrows()
    ]


def quality_sentences(study: Study) -> list[str]:
    """Say what the estimates are worth on cases whose true Dice is known."""
    sentences = []
    if study.estimates is not None and len(study.estimates):
        n_first = int((study.estimates["look"] == FIRST).sum())
        marked = (
            f"{n_first} of them stand out or are expected to be worse than three in four of the "
            "scored ones: look at them first, mend them by hand, and let the model learn from them."
        )
        sentences.append(
            f"The final model drew {count(len(study.estimates), 'mask')} of scans that nobody had "
            "drawn. What Dice to expect of each is told by the model's own unsureness, by how far "
            "the mask changes with slight changes of brightness, and by size, outline, pieces and "
            f"brightness against those learned from. {marked if n_first else 'None stands out.'}"
        )
    if study.quality is not None and len(study.quality):
        sentences += _worth(study.quality)
    return sentences


def _worth(quality: pd.DataFrame) -> list[str]:
    sentences = []
    for part, whom in (
        ("held back", "each predicted without its own subject"),
        ("test", "set apart for the test"),
    ):
        table = quality[quality["part"] == part]
        errors = estimate_errors(table)
        mean = errors[errors["label"] == MEAN]
        if mean.empty:
            continue
        row = mean.iloc[0]
        n_subjects = table["subject"].nunique()
        sentences.append(
            f"On {count(int(row['n_cases']), 'scored case')}, {whom}, predicted and true mean "
            f"Dice lay {number(row['mean_absolute_error'], 3)} apart on average (rank correlation "
            f"{number(row['correlation'], 2)})."
        )
        if part == "held back" and n_subjects < least_subjects(max(LEVELS)):
            sentences.append(
                f"A bound of {percent(max(LEVELS))} takes {least_subjects(max(LEVELS))} scored "
                f"subjects; here are {n_subjects}, so that only lower levels can be had."
            )
    sentences.append(
        "The lower bound is conformal: for scans of the same kind as the scored ones it is kept "
        "as often as it says. For another scanner, protocol or disease it promises nothing."
    )
    return sentences
