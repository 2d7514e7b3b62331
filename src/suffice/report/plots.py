"""Figures as inline SVG: the page's own colours and font, in light and in dark."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suffice.report.folder import History

# Stand-ins that no one draws with; the page's style sheet decides what they look like.
INK, MUTED, GRID, FIRST, SECOND = "#010203", "#010204", "#010205", "#010206", "#010207"
_VARIABLES = {INK: "ink", MUTED: "muted", GRID: "line", FIRST: "predicted", SECOND: "drawn"}
STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "suffice", "font.size": 11.0}


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of text, of what stands back, of lines behind, and of what is shown."""

    ink: str
    muted: str
    line: str
    mark: str


PAGE = Palette(INK, MUTED, GRID, FIRST)
PRINT = Palette("#17212b", "#566472", "#d9e0e6", "#d55e00")


def dice_figure(dice: pd.DataFrame, intervals: dict[str, tuple[float, float, float]]) -> str:
    """Draw Dice per case, a row of dots for each structure, its mean and interval below.

    Parameters
    ----------
    dice : DataFrame
        A row a case, a column a structure.
    intervals : dict
        Mean, low and high for each structure that the summary knows.
    """
    labels = [str(label) for label in dice.columns]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.75 + 0.85 * len(labels)), layout="constrained")
        axes = figure.add_subplot()
        for row, label in enumerate(labels):
            values = np.sort(dice[label].dropna().to_numpy(dtype=np.float64))
            heights = row - 0.08 - 0.028 * swarm(values)
            axes.scatter(
                values, heights, s=20, color=FIRST, alpha=0.75, linewidths=0, clip_on=False
            )
            if label in intervals:
                _interval(axes, row + 0.26, *intervals[label])
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.45, -0.6)
        low = float(np.nanmin(dice.to_numpy(dtype=np.float64)))
        axes.set_xlim(min(0.5, np.floor(low * 10) / 10) - 0.015, 1.0)
        axes.set_xlabel("Dice of each case (dots); mean over subjects with its interval (bar)")
        dress(axes, grid_axis="x")
        axes.tick_params(axis="y", length=0)
        return svg(figure)


def swarm(values: npt.NDArray[np.float64], width: float = 0.008) -> npt.NDArray[np.float64]:
    """Return how many dots each dot must climb so that none hides another.

    Parameters
    ----------
    values : array of shape (N,)
        Sorted ascending.
    width : float
        How near two dots may lie on one level.

    Examples
    --------
    >>> swarm(np.array([0.5, 0.501, 0.7])).tolist()
    [0.0, 1.0, 0.0]
    """
    last_of_level: list[float] = []
    levels = np.zeros(len(values))
    for i, value in enumerate(values):
        free = [level for level, last in enumerate(last_of_level) if value - last >= width]
        level = free[0] if free else len(last_of_level)
        if not free:
            last_of_level.append(value)
        last_of_level[level] = value
        levels[i] = level
    return np.minimum(levels, 14)


def _interval(axes: Axes, row: float, mean: float, low: float, high: float) -> None:
    if np.isfinite(low) and np.isfinite(high):
        axes.plot([low, high], [row, row], color=INK, linewidth=2.4, solid_capstyle="butt")
    axes.plot([mean], [row], marker="D", markersize=6, color=INK, linestyle="none")


def learned_columns(histories: Sequence[History]) -> list[str]:
    """Which of loss and Dice the histories tell: a search has no loss."""
    return [c for c in ("loss", "dice") if any(_tells(h, c) for h in histories)]


def _tells(history: History, column: str) -> bool:
    return column in history.table and bool(history.table[column].notna().any())


def history_figure(histories: list[History]) -> str:
    """Draw loss and training Dice against minutes; the final model thick, the folds thin."""
    columns = learned_columns(histories)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.8 + 1.8 * len(columns)), layout="constrained")
        rows = figure.subplots(len(columns), 1, sharex=True, squeeze=False)[:, 0]
        for axes, column in zip(rows, columns, strict=True):
            for history in sorted(histories, key=lambda h: h.is_final):
                if _tells(history, column):
                    _curve(axes, history, column)
            axes.set_ylabel({"loss": "Loss", "dice": "Training Dice"}[column])
            dress(axes, grid_axis="y")
            if column == "dice":
                axes.set_ylim(0, 1)
        rows[-1].set_xlabel("Minutes")
        rows[-1].set_xlim(left=0)
        figure.align_ylabels(list(rows))
        return svg(figure)


def _curve(axes: Axes, history: History, column: str) -> None:
    known = history.table[history.table[column].notna()]
    minutes = known["seconds"].to_numpy(dtype=np.float64) / 60.0
    values = known[column].to_numpy(dtype=np.float64)
    if history.is_final:
        axes.plot(minutes, values, color=SECOND, linewidth=2.2, zorder=3)
    else:
        axes.plot(minutes, values, color=MUTED, linewidth=0.9, alpha=0.7, zorder=2)


def dress(axes: Axes, grid_axis: str, palette: Palette = PAGE) -> None:
    """Take away what is no data, and colour the rest."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(palette.muted)
    axes.tick_params(colors=palette.muted, labelcolor=palette.ink)
    axes.grid(axis="x" if grid_axis == "x" else "y", color=palette.line, linewidth=0.8)
    axes.set_axisbelow(True)
    for text in (axes.xaxis.label, axes.yaxis.label):
        text.set_color(palette.ink)


def svg(figure: Figure) -> str:
    """Write the figure as an SVG element that takes font and colours from the page."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for stand_in, variable in _VARIABLES.items():
        text = text.replace(stand_in, f"var(--{variable})")
    text = re.sub(r"font: ([\d.]+px) [^;\"]+", r"font: \1 var(--font)", text)
    text = re.sub(r'(<svg [^>]*?)width="[\d.]+pt" height="[\d.]+pt"', r"\1", text, count=1)
    text = re.sub(r'(<svg [^>]*?)height="[\d.]+pt"', r"\1", text, count=1)
    return re.sub(r'(<svg [^>]*?)width="[\d.]+pt"', r"\1", text, count=1)
