"""The kinds of models side by side: Dice against minutes, and which one is enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suffice.files import writing_file
from suffice.report.folder import Study
from suffice.report.plots import PAGE, PRINT, STYLE, Palette, dress, svg
from suffice.report.words import MISSING, count, duration, interval, listed, number
from suffice.study.ladder import BEST, ENOUGH, REFUSED

SIZE = (7.2, 4.2)
TICKS_MINUTES = (1 / 60, 0.05, 1 / 6, 0.5, 1, 3, 10, 30, 60, 180, 600)
# Points closer than this part of each other's minutes stand side by side.
APART = 1.07


@dataclass(frozen=True, slots=True)
class LadderRow:
    """One kind of model in words."""

    rung: str
    dice: str
    interval: str
    behind: str
    behind_interval: str
    minutes: str
    memory: str
    scan: str
    verdict: str
    note: str
    refused: bool


def ladder_rows(study: Study) -> list[LadderRow]:
    """Put ``ladder.csv`` into words; nothing where the study has none."""
    return [] if study.ladder is None else [_row(row) for _, row in study.ladder.iterrows()]


def _row(row: pd.Series) -> LadderRow:
    minutes, memory, seconds = (
        float(row[name]) for name in ("minutes", "memory_gb", "seconds_per_scan")
    )
    is_best = BEST in str(row["verdict"])
    return LadderRow(
        rung=str(row["rung"]),
        dice=number(float(row["dice"]), 3),
        interval=interval(float(row["low"]), float(row["high"]), 3),
        behind=MISSING if is_best else number(float(row["behind"]), 3),
        behind_interval=MISSING
        if is_best
        else interval(float(row["behind_low"]), float(row["behind_high"]), 3),
        minutes=duration(minutes) if math.isfinite(minutes) else MISSING,
        memory=f"{number(memory, 1)} GB" if math.isfinite(memory) else MISSING,
        scan=f"{number(seconds, 1)} s" if math.isfinite(seconds) else MISSING,
        verdict=str(row["verdict"]),
        note=str(row["note"]),
        refused=str(row["verdict"]) == REFUSED,
    )


def ladder_sentences(study: Study) -> list[str]:
    """Say which kind was chosen, by what, and which would have been enough."""
    rows = [row for row in ladder_rows(study) if not row.refused]
    if len(rows) < 2:
        return []
    names = {
        word: [r.rung for r in rows if word in r.verdict.split(", ")] for word in (BEST, ENOUGH)
    }
    sentences = [
        f"{count(len(rows), 'kind')} of models learned from the same cases and were scored on the "
        f"same folds: {listed([row.rung for row in rows])}. The best by mean Dice over the folds, "
        f"{listed(names[BEST])}, was chosen and drew the masks."
    ]
    if names[ENOUGH]:
        sentences.append(
            f"{listed(names[ENOUGH])} is enough: of the kinds that are not clearly behind the best "
            "(their paired interval reaches 0, or they lie less than a point of Dice behind), it "
            "took the fewest minutes."
        )
    if study.splits is not None and (study.splits["part"] == "test").any():
        sentences.append("The cases set apart for the test had no part in the choice.")
    else:
        sentences.append(
            "The choice and the score of the chosen kind rest on the same cases, so that its score "
            "is a little too good. Cases set apart with --test have no part in the choice."
        )
    return sentences


def ladder_figure(ladder: pd.DataFrame) -> str:
    """Draw Dice against minutes as an SVG element for the page.

    Parameters
    ----------
    ladder : DataFrame
        Of `suffice.study.ladder_table`.
    """
    with matplotlib.rc_context(STYLE):
        return svg(_draw(ladder, PAGE))


def write_ladder_figure(path: Path, ladder: pd.DataFrame) -> None:
    """Write the same picture as PNG or SVG, by the name's ending, on white.

    Parameters
    ----------
    path : Path
    ladder : DataFrame
        Of `suffice.study.ladder_table`.
    """
    with matplotlib.rc_context(STYLE), writing_file(path, overwrite=True) as partial:
        figure = _draw(ladder, PRINT)
        no_date = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        kind = path.suffix.removeprefix(".")
        figure.savefig(partial, format=kind, dpi=150, facecolor="white", metadata=no_date)


def _draw(ladder: pd.DataFrame, palette: Palette) -> Figure:
    known = _side_by_side(ladder[ladder["dice"].notna() & (ladder["minutes"] > 0)])
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    for row in known.to_dict("records"):
        _point(axes, row, palette)
    _limits(axes, known)
    _names(axes, known, palette)
    axes.set_xlabel("Time that a training took")
    axes.set_ylabel("Dice")
    dress(axes, "y", palette)
    return figure


def _side_by_side(known: pd.DataFrame) -> pd.DataFrame:
    """Move points of nearly equal minutes a little apart, so that none hides another.

    The column ``beside`` says where the name of a point goes: beside the last of its group.
    """
    spread = known.sort_values(["minutes", "dice"]).reset_index(drop=True)
    minutes = spread["minutes"].to_numpy(dtype=np.float64).copy()
    for i in range(1, len(minutes)):
        minutes[i] = max(minutes[i], APART * minutes[i - 1])
    beside = minutes.copy()
    for i in range(len(minutes) - 1, 0, -1):
        if minutes[i - 1] * APART * 1.001 >= minutes[i]:
            beside[i - 1] = beside[i]
    return spread.assign(minutes=minutes, beside=beside)


def _point(axes: Axes, row: dict[Any, Any], palette: Palette) -> None:
    is_marked = bool(row["verdict"])
    colour = palette.mark if is_marked else palette.muted
    place = [row["minutes"]] * 2
    if np.isfinite([row["low"], row["high"]]).all():
        axes.plot(place, [row["low"], row["high"]], color=colour, linewidth=1.8)
    axes.plot(place[:1], [row["dice"]], marker="o", markersize=7, color=colour)


def _limits(axes: Axes, known: pd.DataFrame) -> None:
    if known.empty:
        return
    minutes = known["minutes"].to_numpy(dtype=np.float64)
    axes.set_xlim(minutes.min() / 1.6, minutes.max() * 4.0)
    lowest = np.nanmin(known[["low", "dice"]].to_numpy(dtype=np.float64))
    axes.set_ylim(max(0.0, np.floor(20 * lowest) / 20 - 0.02), 1.0)
    ticks = [t for t in TICKS_MINUTES if minutes.min() / 1.6 <= t <= minutes.max() * 4.0]
    axes.set_xticks(ticks, [duration(t) for t in ticks])
    axes.minorticks_off()


def _names(axes: Axes, known: pd.DataFrame, palette: Palette) -> None:
    """Write the names beside the points, or as near as there is room, with a line to each."""
    taken: list[tuple[float, float, float]] = []
    bars = [
        (math.log(row["minutes"]), np.fmin(row["low"], row["dice"]), np.fmax(row["high"], 0))
        for row in known.to_dict("records")
    ]
    least, most = axes.get_xlim()
    low, high = axes.get_ylim()
    step = 0.055 * (high - low)
    for row in known.sort_values("dice", ascending=False).to_dict("records"):
        words = f"{row['rung']} ({row['verdict']})" if row["verdict"] else str(row["rung"])
        x = math.log(row["beside"])
        # What the letters take of the axis, with the gap before them.
        end = x + math.log(most / least) * (0.02 + 0.0115 * len(words))

        def is_free(y: float, x: float = x, end: float = end) -> bool:
            return all(
                end < first or last < x or abs(y - other) >= step for first, last, other in taken
            ) and not any(
                x < at < end and bottom - 0.5 * step < y < top + 0.5 * step
                for at, bottom, top in bars
            )

        shifts = sorted((0.25 * step * k for k in range(-40, 41)), key=abs)
        places = [float(row["dice"]) + shift for shift in shifts]
        inside = [y for y in places if low + step < y < high - 0.4 * step]
        y = next((y for y in inside if is_free(y)), float(row["dice"]))
        taken.append((x, end, y))
        axes.annotate(
            words,
            (row["minutes"], row["dice"]),
            xytext=(row["beside"] * (most / least) ** 0.018, y),
            textcoords="data",
            va="center",
            color=palette.ink,
            fontsize=9.5,
            arrowprops={
                "arrowstyle": "-",
                "color": palette.muted,
                "linewidth": 0.6,
                "relpos": (0.0, 0.5),
                "shrinkB": 3,
            },
        )
