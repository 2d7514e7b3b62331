"""Learning curves carried on, in one picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from suffice.files import writing_file
from suffice.forecasting import Forecast

_BLUE, _ORANGE, _INK, _GREY = "#0072B2", "#D55E00", "#222222", "#888888"
# After Okabe and Ito, the first for the usual way.
_COLOURS = (_BLUE, "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#8C6D1F")
_STYLE: Any = {
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "suffice",
}
_TICKS = (1, 2, 3, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveLine:
    """One curve.

    Parameters
    ----------
    name : str
        How it was trained.
    rows : DataFrame
        Columns ``n_cases, value``: a row for each training.
    forecast : Forecast
    """

    name: str
    rows: pd.DataFrame
    forecast: Forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePanel:
    """Curves that are drawn over each other.

    Parameters
    ----------
    title, metric : str
        In words.
    lines : sequence of CurveLine
        One or more; the first gets its band.
    unit : str
        What is counted, ``cases`` or ``subjects``.
    """

    title: str
    metric: str
    lines: Sequence[CurveLine]
    unit: str = "cases"


def write_curve_figure(path: Path, panels: Sequence[CurvePanel]) -> None:
    """Draw each curve with its forecast and interval, the target and where it is reached.

    Parameters
    ----------
    path : Path
        Ends in ``.png`` or ``.svg``.
    panels : sequence of CurvePanel
    """
    n_columns = min(2, len(panels))
    n_rows = -(-len(panels) // n_columns)
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(5.6 * n_columns, 4.0 * n_rows), dpi=130, layout="constrained")
        FigureCanvasAgg(figure)
        places = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for axes, panel in zip(places, panels, strict=False):
            _draw(axes, panel)
        for axes in places[len(panels) :]:
            axes.set_axis_off()
        figure.supxlabel(textwrap.fill(_caption(panels), 90 * n_columns), fontsize=8.5)
        with writing_file(path) as partial:
            kind = path.suffix.removeprefix(".")
            about = {"Date": None} if kind == "svg" else {"Software": None}
            figure.savefig(partial, format=kind, metadata=about)


def _caption(panels: Sequence[CurvePanel]) -> str:
    level = f"{100 * panels[0].lines[0].forecast.level:.0f} %"
    if all(len(panel.lines) == 1 for panel in panels):
        return (
            f"Dots: trainings; line: forecast; band: its {level} interval beyond what was measured,"
            " on grey; diamond: cases that the target takes"
        )
    return (
        f"Dots: trainings; lines: forecasts, dashed beyond what was measured, the usual way with"
        f" its {level} interval; diamonds and bars: cases that the target takes, and their"
        " intervals"
    )


def _draw(axes: Axes, panel: CurvePanel) -> None:
    first = panel.lines[0].forecast
    farthest = max(line.forecast.limit for line in panel.lines)
    smallest = min(float(line.forecast.n_cases[0]) for line in panel.lines)
    largest = max(line.forecast.measured.largest for line in panel.lines)
    axes.axvspan(largest, farthest, color=_GREY, alpha=0.10, linewidth=0)
    floor = min(float(line.rows["value"].min()) for line in panel.lines)
    for number, line in enumerate(panel.lines):
        is_alone = len(panel.lines) == 1
        colour = _COLOURS[number % len(_COLOURS)]
        low = _draw_line(axes, line, colour, band=number == 0, dots=_INK if is_alone else colour)
        floor = min(floor, low)
    if first.needed is not None:
        floor = min(floor, first.needed.target)
    axes.set_xscale("log")
    axes.set_xlim(smallest * 0.9, farthest)
    axes.set_ylim(max(0.0, floor - 0.05), 1.0)
    _draw_targets(axes, panel.lines)
    decades = 10 ** np.arange(0, 1 + int(np.log10(farthest)))
    ticks = [t * d for d in decades for t in _TICKS if smallest <= t * d <= farthest]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"labelled {panel.unit} learned from")
    axes.set_ylabel(panel.metric)
    axes.set_title(panel.title, loc="left", fontsize=10.5)
    if len(panel.lines) > 1:
        axes.legend(loc="lower right", frameon=False, fontsize=9)


def _draw_line(axes: Axes, line: CurveLine, colour: str, *, band: bool, dots: str) -> float:
    """Draw a curve, and return the lowest score that it shows."""
    made = line.forecast
    shown = made.n_cases[made.n_cases <= made.limit * 1.001]
    found = [made.value_at(float(min(n, made.limit))) for n in shown]
    expected = np.array([one.value for one in found])
    is_measured = shown <= made.measured.largest * 1.001
    # From the last point that was measured on, so that nothing has a gap.
    beyond = np.arange(len(shown)) >= is_measured.sum() - 1
    lowest = float(expected.min())
    if band:
        # Before, the dots say what was reached; sizes far back hardly count for the forecast.
        low, high = (
            np.array([getattr(one, side) for one in found])[beyond] for side in ("low", "high")
        )
        axes.fill_between(shown[beyond], low, high, color=colour, alpha=0.18, linewidth=0)
        lowest = min(lowest, float(low.min()))
        axes.plot(shown, expected, color=colour, linewidth=2, label=line.name)
    else:
        axes.plot(
            shown[is_measured], expected[is_measured], color=colour, linewidth=2, label=line.name
        )
        axes.plot(
            shown[beyond], expected[beyond], color=colour, linewidth=1.4, linestyle=(0, (4, 2))
        )
    axes.scatter(
        line.rows["n_cases"], line.rows["value"], s=14, color=dots, alpha=0.6, linewidths=0
    )
    return lowest


def _draw_targets(axes: Axes, lines: Sequence[CurveLine]) -> None:
    """The target as a line; where a curve reaches it a diamond, with its interval."""
    step = 0.022 * (axes.get_ylim()[1] - axes.get_ylim()[0])
    for number, line in enumerate(lines):
        needed = line.forecast.needed
        if needed is None:
            continue
        if number == 0:
            axes.axhline(needed.target, color=_ORANGE, linewidth=1, linestyle="--")
        # Bars of several curves below each other, or one would hide the next.
        y = needed.target - step * (number + 1) * (len(lines) > 1)
        colour = _ORANGE if len(lines) == 1 else _COLOURS[number % len(_COLOURS)]
        low, high = needed.low or needed.limit, needed.high or needed.limit
        axes.plot([low, high], [y, y], color=colour, linewidth=2.6)
        if needed.high is None:
            # An interval that is open above.
            axes.plot([high], [y], marker=">", markersize=7, color=colour, clip_on=False)
        if needed.n_cases is not None:
            axes.plot([needed.n_cases], [y], marker="D", markersize=5, color=colour)
