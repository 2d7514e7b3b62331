"""Sizes over time, and lung volume against spirometry, as inline SVG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suffice.report.plots import FIRST, INK, MUTED, SECOND, STYLE, dress, svg

FloatArray = npt.NDArray[np.float64]

# Blows of one session may differ by as much (ATS/ERS 2019, doi 10.1164/rccm.201908-1590ST): an
# axis that shows less would make a fall of nothing.
_REPEATABLE_L = 0.15


def trend_figure(track: pd.DataFrame, unit: str, tests: pd.DataFrame | None = None) -> str:
    """Draw the sizes of one subject over its visits, and its FVC below.

    Parameters
    ----------
    track : DataFrame
        Rows of one subject, see `suffice.tracking.changes_of`. Bars are the 95 % intervals of the
        sizes where these are known; else half of what a change may be without a reason, over
        the root of two, which is the same for one size.
    unit : str
        Of the sizes.
    tests : DataFrame, optional
        Columns ``test_date`` and ``fvc_l`` of the same subject.
    """
    labels = list(dict.fromkeys(track["label"]))
    with_tests = tests is not None and len(tests) and tests["fvc_l"].notna().any()
    n_rows = len(labels) + bool(with_tests)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.7 + 1.55 * n_rows), layout="constrained")
        rows = figure.subplots(n_rows, 1, sharex=True, squeeze=False)[:, 0]
        for axes, label in zip(rows, labels, strict=False):
            _series(axes, track[track["label"] == label], f"{label}\n({_words(unit)})")
        if with_tests and tests is not None:
            _tests(rows[-1], tests)
        places, names = _ticks(track)
        rows[-1].set_xticks(places, names)
        span = max(float(np.ptp(places)), 1.0)
        rows[-1].set_xlim(min(places) - 0.12 * span, max(places) + 0.12 * span)
        figure.align_ylabels(list(rows))
        return svg(figure)


def _words(unit: str) -> str:
    return {"mm2": "mm²", "px": "pixels"}.get(unit, unit)


def places_of(track: pd.DataFrame) -> FloatArray:
    """Where visits stand: at their dates in days, or one after the other."""
    days = pd.to_datetime(track["date"].replace("", None), format="%Y-%m-%d", errors="coerce")
    if days.notna().all() and days.nunique() > 1:
        return (days - pd.Timestamp(1970, 1, 1)).dt.total_seconds().to_numpy(np.float64) / 86400
    return np.arange(len(track), dtype=np.float64)


def _ticks(track: pd.DataFrame) -> tuple[list[float], list[str]]:
    one = track[track["label"] == track["label"].iloc[0]]
    names = [str(row["date"] or row["visit"] or row["case"]) for row in one.to_dict("records")]
    return [float(x) for x in places_of(one)], names


def _series(axes: Axes, part: pd.DataFrame, title: str) -> None:
    x, y = places_of(part), part["value"].to_numpy(np.float64)
    low, high = (part[name].to_numpy(np.float64) for name in ("low", "high"))
    noise = part["noise"].to_numpy(np.float64)
    half = np.where(np.isfinite(noise), noise, np.nanmax(noise, initial=0.0)) / np.sqrt(2)
    below = np.where(np.isfinite(low), y - low, half)
    above = np.where(np.isfinite(high), high - y, half)
    axes.plot(x, y, color=SECOND, linewidth=1.6, zorder=2)
    axes.errorbar(
        x,
        y,
        yerr=np.maximum([below, above], 0.0),
        fmt="o",
        markersize=6,
        color=SECOND,
        ecolor=INK,
        elinewidth=1.6,
        capsize=3,
        zorder=3,
    )
    axes.set_ylabel(title)
    axes.margins(y=0.25)
    dress(axes, grid_axis="y")


def _tests(axes: Axes, tests: pd.DataFrame) -> None:
    days = pd.to_datetime(tests["test_date"], format="%Y-%m-%d", errors="coerce")
    x = (days - pd.Timestamp(1970, 1, 1)).dt.total_seconds().to_numpy(np.float64) / 86400
    y = tests["fvc_l"].to_numpy(np.float64)
    axes.plot(x, y, color=FIRST, marker="s", markersize=6, linewidth=1.6)
    axes.set_ylabel("FVC\n(l)")
    middle = (np.nanmin(y) + np.nanmax(y)) / 2
    half = max(0.75 * float(np.nanmax(y) - np.nanmin(y)), _REPEATABLE_L)
    axes.set_ylim(middle - half, middle + half)
    dress(axes, grid_axis="y")


def breathing_figure(pairs: pd.DataFrame, agreement: Mapping[str, Any]) -> str:
    """Draw lung volume against FVC: scatter with Deming's line, Bland-Altman, and both changes.

    Parameters
    ----------
    pairs : DataFrame
        Columns ``subject, lungs_l, fvc_l, test_date``, in the order of the visits.
    agreement : dict
        ``fvc`` and, where subjects have two visits, ``fvc_change``, as in ``agreement.json``.
    """
    known = pairs[pairs["fvc_l"].notna() & pairs["lungs_l"].notna()]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.3), layout="constrained")
        left, right = figure.subplots(1, 2)
        _scatter(left, known, agreement["fvc"])
        _bland_altman(right, known, agreement["fvc"])
        return svg(figure)


def _scatter(axes: Axes, pairs: pd.DataFrame, found: Mapping[str, Any]) -> None:
    x, y = (pairs[name].to_numpy(np.float64) for name in ("lungs_l", "fvc_l"))
    for _, mine in pairs.groupby("subject", sort=False):
        axes.plot(mine["lungs_l"], mine["fvc_l"], color=MUTED, linewidth=0.9, zorder=1)
    axes.scatter(x, y, s=22, color=SECOND, linewidths=0, zorder=3)
    slope, cut = found["slope"]["value"], found["intercept"]["value"]
    if slope is not None and cut is not None and len(x) > 1:
        ends = np.array([x.min(), x.max()])
        axes.plot(ends, slope * ends + cut, color=INK, linewidth=1.8, zorder=2)
    axes.set_xlabel("Lungs on the scan (l)")
    axes.set_ylabel("FVC (l)")
    dress(axes, grid_axis="y")


def _bland_altman(axes: Axes, pairs: pd.DataFrame, found: Mapping[str, Any]) -> None:
    x, y = (pairs[name].to_numpy(np.float64) for name in ("lungs_l", "fvc_l"))
    axes.scatter((x + y) / 2, x - y, s=22, color=SECOND, linewidths=0, zorder=3)
    for name, style in (("bias", "-"), ("lower_limit", "--"), ("upper_limit", "--")):
        one = found[name]
        if one["value"] is None:
            continue
        axes.axhline(one["value"], color=INK, linewidth=1.6, linestyle=style, zorder=2)
        if one["low"] is not None:
            axes.axhspan(one["low"], one["high"], color=MUTED, alpha=0.15, linewidth=0, zorder=1)
    axes.set_xlabel("Mean of both (l)")
    axes.set_ylabel("Scan minus FVC (l)")
    dress(axes, grid_axis="y")


def changes_figure(pairs: pd.DataFrame) -> str | None:
    """Draw lung volume and FVC of every subject over its visits, in percent of the first.

    Returns
    -------
    str or None
        ``None`` where no subject has two dated pairs.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 2.9), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        n_drawn = 0
        for one, name, day, colour in (
            (axes[0], "lungs_l", "date", SECOND),
            (axes[1], "fvc_l", "test_date", FIRST),
        ):
            for _, mine in pairs.groupby("subject", sort=False):
                days = pd.to_datetime(mine[day], format="%Y-%m-%d", errors="coerce")
                values = mine[name].to_numpy(np.float64)
                if len(mine) < 2 or days.isna().any() or not np.isfinite(values).all():
                    continue
                years = (days - days.min()).dt.total_seconds() / 86400 / 365.25
                one.plot(years, 100 * values / values[0], color=colour, marker="o", markersize=4)
                n_drawn += 1
            one.axhline(100, color=MUTED, linewidth=1)
            one.set_xlabel("Years since the first visit")
            dress(one, grid_axis="y")
        axes[0].set_ylabel("% of the first visit")
        axes[0].set_title("Lungs on the scan", color=INK, fontsize=11, loc="left")
        axes[1].set_title("FVC", color=INK, fontsize=11, loc="left")
        return svg(figure) if n_drawn else None
