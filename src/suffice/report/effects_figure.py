"""What each family of augmentation is worth, in one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from suffice.files import writing_file

_BLUE, _GREY, _INK = "#0072B2", "#888888", "#222222"


def write_effects_figure(path: Path, effects: pd.DataFrame) -> None:
    """Draw a row for each arm with its difference and interval, and write it as PNG.

    Parameters
    ----------
    path : Path
    effects : DataFrame
        Columns ``arm, a, b, difference, low, high, p_holm``; differences in Dice.
    """
    n = len(effects)
    figure = Figure(figsize=(7.5, 1.1 + 0.34 * n), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.axvline(0, color=_GREY, linewidth=1)
    for y, row in enumerate(effects.to_dict("records")):
        is_shown = row["p_holm"] < 0.05
        colour = _BLUE if is_shown else _INK
        low, middle, high = (100 * float(row[key]) for key in ("low", "difference", "high"))
        if np.isfinite([low, high]).all():
            axes.plot([low, high], [y, y], color=colour, linewidth=2.2)
        axes.plot([middle], [y], marker="D", markersize=5, color=colour)
    axes.set_yticks(range(n), [f"{row['a']} - {row['b']}" for row in effects.to_dict("records")])
    axes.set_ylim(n - 0.4, -0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel("points of Dice gained; blue: shown after Holm's correction", fontsize=9)
    with writing_file(path) as partial:
        figure.savefig(partial, format="png", metadata={"Software": None})
