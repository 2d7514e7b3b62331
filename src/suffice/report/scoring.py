"""The score table, and how the score came about."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from suffice.metrics import WHOLE_CASE
from suffice.report.folder import Study
from suffice.report.raters import people_words
from suffice.report.words import (
    MISSING,
    count,
    interval,
    metric_rank,
    metric_words,
    number,
    percent,
)
from suffice.study import MEAN, undefined_rows

_MAX_NAMED = 20
# Kinds of models that a pool can teach; their code needs torch, which a report does not.
_POOLED = ("unet", "template-unet", "atlas-unet")

# Counted, not averaged: a structure that one of the two masks lacks.
OUTCOMES = {
    "missed": "Missed: drawn, not predicted",
    "false": "False: predicted, not drawn",
    "absent": "Correctly absent",
}


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One line of the score table."""

    label: str
    metric: str
    meaning: str
    better: str
    mean: str
    interval: str
    median: str
    n_subjects: str
    n_undefined: str
    people: str = ""


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """How often a structure was missed or invented, for one label."""

    label: str
    counts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoMeanRow:
    """Cases whose values are in no mean, for one structure and one reason."""

    label: str
    reason: str
    metrics: str
    cases: str
    n_cases: int


@dataclass(frozen=True, slots=True)
class CaseRow:
    """The Dice of one scored case, for each structure."""

    case: str
    subject: str
    mean: str
    values: tuple[str, ...]


def score_rows(study: Study) -> list[ScoreRow]:
    """Return the table of means and intervals, structures in order, metrics within them."""
    table = study.of_rung(study.summary)
    if table is None:
        return []
    averaged = table[~table["metric"].isin(list(OUTCOMES))]
    if _n_structures(averaged) == 1:
        # The mean of one structure repeats it.
        averaged = averaged[averaged["label"] != MEAN]
    order = {label: rank for rank, label in enumerate(dict.fromkeys(averaged["label"]))}
    rows = sorted(
        (row for _, row in averaged.iterrows()),
        key=lambda row: (order[row["label"]], metric_rank(str(row["metric"]))),
    )
    explained: set[str] = set()
    people = people_words(study)
    return [
        _score_row(row, explained, people.get((row["label"], row["metric"]), "")) for row in rows
    ]


def _score_row(row: pd.Series, explained: set[str], people: str) -> ScoreRow:
    """Put one row into words; a metric is explained where it first appears."""
    metric = str(row["metric"])
    words = metric_words(metric)
    meaning = "" if metric in explained else words.meaning
    explained.add(metric)
    return ScoreRow(
        label=label_words(str(row["label"])),
        metric=words.title,
        meaning=meaning,
        better=words.better,
        mean=number(float(row["mean"]), words.decimals),
        interval=interval(float(row["low"]), float(row["high"]), words.decimals),
        median=number(row.get("median"), words.decimals),
        n_subjects=number(row.get("n_subjects"), 0),
        n_undefined=number(row.get("n_undefined"), 0),
        people=people,
    )


def _n_structures(table: pd.DataFrame) -> int:
    return len(set(table["label"]) - {MEAN, WHOLE_CASE})


def label_words(label: str) -> str:
    """Name a structure; the rows over all of them and over the whole scan get words."""
    return {MEAN: "mean of structures", WHOLE_CASE: "whole scan"}.get(label, label)


def level_words(study: Study) -> str:
    """Return the confidence level of the intervals, such as ``95 %``."""
    table = study.of_rung(study.summary)
    if table is None or "level" not in table or table["level"].isna().all():
        return percent(None)
    return percent(float(table["level"].dropna().iloc[0]))


def outcome_rows(study: Study) -> list[OutcomeRow]:
    """Count missed, false and correctly absent structures for each label."""
    table = study.of_rung(study.scores)
    if table is None:
        return []
    outcomes = table[table["metric"].isin(list(OUTCOMES))]
    rows = []
    for label in dict.fromkeys(outcomes["label"]):
        mine = outcomes[outcomes["label"] == label]
        rows.append(OutcomeRow(str(label), tuple(_tally(mine, name) for name in OUTCOMES)))
    return rows


def _tally(outcomes: pd.DataFrame, name: str) -> str:
    """Count how often an outcome came true, of the cases in which it could."""
    values = outcomes.loc[outcomes["metric"] == name, "value"]
    return f"{int((values > 0).sum())} of {len(values)}" if len(values) else MISSING


def no_mean_rows(study: Study) -> list[NoMeanRow]:
    """Name the cases whose values the means leave out, and why."""
    table = study.of_rung(study.scores)
    if table is None:
        return []
    rows = []
    undefined = undefined_rows(table)
    for (label, reason), group in undefined.groupby(["label", "reason"], sort=False):
        # Cases that lack the same metrics share a line.
        lacking = group.groupby("case", sort=False)["metric"].agg(_metrics_words)
        for metrics in dict.fromkeys(lacking):
            cases = [str(case) for case in lacking.index[lacking == metrics]]
            rows.append(NoMeanRow(str(label), str(reason), metrics, _named(cases), len(cases)))
    return rows


def _metrics_words(metrics: pd.Series[str]) -> str:
    ordered = sorted(dict.fromkeys(metrics), key=metric_rank)
    return ", ".join(metric_words(metric).title for metric in ordered)


def _named(cases: list[str]) -> str:
    named = ", ".join(cases[:_MAX_NAMED])
    n_more = len(cases) - _MAX_NAMED
    return f"{named} and {n_more} more" if n_more > 0 else named


def dice_by_case(study: Study) -> pd.DataFrame | None:
    """Return Dice with a row a case, a column a structure; NaN where it is not defined.

    Rows over all structures are left out: they repeat the others.
    """
    table = study.of_rung(study.scores)
    if table is None:
        return None
    dice = table[(table["metric"] == "dice") & ~table["label"].isin([MEAN, WHOLE_CASE])]
    if dice.empty:
        return None
    keys = ["case", "subject"]
    wide = dice.groupby([*keys, "label"], sort=False)["value"].mean().unstack("label")
    order = pd.MultiIndex.from_frame(dice[keys].drop_duplicates())
    return wide.loc[order, list(dice["label"].unique())].dropna(how="all")


def case_rows(dice: pd.DataFrame) -> list[CaseRow]:
    """Return the scored cases, the worst first."""
    means = dice.mean(axis=1)
    rows = []
    for place in means.sort_values(kind="stable").index:
        case, subject = place
        values = tuple(number(float(v), 3) for v in dice.loc[place])
        rows.append(CaseRow(str(case), str(subject), number(float(means[place]), 3), values))
    return rows


def validation_sentences(study: Study) -> list[str]:
    """Say how the scored cases were kept apart from the training ones."""
    splits = study.splits
    if splits is None:
        return []
    parts = {part: splits[splits["part"] == part] for part in ("train", "test", "unlabelled")}
    sentences = []
    train, test, rest = parts["train"], parts["test"], parts["unlabelled"]
    if not train.empty:
        sentences.append(
            f"The final model learned from {_who(train)}. Subjects, never single files, were "
            "divided: no subject lies on both sides of a split."
        )
    n_folds = count_folds(study)
    if n_folds > 1:
        sentences.append(
            f"For the score, the training subjects were divided into {n_folds} parts. For each "
            "part a model was trained on the others alone, with the same settings, and scored on "
            "the part that it had not seen. The masks and scores below are those models' own."
        )
    if n_folds == 1:
        sentences.append(
            f"For the score, {_who(train[train['fold'] != ''])} were held out first: a model was "
            "trained on the others alone, with the same settings, and scored on them. The masks "
            "and scores below are that model's own."
        )
    if not test.empty:
        sentences.append(
            f"{_who(test)} {'was' if len(test) == 1 else 'were'} set apart for the test before "
            "training began and used for nothing else. The score is the final model's own on them."
        )
    if not rest.empty:
        sentences.append(f"Segmented, but not scored, as nobody drew a mask: {_who(rest)}.")
        sentences += _ways(study)
    sentences.append(
        f"The {level_words(study)} intervals come from drawing whole subjects again and again "
        "(bootstrap): they say how much the mean would move with other subjects of the same kind."
    )
    return sentences


def _ways(study: Study) -> list[str]:
    """Say what a U-Net learned from beside one mask of each labelled scan."""
    settings = (study.config or {}).get("settings", {})
    if study.rung not in _POOLED or "unlabelled" not in settings:
        return []
    return [
        "Every model of this kind, those that were scored too, learned from these scans as well, "
        "without masks "
        f"({settings['unlabelled']}): the score holds for scans like them that had no part in it."
    ]


def count_folds(study: Study) -> int:
    """Return into how many parts the training subjects were divided; 0 where they were not."""
    if study.splits is None or "fold" not in study.splits:
        return 0
    return len({fold for fold in study.splits["fold"] if fold})


def _who(rows: pd.DataFrame) -> str:
    n_cases, n_subjects = len(rows), rows["subject"].nunique()
    if n_cases == n_subjects:
        return count(n_subjects, "subject")
    return f"{count(n_cases, 'case')} of {count(n_subjects, 'subject')}"
