"""What strategies of picking were worth, in one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from suffice.files import writing_file
from suffice.selecting import BASELINE, STRATEGIES
from suffice.study.rehearsal_design import START

_INK, _GREY = "#222222", "#888888"
# Okabe and Ito's palette; the baseline is black.
_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#B8A800")


def write_rehearsal_figure(path: Path, rounds: pd.DataFrame, effects: pd.DataFrame) -> None:
    """Draw Dice against the number of labelled cases, and differences with their intervals.

    Parameters
    ----------
    path : Path
        A PNG file.
    rounds : DataFrame
        Columns ``strategy, seed, round, n_cases, value``.
    effects : DataFrame
        Columns ``strategy, difference, low, high, p_holm``.
    """
    tried = [name for name in STRATEGIES if name in set(rounds["strategy"])]
    others = [name for name in tried if name != BASELINE]
    colours = dict(zip(others, _COLOURS, strict=False)) | {BASELINE: _INK}
    figure = Figure(figsize=(9.6, 3.9), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    _draw_curves(left, rounds, tried, colours)
    _draw_effects(right, effects, colours)
    for axes in (left, right):
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    with writing_file(path) as partial:
        figure.savefig(partial, format="png", metadata={"Software": None})


def _draw_curves(
    axes: Axes, rounds: pd.DataFrame, tried: list[str], colours: dict[str, str]
) -> None:
    whole = rounds[rounds["strategy"].isin([START, *tried])]
    for name in tried:
        mine = whole[whole["strategy"] == name]
        # All begin where the start of theirs was.
        begun = whole[(whole["strategy"] == START) & whole["seed"].isin(mine["seed"])]
        means = pd.concat([begun, mine]).groupby("n_cases")["value"].mean()
        is_base = name == BASELINE
        axes.plot(
            means.index.to_numpy(),
            100 * means.to_numpy(),
            color=colours[name],
            linewidth=2.6 if is_base else 1.6,
            marker="o",
            markersize=4,
            label=name,
            zorder=3 if is_base else 2,
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("labelled cases learned from")
    axes.set_ylabel("Dice of cases held back, %")
    axes.legend(frameon=False, fontsize=8.5)


def _draw_effects(axes: Axes, effects: pd.DataFrame, colours: dict[str, str]) -> None:
    axes.axvline(0, color=_GREY, linewidth=1)
    for y, row in enumerate(effects.to_dict("records")):
        colour = colours[str(row["strategy"])]
        low, middle, high = (100 * float(row[key]) for key in ("low", "difference", "high"))
        if np.isfinite([low, high]).all():
            axes.plot([low, high], [y, y], color=colour, linewidth=2.4)
        axes.plot([middle], [y], marker="D", markersize=6, color=colour)
    names = [
        f"{row['strategy']} *" if row["p_holm"] < 0.05 else str(row["strategy"])
        for row in effects.to_dict("records")
    ]
    axes.set_yticks(range(len(effects)), names)
    axes.set_ylim(len(effects) - 0.4, -0.6)
    axes.set_xlabel(f"points of Dice more than {BASELINE}\n* shown after Holm's correction")
