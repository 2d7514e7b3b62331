"""The score in one sentence, and what a reader may and may not take from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from suffice.report.folder import Study
from suffice.report.words import count, interval, listed, number, percent
from suffice.study import COPIES, MEAN

FEW_SUBJECTS = 10
WIDE_INTERVAL = 0.1
POOR_DICE = 0.5
_NAMED_COPIES = 3


@dataclass(frozen=True, slots=True)
class Score:
    """A mean Dice over subjects with its interval, of one structure or of all together."""

    label: str
    mean: float
    low: float
    high: float
    level: float
    n_subjects: int

    @property
    def words(self) -> str:
        """The score and its interval, as in ``0.83 (95 % interval 0.81 to 0.85)``."""
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return f"{number(self.mean)} (no interval)"
        return (
            f"{number(self.mean)} ({percent(self.level)} interval {interval(self.low, self.high)})"
        )


@dataclass(frozen=True, slots=True)
class Headline:
    """The sentence at the top, the scores that it is made of and the cautions that go with it."""

    sentence: str
    scores: tuple[Score, ...]
    cautions: tuple[str, ...]


def make_headline(study: Study) -> Headline | None:
    """Put the summary of the study's model into words; ``None`` where nothing was scored."""
    table = study.of_rung(study.summary)
    if table is None:
        return None
    dice = table[(table["metric"] == "dice") & table["mean"].notna()]
    scores = [_score(row) for _, row in dice.iterrows()]
    if not scores:
        return None
    overall = [score for score in scores if score.label == MEAN]
    chosen = tuple(overall[:1] or scores)
    cautions = (*_copies(study), *_cautions(chosen), *_others(study))
    return Headline(_sentence(chosen), chosen, cautions)


def _score(row: pd.Series) -> Score:
    n_subjects = row.get("n_subjects", math.nan)
    level = row.get("level", math.nan)
    return Score(
        label=str(row["label"]),
        mean=float(row["mean"]),
        low=float(row["low"]),
        high=float(row["high"]),
        level=float(level) if pd.notna(level) else 0.95,
        n_subjects=int(n_subjects) if pd.notna(n_subjects) else 0,
    )


def _sentence(scores: tuple[Score, ...]) -> str:
    n_subjects = max(score.n_subjects for score in scores)
    whom = f"on {count(n_subjects, 'subject')} that the model never saw"
    if len(scores) == 1:
        return f"Dice {scores[0].words} {whom}"
    parts = listed([f"{score.label} {score.words}" for score in scores])
    return f"Dice {whom}: {parts}"


def _copies(study: Study) -> list[str]:
    """Say that scans are there twice, and whether the split parted them."""
    copies = [caution for caution in study.cautions if caution.kind in COPIES]
    if not copies:
        return []
    groups = count(len(copies), "group")
    names = listed([f"“{name}”" for name in copies[0].cases[:_NAMED_COPIES]])
    return [
        f"{groups} of scans with masks look like copies under different subjects, as {names}. "
        "Where a model learned from one and was scored on the other, the score is too good. Give "
        "the copies one subject in cases.csv and run the study anew; cautions.csv lists them all."
    ]


def _others(study: Study) -> list[str]:
    return [f"{c.message}. {c.cure}" for c in study.cautions if c.kind not in COPIES]


def _cautions(scores: tuple[Score, ...]) -> list[str]:
    cautions = []
    if min(score.mean for score in scores) < POOR_DICE:
        cautions.append(
            f"A mean Dice below {POOR_DICE} is poor: these masks do not serve as they are. Look at "
            "how the model learned, below: where it still got better at the end, give it more "
            "minutes or a machine with less other work; else try another kind of model "
            "('suffice plan' lists them), or label more."
        )
    fewest = min(score.n_subjects for score in scores)
    if fewest < FEW_SUBJECTS:
        cautions.append(
            f"Only {count(fewest, 'subject')} stood the test. With fewer than {FEW_SUBJECTS}, the "
            "interval itself is unsure and one odd subject moves the mean."
        )
    widths = [score.high - score.low for score in scores]
    widest = max((width for width in widths if math.isfinite(width)), default=0.0)
    if widest > WIDE_INTERVAL:
        cautions.append(
            f"The interval is {number(widest)} wide: too wide to rank this model against another "
            "that differs by a few points. More subjects with masks make it narrower."
        )
    return cautions
