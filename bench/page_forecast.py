"""The section of docs/benchmarks.md on forecasts of learning curves."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from page_parts import machine_line, row

SCORES = {"dice": "Dice", "nsd": "NSD"}
NAMES = {
    "combined": "ours, combined",
    "power": "power law with a floor alone",
    "exponential": "exponential plateau alone",
    "piecewise": "piecewise power law alone",
}


def forecast_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on forecasts from a quarter of the cases."""
    ours = rows[rows["method"] == "combined"]
    n_curves = (ours["metric"] == "dice").sum()
    yield "\n## How much is enough: forecasts from a quarter of the cases\n\n"
    yield (
        f"{n_curves} learning curves of {ours['cohort'].nunique()} cohorts, in Dice and in NSD "
        "(`bench/results/curves.csv`; those with too few sizes are left out): each is cut at a "
        "quarter of its cases, and the score at its "
        "full size is forecast from the rest. What ours expects, how it weighs families and how "
        "wide its intervals are was learned from the other cohorts alone; how sizes further back "
        "are weighed, and how long the tails of what it expects are, was chosen on these curves. "
        "Families alone are fitted to the same points by weighted least squares, their intervals "
        "by resampling. "
        "*Factor* is how many times too many or too few cases a forecast names for a score that "
        "was reached after the cut and not before: half-way to the full size's, and the full "
        "size's own; curves that rise by less than 0.01 after the cut have no such target. Who "
        "has several scans counts as one case. Ours names the median over the "
        "curves that the truth may be, a family alone where its fit gets there.\n\n"
    )
    head = ["score", "method", "error", "lean", "80 % intervals hold", "their width", "targets"]
    yield row([*head, "factor, half-way", "holds", "factor, full", "holds"])
    yield row(["---"] * 11)
    for (metric, method), part in rows.groupby(["metric", "method"], sort=False):
        yield row([SCORES[str(metric)], NAMES.get(str(method), method), *_cells(part)])
    yield "\nMedians over curves.\n\n"
    yield row(["cohort", "curves", "given", "full", "error in Dice", "80 % intervals hold"])
    yield row(["---"] * 6)
    for cohort, part in ours[ours["metric"] == "dice"].groupby("cohort", sort=True):
        error = (part["forecast"] - part["truth"]).abs().median()
        given = f"{part['n_given'].median():g}", f"{part['n_full'].median():g}"
        yield row([cohort, len(part), *given, f"{error:.4f}", _share(part["holds"])])
    yield f"\n- suffice {ours.iloc[0]['suffice']}; {machine_line(ours.iloc[0])}\n"


def _cells(part: pd.DataFrame) -> Iterator[object]:
    """What a row says of one score and method."""
    apart = part["forecast"] - part["truth"]
    yield f"{apart.abs().median():.4f}"
    yield f"{apart.median():+.4f}"
    yield _share(part["holds"])
    yield f"{(part['high'] - part['low']).median():.3f}"
    yield part["half_factor"].count()
    for kind in ("half", "full"):
        yield _factor(part[f"{kind}_factor"])
        yield _share(part[f"{kind}_holds"])


def _share(held: pd.Series) -> str:
    known = held.dropna()
    return f"{100 * (known.astype(str) == 'True').mean():.0f} %" if len(known) else ""


def _factor(factors: pd.Series) -> str:
    known = factors.dropna()
    return f"{known.median():.2f}" if len(known) else ""
