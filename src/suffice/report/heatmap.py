"""Rater by rater: the mean Dice of every two, in one picture."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_EMPTY = "#E6E6E6"
# Above this part of the colours' range a white number is read more easily than a black one.
_DARK = 0.55
_MOST_NUMBERS = 25


def write_heatmap(path: Path, table: pd.DataFrame) -> None:
    """Write the heat map of a table of agreement as PNG.

    Parameters
    ----------
    path : Path
    table : DataFrame
        Of `suffice.study.agreement.agreement_table`. The Dice of a case is the mean over its
        structures, that of a pair the mean over its subjects; what neither drew counts nothing.
    """
    raters, dice = mean_dice(table)
    side = 2.2 + 0.42 * len(raters)
    with matplotlib.rc_context({"font.size": 9.0}):
        figure = Figure(figsize=(side + 1.0, side), dpi=130, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        colours = matplotlib.colormaps["viridis_r"].with_extremes(bad=_EMPTY)
        low = _lowest(dice)
        shown = axes.imshow(np.ma.masked_invalid(dice), cmap=colours, vmin=low, vmax=1.0)
        names = _with_cases(table, raters)
        axes.set_xticks(range(len(raters)), names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(raters)), names)
        axes.set_title("How far every two raters agree", loc="left", fontsize=10.0)
        n_subjects = table["subject"].nunique()
        axes.set_xlabel(
            f"Rater (cases compared), of {n_subjects} subjects. Grey: nothing to compare.",
            loc="left",
        )
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        for (row, column), value in np.ndenumerate(dice if len(raters) <= _MOST_NUMBERS else []):
            if np.isfinite(value):
                dark = (value - low) / (1 - low) > _DARK
                colour = "white" if dark else "black"
                text = f"{value:.2f}" if value < 0.995 or value == 1 else ">.99"
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=7.5)
        figure.colorbar(shown, ax=axes, shrink=0.8, label="Dice of two raters, mean over subjects")
        figure.savefig(
            path, format="png", metadata={"Software": None}, bbox_inches="tight", pad_inches=0.15
        )


def mean_dice(table: pd.DataFrame) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Return the raters and the symmetric matrix of their mean Dice; NaN where none is shared."""
    raters = list(dict.fromkeys([*table["rater_a"], *table["rater_b"]]))
    matrix = np.full((len(raters), len(raters)), np.nan)
    dice = table[table["metric"] == "dice"]
    pair = ["rater_a", "rater_b"]
    cases = dice.groupby([*pair, "subject", "case"], sort=False)["value"].mean()
    subjects = cases.groupby([*pair, "subject"], sort=False).mean()
    means = subjects.groupby(pair, sort=False).mean().reset_index()
    for a, b, value in zip(means["rater_a"], means["rater_b"], means["value"], strict=True):
        i, j = raters.index(a), raters.index(b)
        matrix[i, j] = matrix[j, i] = value
    return raters, matrix


def _with_cases(table: pd.DataFrame, raters: list[str]) -> list[str]:
    """Name each rater with the number of cases: a mean over two of them says little."""
    both = pd.concat(
        table[[side, "case"]].set_axis(["rater", "case"], axis=1) for side in ("rater_a", "rater_b")
    )
    n_cases = both.groupby("rater")["case"].nunique()
    return [f"{rater} ({n_cases[rater]})" for rater in raters]


def _lowest(dice: npt.NDArray[np.float64]) -> float:
    """Where the colours begin: the tenth below the lowest value."""
    known = dice[np.isfinite(dice)]
    return float(min(np.floor(known.min() * 10) / 10, 0.9)) if known.size else 0.0
