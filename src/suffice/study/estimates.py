"""Tables of the Dice to expect of masks that nobody drew, and how such estimates came true."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from suffice.core import FileFormatError
from suffice.quality import LEVELS, MEAN, Doubts, Estimate, Quality
from suffice.study.scores import with_case_means, write_scores

PREDICTIONS_CSV = "predictions.csv"
BY_LABEL_CSV = "predictions_by_label.csv"
LOWER = {level: f"dice_lower_{round(100 * level)}" for level in LEVELS}
"""Columns of the lower bounds, by level."""

COLUMNS = ("case", "predicted_dice", *LOWER.values(), "look", "notes")
BY_LABEL_COLUMNS = ("case", "label", "predicted_dice", *LOWER.values(), "notes")
QUALITY_COLUMNS = ("case", "subject", "label", "dice", "predicted_dice", *LOWER.values(), "part")
FIRST = "first"
# Held-back masks below this part of the estimates are those one would look at first.
_DOUBTFUL_PART = 0.25
_DIGITS = 4


def estimate_masks(doubts: Mapping[str, Doubts], quality: Quality) -> pd.DataFrame:
    """Estimate the Dice of masks.

    Parameters
    ----------
    doubts : dict of str to dict
        By the name of the case.
    quality : Quality

    Returns
    -------
    DataFrame
        Columns `BY_LABEL_COLUMNS`: a row a case and label, and one with the label ``mean``;
        empty cells where nothing can be said.
    """
    rows = [
        {"case": case, **_row(estimate)}
        for case, mine in doubts.items()
        for estimate in quality.judge.estimate(mine)
    ]
    return pd.DataFrame(rows, columns=list(BY_LABEL_COLUMNS))


def _row(estimate: Estimate) -> dict[str, object]:
    low = {column: estimate.low.get(level, np.nan) for level, column in LOWER.items()}
    dice = np.nan if estimate.dice is None else estimate.dice
    numbers = {"predicted_dice": dice, **low}
    return {
        "label": estimate.label,
        **{name: round(value, _DIGITS) for name, value in numbers.items()},
        "notes": "; ".join(estimate.notes),
    }


def worst_first(estimates: pd.DataFrame, quality: Quality) -> pd.DataFrame:
    """One row a case, the worst first: those to look at first, then the others, by their Dice.

    ``look`` is ``first`` where the estimate is lower than those of three in four held-back cases
    or something stands out.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`.
    """
    means = estimates[estimates["label"] == MEAN].drop(columns="label")
    judge = quality.judge
    known = [judge.honest(held).get(MEAN, np.nan) for held in judge.held_back]
    limit = float(np.nanquantile(known, _DOUBTFUL_PART))
    doubtful = (means["predicted_dice"] < limit) | (means["notes"] != "")
    means = means.assign(look=np.where(doubtful, FIRST, ""), is_fine=~doubtful)
    order = ["is_fine", "predicted_dice", *LOWER.values(), "case"]
    return means.sort_values(order, kind="stable")[list(COLUMNS)].reset_index(drop=True)


def write_estimates(folder: Path, doubts: Mapping[str, Doubts], quality: Quality) -> pd.DataFrame:
    """Write ``predictions.csv`` and ``predictions_by_label.csv``; return the first."""
    by_label = estimate_masks(doubts, quality)
    table = worst_first(by_label, quality)
    write_scores(folder / BY_LABEL_CSV, by_label)
    write_scores(folder / PREDICTIONS_CSV, table)
    return table


def forget_estimates(folder: Path, cases: Collection[str]) -> None:
    """Take cases whose masks were replaced by ones that nobody judged out of both tables.

    Raises
    ------
    FileFormatError
        If a table is damaged.
    """
    for path in (folder / BY_LABEL_CSV, folder / PREDICTIONS_CSV):
        if not path.is_file() or not cases:
            continue
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
            kept = table[~table["case"].isin(list(cases))]
        except (OSError, ValueError, KeyError) as error:
            raise FileFormatError(
                f"'{path}' is not a table of estimates", got=error, cure="Delete it."
            ) from error
        if len(kept) < len(table):
            write_scores(path, kept)


def compare_estimates(estimates: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Set the true Dice of masks beside what was expected of them.

    Parameters
    ----------
    estimates : DataFrame
        Of `estimate_masks`.
    scores : DataFrame
        Tidy scores, see `suffice.study.scores_table`, of one rater.

    Returns
    -------
    DataFrame
        Columns `QUALITY_COLUMNS` but ``part``: a row for each case and label that has both.
    """
    dice = scores[(scores["metric"] == "dice") & np.isfinite(scores["value"])]
    every = with_case_means(dice).rename(columns={"value": "dice"})
    kept = every[["case", "subject", "label", "dice"]]
    both = kept.merge(estimates, on=["case", "label"]).dropna(subset="predicted_dice")
    columns = [name for name in QUALITY_COLUMNS if name != "part"]
    return both[columns].sort_values(["case", "label"], kind="stable").reset_index(drop=True)


def estimate_errors(compared: pd.DataFrame) -> pd.DataFrame:
    """Say how estimates came true: a row a label.

    Parameters
    ----------
    compared : DataFrame
        Of `compare_estimates`.

    Returns
    -------
    DataFrame
        Columns ``label, n_cases, mean_absolute_error, correlation`` (by ranks) and for each
        level ``held_80``, the part of the cases above their lower bound; empty without bounds.
    """
    rows: list[dict[str, object]] = []
    for label, part in compared.groupby("label", sort=False):
        known = part.dropna(subset="predicted_dice")
        row: dict[str, object] = {"label": label, "n_cases": len(known)}
        row["mean_absolute_error"] = (known["dice"] - known["predicted_dice"]).abs().mean()
        ranks = known[["dice", "predicted_dice"]].rank()
        differ = len(known) > 2 and bool((ranks.nunique() > 1).all())
        row["correlation"] = ranks.corr().iloc[0, 1] if differ else np.nan
        for level, column in LOWER.items():
            bound = known.dropna(subset=column)
            held = (bound["dice"] >= bound[column]).mean() if len(bound) else np.nan
            row[f"held_{round(100 * level)}"] = held
        rows.append(row)
    columns = ["label", "n_cases", "mean_absolute_error", "correlation"]
    columns += [f"held_{round(100 * level)}" for level in LOWER]
    return pd.DataFrame(rows, columns=columns).round(_DIGITS)


def read_estimates(folder: Path) -> pd.DataFrame | None:
    """Read the estimates for masks in a folder, a row a case and label; ``None`` without any.

    Raises
    ------
    FileFormatError
        If the table is damaged.
    """
    path = folder / BY_LABEL_CSV
    if not path.is_file():
        return None
    numbers = ["predicted_dice", *LOWER.values()]
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table[numbers] = table[numbers].apply(pd.to_numeric)
        return table[list(BY_LABEL_COLUMNS)]
    except (OSError, ValueError, KeyError) as error:
        raise FileFormatError(
            f"'{path}' is not a table of estimates",
            got=error,
            expected=", ".join(BY_LABEL_COLUMNS),
            cure="Delete it, or predict again with --force.",
        ) from error
