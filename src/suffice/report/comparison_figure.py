"""A comparison of methods in one picture: paired differences and the ranks of each method."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from suffice.report.plots import swarm
from suffice.report.words import metric_words
from suffice.study import MEAN, Paired, Ranking
from suffice.study.comparing import paired_differences

_BLUE, _INK, _GREY = "#0072B2", "#222222", "#888888"
_STYLE: Any = {"font.size": 10.0, "axes.spines.top": False, "axes.spines.right": False}


def write_comparison_figure(
    path: Path,
    paired: Sequence[Paired],
    differences: pd.DataFrame,
    rankings: Sequence[Ranking],
) -> None:
    """Draw a row for each label and metric and write it as PNG.

    Parameters
    ----------
    path : Path
    paired : sequence of Paired
        Of two methods or more.
    differences : DataFrame
        Of `suffice.study.compare_scores`.
    rankings : sequence of Ranking
        One for each of ``paired``.
    """
    n_pairs = [len(one.methods) * (len(one.methods) - 1) // 2 for one in paired]
    heights = [1.0 + 0.62 * max(pairs, 2) for pairs in n_pairs]
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(10.5, sum(heights)), dpi=130, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(
            len(paired),
            2,
            squeeze=False,
            gridspec_kw={"width_ratios": [2.1, 1], "height_ratios": heights},
        )
        for row, (one, ranking) in enumerate(zip(paired, rankings, strict=True)):
            here = (differences["label"] == one.label) & (differences["metric"] == one.metric)
            _draw_differences(axes[row, 0], one, differences[here])
            _draw_ranks(axes[row, 1], ranking)
        figure.supxlabel(
            "Dots: difference of each subject, first method minus second; bar: their mean with"
            " its interval",
            fontsize=9,
        )
        figure.savefig(
            path, format="png", metadata={"Software": None}, bbox_inches="tight", pad_inches=0.15
        )


def _draw_differences(axes: Axes, paired: Paired, rows: pd.DataFrame) -> None:
    """Dots are subjects, the bar below them is the mean with its interval."""
    of_pair = [
        paired_differences(paired, paired.methods.index(row["a"]), paired.methods.index(row["b"]))
        for row in rows.to_dict("records")
    ]
    drawn = np.concatenate([*of_pair, rows["low"], rows["high"]])
    reach = float(np.abs(drawn[np.isfinite(drawn)]).max(initial=0.0)) or 1.0
    axes.axvline(0, color=_GREY, linewidth=1)
    for y, (row, values) in enumerate(zip(rows.to_dict("records"), of_pair, strict=True)):
        shown = np.sort(np.clip(values, -1.12 * reach, 1.12 * reach))
        heights = y - 0.08 - 0.07 * np.minimum(swarm(shown, 0.022 * reach), 6)
        is_miss = np.abs(shown) > 1.1 * reach
        axes.scatter(shown[~is_miss], heights[~is_miss], s=16, color=_BLUE, alpha=0.7, linewidths=0)
        axes.scatter(shown[is_miss], heights[is_miss], s=30, marker="x", color=_INK)
        if np.isfinite([row["low"], row["high"]]).all():
            axes.plot([row["low"], row["high"]], [y + 0.2] * 2, color=_INK, linewidth=2.4)
        axes.plot([row["difference"]], [y + 0.2], marker="D", markersize=5, color=_INK)
    names = [f"{row['a']} − {row['b']}" for row in rows.to_dict("records")]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.45, -0.65)
    axes.set_xlim(-1.2 * reach, 1.2 * reach)
    axes.set_title(_title(paired.label, paired.metric), loc="left", fontsize=11)
    better = "right" if paired.sign > 0 else "left"
    crosses = "; cross: missed or false" if np.isinf(drawn).any() else ""
    axes.set_xlabel(f"first method better to the {better} of 0{crosses}", fontsize=8.5)


def _title(label: str, metric: str) -> str:
    return metric_words(metric).title + ("" if label == MEAN else f", {label}")


def _draw_ranks(axes: Axes, ranking: Ranking) -> None:
    """How often each method takes each rank when subjects are drawn again; the best on top."""
    order = np.argsort(ranking.ranks, kind="stable")
    shares = ranking.shares[order]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        if share:
            text = "< 1" if share < 0.01 else "> 99" if 0.99 < share < 1 else f"{100 * share:.0f}"
            shade = "white" if share > 0.6 else _INK
            axes.text(column, row, text, ha="center", va="center", color=shade, fontsize=9)
    axes.set_yticks(range(len(order)), [ranking.methods[i] for i in order])
    axes.set_xticks(range(len(order)), [str(i + 1) for i in range(len(order))])
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_title("Rank, % of the draws of subjects", loc="left", fontsize=11)
