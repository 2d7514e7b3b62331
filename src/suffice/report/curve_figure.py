"""Learning curves carried on, in one picture."""

from __future__ import annotations

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
_STYLE: Any = {
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "suffice",
}
_TICKS = (1, 2, 3, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePanel:
    """One curve of the picture.

    Parameters
    ----------
    title, metric : str
        In words.
    rows : DataFrame
        Columns ``n_cases, value``: a row for each training.
    forecast : Forecast
    unit : str
        What is counted, ``cases`` or ``subjects``.
    """

    title: str
    metric: str
    rows: pd.DataFrame
    forecast: Forecast
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
        level = f"{100 * panels[0].forecast.level:.0f} %"
        figure.supxlabel(
            f"Dots: trainings; line and band: forecast with its {level} interval, in grey beyond"
            " what was measured; diamond: cases that the target takes",
            fontsize=8.5,
        )
        with writing_file(path) as partial:
            kind = path.suffix.removeprefix(".")
            about = {"Date": None} if kind == "svg" else {"Software": None}
            figure.savefig(partial, format=kind, metadata=about)


def _draw(axes: Axes, panel: CurvePanel) -> None:
    made = panel.forecast
    shown = made.n_cases[made.n_cases <= made.limit * 1.001]
    expected = np.array([made.value_at(float(min(n, made.limit))).value for n in shown])
    bounds = [made.value_at(float(min(n, made.limit))) for n in shown]
    low, high = (np.array([getattr(one, side) for one in bounds]) for side in ("low", "high"))
    largest = made.measured.largest
    axes.axvspan(largest, float(shown[-1]), color=_GREY, alpha=0.10, linewidth=0)
    axes.fill_between(shown, low, high, color=_BLUE, alpha=0.22, linewidth=0)
    axes.plot(shown, expected, color=_BLUE, linewidth=2)
    axes.scatter(
        panel.rows["n_cases"], panel.rows["value"], s=14, color=_INK, alpha=0.6, linewidths=0
    )
    floor = min(float(panel.rows["value"].min()), float(low.min()))
    if made.needed is not None:
        _draw_target(axes, made)
        floor = min(floor, made.needed.target)
    axes.set_xscale("log")
    axes.set_xlim(float(shown[0]) * 0.9, float(shown[-1]))
    axes.set_ylim(max(0.0, floor - 0.05), 1.0)
    decades = 10 ** np.arange(0, 1 + int(np.log10(shown[-1])))
    ticks = [t * d for d in decades for t in _TICKS if shown[0] <= t * d <= shown[-1]]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"labelled {panel.unit} learned from")
    axes.set_ylabel(panel.metric)
    axes.set_title(panel.title, loc="left", fontsize=10.5)


def _draw_target(axes: Axes, made: Forecast) -> None:
    """The target as a line; where the curve reaches it a diamond, with its interval."""
    needed = made.needed
    if needed is None:
        return
    axes.axhline(needed.target, color=_ORANGE, linewidth=1, linestyle="--")
    low, high = needed.low or needed.limit, needed.high or needed.limit
    axes.plot([low, high], [needed.target] * 2, color=_ORANGE, linewidth=2.6)
    if needed.n_cases is not None:
        axes.plot([needed.n_cases], [needed.target], marker="D", markersize=6, color=_ORANGE)
