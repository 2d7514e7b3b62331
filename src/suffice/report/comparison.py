"""A comparison of methods in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from suffice.metrics import WHOLE_CASE
from suffice.metrics.catalogue import METRICS, split_unit
from suffice.report.words import count, interval, metric_words, number, percent
from suffice.study import MEAN, Ranking, winner_of
from suffice.study.precision import MOST_SUBJECTS

_SHOWN_BELOW = 0.001
_UNITS = {"mm": "mm", "ml": "ml", "percent": "%", "px": "pixels", "mm2": "mm²"}


def difference_sentence(row: Mapping[str, Any], *, alpha: float = 0.05) -> str:
    """Say which of two methods is better, or that no difference was shown.

    Parameters
    ----------
    row : dict
        A row of `suffice.study.compare_scores`.
    alpha : float
        Level of the corrected test.
    """
    where = _where(row["label"])
    a, b, metric = str(row["a"]), str(row["b"]), str(row["metric"])
    if math.isnan(row["p_holm"]):
        return f"'{a}' and '{b}' share no subject{where}, so nothing can be said."
    p = f"p {p_words(row['p_holm'])} after Holm"
    if row["test"] == "wilcoxon":
        return _by_rank(row, where, p, is_shown=row["p_holm"] < alpha)
    whom = f"{p}; with {count(int(row['n_subjects']), 'subject')}."
    if row["p_holm"] >= alpha:
        gap = amount(metric, row["difference"])
        bounds = _bounds(metric, row["low"], row["high"])
        return f"No difference is shown{where}: '{a}' minus '{b}' is {gap}{bounds}, {whom}"
    winner, loser = winner_of(row)
    sign = 1 if row["difference"] >= 0 else -1
    bounds = _bounds(metric, *sorted((sign * row["low"], sign * row["high"])))
    gap = amount(metric, abs(row["difference"]))
    return f"'{winner}' is better than '{loser}'{where} by {gap}{bounds}, {whom}"


def _by_rank(row: Mapping[str, Any], where: str, p: str, *, is_shown: bool) -> str:
    """Say how many subjects are better and worse, where misses leave no mean of all."""
    metric = str(row["metric"])
    winner, loser = winner_of(row)
    fewer, more = sorted((int(row["n_better"]), int(row["n_worse"])))
    n_all = more + fewer + int(row["n_equal"])
    undefined = count(int(row["n_undefined"]), "subject")
    if is_shown:
        head = f"'{winner}' is better than '{loser}'{where} by {_title(metric)}"
    else:
        head = f"No difference is shown{where} by {_title(metric)} between '{winner}' and '{loser}'"
    gap = amount(metric, row["difference"]) + _bounds(metric, row["low"], row["high"])
    return (
        f"{head}: better on {more} of {count(n_all, 'subject')} and worse on {fewer}, {p}, by rank "
        f"as {undefined} had a missed or false structure; over the finite values "
        f"({count(int(row['n_subjects']), 'subject')}), '{row['a']}' minus '{row['b']}' is {gap}."
    )


def p_words(p: float) -> str:
    """Write a p-value with its sign.

    Examples
    --------
    >>> p_words(0.0312), p_words(0.00021), p_words(0.5)
    ('= 0.031', '< 0.001', '= 0.50')
    """
    if p < _SHOWN_BELOW:
        return f"< {_SHOWN_BELOW}"
    return f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def amount(metric: str, value: float) -> str:
    """Write a difference of a metric with its unit.

    Examples
    --------
    >>> amount("dice", 0.0213), amount("hd95_mm", 1.234)
    ('2.1 points of Dice', '1.23 mm of HD95')
    """
    factor, decimals, unit = _scale(metric)
    return f"{number(factor * value, decimals)} {unit} of {_title(metric)}"


def _bounds(metric: str, low: float, high: float) -> str:
    factor, decimals, _ = _scale(metric)
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f" ({interval(factor * low, factor * high, decimals)})"


def _scale(metric: str) -> tuple[float, int, str]:
    """What to multiply by, decimals to show, and the unit."""
    stem, unit = split_unit(metric)
    if unit:
        return 1.0, metric_words(metric).decimals, _UNITS[unit]
    if stem in METRICS and METRICS[stem].unit == "count":
        return 1.0, 1, "instances"
    if stem == "nll":
        return 1.0, metric_words(metric).decimals, "nats"
    return 100.0, 1, "points"


def _where(label: str) -> str:
    return "" if label in (MEAN, WHOLE_CASE) else f" on '{label}'"


def _title(metric: str) -> str:
    title = metric_words(split_unit(metric)[0]).title
    is_name = title in ("Dice", "Brier score") or title[1:] != title[1:].lower()
    return title if is_name else title.lower()


def ranking_sentence(ranking: Ranking) -> str:
    """Say which method is first and how often it would be with other subjects."""
    firsts = [m for m, r in zip(ranking.methods, ranking.ranks, strict=True) if r == 1]
    where = _where(ranking.label)
    by = {"mean": "mean", "median": "median", "rank": "mean rank"}[ranking.by]
    if len(firsts) > 1:
        return f"{' and '.join(map(repr, firsts))} share the first rank by {by}{where}."
    share = ranking.p_first[ranking.methods.index(firsts[0])]
    told = f"'{firsts[0]}' ranks first by {by} of {_title(ranking.metric)}{where}"
    return f"{told}, and in {percent(round(float(share), 3))} of the draws of subjects."


def width_sentence(row: Mapping[str, Any], width: float) -> str:
    """Say how many subjects an interval of a wanted width takes.

    Parameters
    ----------
    row : dict
        Of the table of scores of `suffice.workflows.comparing.compare`.
    width : float
        Wanted, from bound to bound.
    """
    metric = str(row["metric"])
    return (
        f"'{row['method']}': the interval is {amount(metric, row['width'])} wide with "
        f"{count(int(row['n_subjects']), 'subject')}; for {amount(metric, width)} it takes "
        f"{_number_of(row, 'n_for_width')}."
    )


def detection_sentence(row: Mapping[str, Any], difference: float) -> str:
    """Say how many subjects a difference takes to be shown with a power of 0.8."""
    return (
        f"To show {amount(str(row['metric']), difference)} between '{row['a']}' and '{row['b']}' "
        f"with a power of 80 % takes {_number_of(row, 'n_for_difference')}."
    )


def _number_of(row: Mapping[str, Any], column: str) -> str:
    n, low, high = (int(row[f"{column}{end}"]) for end in ("", "_low", "_high"))
    if n >= MOST_SUBJECTS:
        return f"more than {count(MOST_SUBJECTS, 'subject')}"
    lowest, highest = (f"{bound:,}".replace(",", "\u202f") for bound in (low, high))
    if high >= MOST_SUBJECTS:
        highest = "any number"
    known = count(int(row["n_subjects"]), "subject")
    return (
        f"about {count(n, 'subject')} ({lowest} to {highest}, as {known} leave the spread unsure)"
    )
